"""Cumulative sum along the last dimension."""

import torch

from pytest_tritonbench import dim, task, tensor


@task(
    inputs={"x": tensor("m", "n")},
    dims={"m": dim(0, 64), "n": dim(0, 1025)},
    cases=[
        {"m": 6, "n": 128},
        {"m": 33, "n": 257, "x": "transposed"},
        {"m": 2, "n": 3000, "x": "gap"},
        {"m": 1, "n": 10007},
        {"m": 4, "n": 0},
        {"m": 256, "n": 5000, "dtype": "float32"},
    ],
    sweep=[{"m": 2 ** (24 - k), "n": 2**k, "dtype": "float32"} for k in range(8, 25, 2)],
    flops=lambda m, n: m * n,
)
def cumsum(x: torch.Tensor) -> torch.Tensor:
    """Running sum along the last dimension.

    Args:
        x: ``(m, n)``, floating point, any strides.

    Returns:
        ``(m, n)``, the dtype of ``x``; added up in float32 at least.
    """
    return torch.cumsum(x, -1)
