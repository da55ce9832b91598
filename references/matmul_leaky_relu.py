"""Matrix product with a fused leaky ReLU."""

import torch

from pytest_tritonbench import choice, dim, task, tensor


@task(
    inputs={
        "a": tensor("m", "k"),
        "b": tensor("k", "n"),
        "bias": tensor("n", optional=True),
        "negative_slope": choice(0.01, 0.2, 1.0),
    },
    dims={"k": dim(0, 200)},
    cases=[
        {"m": 32, "k": 32, "n": 64},
        {"m": 65, "k": 47, "n": 33, "negative_slope": 0.2},
        {"m": 9, "k": 70, "n": 1, "bias": None},
        {"m": 16, "k": 2048, "n": 32, "negative_slope": 1.0, "dtype": "float16"},
    ],
    sweep=[{"m": 2**p, "k": 2**p, "n": 2**p, "dtype": "float16"} for p in range(10, 14)],
    flops=lambda m, k, n: 2 * m * k * n + 3 * m * n,
)
def matmul_leaky_relu(
    a: torch.Tensor,
    b: torch.Tensor,
    bias: torch.Tensor | None = None,
    negative_slope: float = 0.01,
) -> torch.Tensor:
    """Leaky ReLU of a matrix product: ``leaky_relu(a @ b + bias, negative_slope)``.

    Args:
        a: ``(m, k)``, floating point, any strides.
        b: ``(k, n)``, the dtype of ``a``, any strides.
        bias: ``(n,)`` or ``None``, the dtype of ``a``, added to every row.
        negative_slope: Factor of negative values.

    Returns:
        ``(m, n)``, the dtype of ``a``; accumulated in float32, without TF32.
    """
    product = a @ b if bias is None else torch.addmm(bias, a, b)
    return torch.nn.functional.leaky_relu(product, negative_slope)
