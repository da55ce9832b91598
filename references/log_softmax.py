"""Logarithm of the softmax."""

import torch

from pytest_tritonbench import choice, dim, task, tensor


@task(
    inputs={"x": tensor("m", "n"), "dim": choice(-1, 0)},
    dims={"m": dim(0, 200)},
    cases=[
        {"m": 4, "n": 128},
        {"m": 33, "n": 257, "dim": 0},
        {"m": 2, "n": 33000, "pattern": "masked"},
        {"m": 1500, "n": 6, "dim": 0},
        {"m": 1030, "n": 35, "dim": 0, "pattern": "masked"},
    ],
    sweep=[{"m": 4096, "n": 2**k, "dtype": "bfloat16"} for k in range(8, 18)]
    + [{"m": 4096, "n": 4096, "dim": 0, "dtype": "bfloat16"}],
    flops=lambda m, n: 5 * m * n,
    patterns=("normal", "uniform", "large", "constant", "spike", "special", "masked"),
)
def log_softmax(x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Logarithm of the softmax along one dimension of a matrix.

    Args:
        x: ``(m, n)``, floating point, any strides.
        dim: The dimension whose exponentials sum to one: 0, or -1 for the last.

    Returns:
        ``(m, n)``, the dtype of ``x``, computed in float32.
    """
    return torch.log_softmax(x, dim=dim)
