"""Gaussian error linear unit."""

import torch
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from pytest_tritonbench import choice, dim, task, tensor


@task(
    inputs={"x": tensor("m", "n"), "approximate": choice("none", "tanh")},
    dims={"m": dim(0, 200)},
    cases=[{"m": 4, "n": 1024, "approximate": form} for form in ("none", "tanh")]
    + [
        {"m": 33, "n": 257},
        {"m": 40, "n": 70, "x": "gap", "approximate": "tanh"},
    ],
    sweep=[{"m": 4096, "n": 2**k, "dtype": "bfloat16"} for k in range(10, 16)],
    flops=lambda m, n: 8 * m * n,
)
def gelu(x: torch.Tensor, approximate: str = "none") -> torch.Tensor:
    """Gaussian error linear unit, exact or in its tanh approximation.

    With ``"none"`` the result is ``x * (1 + erf(x / sqrt(2))) / 2``, with ``"tanh"`` it is
    ``x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2``.

    Args:
        x: ``(m, n)``, floating point, any strides.
        approximate: ``"none"`` or ``"tanh"``.

    Returns:
        ``(m, n)``, the dtype of ``x``, computed in float32.
    """
    return F.gelu(x, approximate=approximate)
