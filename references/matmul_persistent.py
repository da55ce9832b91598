"""Matrix product by persistent programs."""

import torch

from pytest_tritonbench import dim, task, tensor


@task(
    inputs={"a": tensor("m", "k"), "b": tensor("k", "n")},
    dims={"m": dim(1, 130), "k": dim(0, 520), "n": dim(1, 130)},
    cases=[
        {"m": 32, "k": 32, "n": 32},
        {"m": 33, "k": 300, "n": 47},
        {"m": 70, "k": 129, "n": 65},
        {"m": 17, "k": 0, "n": 5},
        {"m": 16, "k": 2048, "n": 32, "dtype": "float16"},
        {"m": 264, "k": 2048, "n": 32, "dtype": "float16"},
    ],
    sweep=[
        {"m": m, "k": k, "n": n, "dtype": "float16"}
        for m, k, n in (
            (1024, 1024, 1024),
            (1280, 4096, 1280),
            (512, 16384, 512),
            (2304, 4096, 4096),
            (4096, 4096, 4096),
            (8192, 8192, 8192),
        )
    ],
    flops=lambda m, k, n: 2 * m * k * n,
)
def matmul_persistent(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Product of two matrices, fast also where its tiles do not fill the GPU evenly.

    Args:
        a: ``(m, k)``, floating point, any strides.
        b: ``(k, n)``, the dtype of ``a``, any strides.

    Returns:
        ``(m, n)``, the dtype of ``a``; accumulated in float32, without TF32.
    """
    return a @ b
