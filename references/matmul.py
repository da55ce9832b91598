"""Matrix product."""

import torch

from pytest_tritonbench import dim, task, tensor


@task(
    inputs={"a": tensor("m", "k"), "b": tensor("k", "n")},
    dims={"k": dim(0, 200)},
    cases=[
        {"m": 32, "k": 32, "n": 64},
        {"m": 65, "k": 47, "n": 33},
        {"m": 1, "k": 130, "n": 1},
        {"m": 17, "k": 0, "n": 5},
        {"m": 16, "k": 2048, "n": 32, "dtype": "float16"},
    ],
    sweep=[
        {"m": s, "k": s, "n": s, "dtype": d}
        for d in ("float16", "bfloat16")
        for s in (1024, 2048, 4096, 8192)
    ]
    + [{"m": 2048, "k": 2048, "n": 2048, "dtype": "float32"}],
    flops=lambda m, k, n: 2 * m * k * n,
)
def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Product of two matrices.

    Args:
        a: ``(m, k)``, floating point, any strides.
        b: ``(k, n)``, the dtype of ``a``, any strides.

    Returns:
        ``(m, n)``, the dtype of ``a``; accumulated in float32, without TF32.
    """
    return a @ b
