"""Row-wise softmax."""

import torch

from pytest_tritonbench import dim, task, tensor


@task(
    inputs={"x": tensor("m", "n")},
    dims={"m": dim(0, 200)},
    cases=[
        {"m": 4, "n": 128},
        {"m": 33, "n": 257},
        {"m": 2, "n": 33000, "pattern": "masked"},
        {"m": 35, "n": 1030, "x": "transposed", "pattern": "masked"},
    ],
    sweep=[{"m": 4096, "n": 2**k, "dtype": "float16"} for k in range(8, 18)],
    flops=lambda m, n: 5 * m * n,
    patterns=("normal", "uniform", "large", "constant", "spike", "special", "masked"),
)
def softmax(x: torch.Tensor) -> torch.Tensor:
    """Softmax over the last dimension of a matrix.

    Args:
        x: ``(m, n)``, floating point, any strides.

    Returns:
        ``(m, n)``, the dtype of ``x``; every row sums to one.
    """
    return torch.softmax(x, dim=-1)
