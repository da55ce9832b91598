"""Elementwise sum."""

import torch

from pytest_tritonbench import dim, task, tensor


@task(
    inputs={"x": tensor("m", "n", broadcast=True), "y": tensor("m", "n", broadcast=True)},
    dtypes=("float32", "float16", "bfloat16", "int32"),
    dims={"m": dim(0, 200), "n": dim(0, 200)},
    cases=[
        {"m": 4, "n": 1024},
        {"m": 33, "n": 257},
        {"m": 65, "n": 70, "x": "transposed", "y": "contiguous/0"},
        {"m": 0, "n": 5},
    ],
    sweep=[{"m": 1024, "n": 2**k, "dtype": "float16"} for k in range(10, 18)],
    flops=lambda m, n: m * n,
)
def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Add two matrices element by element, as far as they broadcast.

    Args:
        x: ``(m, n)``, either of which may be 1 instead; any strides.
        y: ``(m, n)``, either of which may be 1 instead; any strides, the dtype of ``x``.

    Returns:
        The broadcast shape, the dtype of ``x``.
    """
    return x + y
