"""Batched matrix product."""

import torch

from pytest_tritonbench import dim, task, tensor


@task(
    inputs={"a": tensor("batch", "m", "k"), "b": tensor("batch", "k", "n")},
    dims={"batch": dim(1, 5), "m": dim(1, 100), "k": dim(0, 130), "n": dim(1, 100)},
    cases=[
        {"batch": 2, "m": 32, "k": 32, "n": 32},
        {"batch": 3, "m": 17, "k": 45, "n": 33},
        {"batch": 2, "m": 3, "k": 0, "n": 5},
        {"batch": 1, "m": 16, "k": 2048, "n": 32, "dtype": "float16"},
        {"batch": 1100, "m": 8, "k": 16, "n": 8, "dtype": "float16"},
    ],
    sweep=[
        {"batch": 64, "m": s, "k": s, "n": s, "dtype": "float16"} for s in (128, 256, 512, 1024)
    ],
    flops=lambda batch, m, k, n: 2 * batch * m * k * n,
)
def bmm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Products of two batches of matrices.

    Args:
        a: ``(batch, m, k)``, floating point, any strides.
        b: ``(batch, k, n)``, the dtype of ``a``, any strides.

    Returns:
        ``(batch, m, n)``, the dtype of ``a``; accumulated in float32, without TF32.
    """
    return torch.bmm(a, b)
