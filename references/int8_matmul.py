"""Product of int8 matrices with scales by row and by column."""

import torch

from pytest_tritonbench import choice, dim, integers, task, tensor, uniform


@task(
    inputs={
        "a": integers("m", "k", low=-128, high=128, dtype="int8"),
        "b": integers("k", "n", low=-128, high=128, dtype="int8"),
        "a_scale": tensor("m", values=uniform(0.001, 0.02)),
        "b_scale": tensor("n", values=uniform(0.001, 0.02)),
        "out_dtype": choice("float16", "bfloat16"),
    },
    dtypes=("float32",),
    dims={"k": dim(0, 300)},
    cases=[
        {"m": 32, "k": 64, "n": 32},
        {"m": 33, "k": 70, "n": 47, "out_dtype": "bfloat16"},
        {"m": 1, "k": 300, "n": 5},
    ],
    sweep=[{"m": 2**p, "k": 2**p, "n": 2**p} for p in range(10, 14)],
    flops=lambda m, k, n: 2 * m * k * n + 2 * m * n,
)
def int8_matmul(
    a: torch.Tensor,
    b: torch.Tensor,
    a_scale: torch.Tensor,
    b_scale: torch.Tensor,
    out_dtype: str = "float16",
) -> torch.Tensor:
    """Product of two int8 matrices, scaled back to half precision by row and by column.

    The products are summed exactly, in int32; the scales are applied in float32.

    Args:
        a: ``(m, k)``, int8, any strides.
        b: ``(k, n)``, int8, any strides.
        a_scale: ``(m,)``, float32.
        b_scale: ``(n,)``, float32.
        out_dtype: ``"float16"`` or ``"bfloat16"``.

    Returns:
        ``(m, n)``, ``out_dtype``: ``(a @ b) * a_scale[:, None] * b_scale``.
    """
    # Exact in float64 on every device; PyTorch has no int32 product on GPUs.
    total = (a.double() @ b.double()).float()
    return (total * a_scale[:, None] * b_scale).to(getattr(torch, out_dtype))
