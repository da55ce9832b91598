"""Residual addition and root mean square normalisation in one."""

import torch
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from pytest_tritonbench import dim, number, task, tensor


@task(
    inputs={
        "x": tensor("m", "n"),
        "residual": tensor("m", "n"),
        "weight": tensor("n"),
        "eps": number(1e-6, 1e-3),
    },
    dims={"m": dim(0, 200)},
    cases=[
        {"m": 4, "n": 128},
        {"m": 33, "n": 257, "residual": "gap"},
        {"m": 2, "n": 17000},
        {"m": 3, "n": 40, "pattern": "tiny"},
    ],
    sweep=[{"m": m, "n": 4096, "dtype": "bfloat16"} for m in (1, 16, 256, 4096, 16384)],
    flops=lambda m, n: 5 * m * n,
)
def add_rms_norm(
    x: torch.Tensor, residual: torch.Tensor, weight: torch.Tensor, eps: float = 1e-6
) -> tuple[torch.Tensor, torch.Tensor]:
    """Add a block's output to the residual stream and normalise the sum by rows.

    Args:
        x: ``(m, n)``, the block's output, floating point, any strides.
        residual: ``(m, n)``, the residual stream, the dtype of ``x``, any strides.
        weight: ``(n,)``, the dtype of ``x``.
        eps: Added to the mean square before the root.

    Returns:
        Both ``(m, n)`` and of the dtype of ``x``: the sum divided by the root mean square of its
        row and scaled by ``weight``, and the sum itself. The norm is taken before the sum is
        rounded to the dtype.
    """
    total = x.float() + residual.float()
    normed = F.rms_norm(total, (x.shape[-1],), weight.float(), eps)
    return normed.to(x.dtype), total.to(x.dtype)
