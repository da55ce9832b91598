"""Logarithm of the sum of exponentials."""

import torch

from pytest_tritonbench import choice, dim, task, tensor


@task(
    inputs={"x": tensor("m", "n"), "dim": choice(-1, 0)},
    dims={"m": dim(0, 200), "n": dim(0, 200)},
    cases=[
        {"m": 4, "n": 128},
        {"m": 33, "n": 257, "dim": 0},
        {"m": 2, "n": 20000, "pattern": "masked"},
        {"m": 9, "n": 40, "pattern": "special"},
        {"m": 1500, "n": 6, "dim": 0},
        {"m": 300, "n": 35, "dim": 0, "pattern": "masked"},
        {"m": 3, "n": 0},
    ],
    sweep=[{"m": 4096, "n": 2**k, "dtype": "bfloat16"} for k in range(8, 18)]
    + [{"m": 4096, "n": 4096, "dim": 0, "dtype": "bfloat16"}],
    flops=lambda m, n: 3 * m * n,
    patterns=("normal", "uniform", "large", "constant", "spike", "special", "masked"),
)
def logsumexp(x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Logarithm of the sum of exponentials along one dimension of a matrix.

    Args:
        x: ``(m, n)``, floating point, any strides.
        dim: The dimension to reduce: 0, or -1 for the last.

    Returns:
        ``(m,)`` or ``(n,)``, the dtype of ``x``, computed in float32; ``-inf`` where nothing is
        summed.
    """
    return torch.logsumexp(x.float(), dim=dim).to(x.dtype)
