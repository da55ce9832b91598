"""Layer normalisation, forward and backward."""

import torch
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from pytest_tritonbench import dim, number, task, tensor


@task(
    inputs={
        "x": tensor("m", "n"),
        "weight": tensor("n"),
        "bias": tensor("n"),
        "eps": number(1e-5, 1e-3),
    },
    # With one or two columns the gradient of x is what cancellation leaves, noise in any precision.
    dims={"m": dim(0, 100), "n": dim(3, 200)},
    cases=[
        {"m": 4, "n": 128},
        {"m": 9, "n": 257, "x": "gap"},
        {"m": 2, "n": 17000},
        {"m": 3, "n": 40, "pattern": "tiny"},
    ],
    sweep=[{"m": 4096, "n": 2**k, "dtype": "bfloat16"} for k in range(9, 15)],
    flops=lambda m, n: 8 * m * n,
    gradients=("x", "weight", "bias"),
)
def layer_norm(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float = 1e-5
) -> torch.Tensor:
    """Standardise every row, then scale and shift the columns; differentiable.

    Args:
        x: ``(m, n)``, floating point, any strides.
        weight: ``(n,)``, the dtype of ``x``.
        bias: ``(n,)``, the dtype of ``x``.
        eps: Added to the variance, which is the mean squared deviation.

    Returns:
        ``(m, n)``, the dtype of ``x``, computed in float32. Gradients reach ``x``, ``weight`` and
        ``bias``.
    """
    return F.layer_norm(x, (x.shape[-1],), weight, bias, eps)
