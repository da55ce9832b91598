"""Matrix times vector."""

import torch

from pytest_tritonbench import dim, task, tensor


@task(
    inputs={"a": tensor("m", "n"), "x": tensor("n")},
    dims={"m": dim(0, 200)},
    cases=[
        {"m": 4, "n": 128},
        {"m": 33, "n": 257, "a": "transposed"},
        {"m": 2, "n": 5000, "x": "strided"},
        {"m": 300, "n": 1},
    ],
    sweep=[{"m": 2**k, "n": 2**k, "dtype": "float16"} for k in range(9, 15)],
    flops=lambda m, n: 2 * m * n,
)
def matvec(a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Product of a matrix and a vector.

    Args:
        a: ``(m, n)``, floating point, any strides.
        x: ``(n,)``, the dtype of ``a``, any stride.

    Returns:
        ``(m,)``, the dtype of ``a``; added up in float32 at least.
    """
    return torch.mv(a, x)
