"""Matrix transpose."""

import torch

from pytest_tritonbench import dim, task, tensor


@task(
    inputs={"x": tensor("m", "n")},
    dtypes=("float32", "float16", "bfloat16", "int8"),
    dims={"m": dim(0, 200), "n": dim(0, 200)},
    cases=[
        {"m": 4, "n": 128},
        {"m": 33, "n": 257, "x": "gap"},
        {"m": 65, "n": 64, "x": "transposed"},
        {"m": 0, "n": 5},
    ],
    sweep=[{"m": 2**k, "n": 2**k, "dtype": "float16"} for k in range(9, 15)],
    exact=True,
)
def transpose(x: torch.Tensor) -> torch.Tensor:
    """Swap the two dimensions of a matrix, in memory too.

    Args:
        x: ``(m, n)``, any strides.

    Returns:
        ``(n, m)``, contiguous, the dtype of ``x``.
    """
    return x.t().contiguous()
