"""Root mean square normalisation, forward and backward."""

import torch
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from pytest_tritonbench import dim, number, task, tensor


@task(
    inputs={"x": tensor("m", "n"), "weight": tensor("n"), "eps": number(1e-6, 1e-3)},
    # With one column the gradient of x is what cancellation leaves, noise in any precision.
    dims={"m": dim(0, 100), "n": dim(2, 200)},
    cases=[
        {"m": 4, "n": 128},
        {"m": 9, "n": 257, "x": "gap"},
        {"m": 2, "n": 9000, "dtype": "bfloat16"},
        {"m": 2, "n": 17000},
        {"m": 3, "n": 40, "pattern": "tiny"},
    ],
    sweep=[{"m": 4096, "n": 2**k, "dtype": "bfloat16"} for k in range(9, 15)],
    flops=lambda m, n: 4 * m * n,
    gradients=("x", "weight"),
)
def rms_norm(x: torch.Tensor, weight: torch.Tensor, eps: float = 1e-6) -> torch.Tensor:
    """Divide every row by its root mean square, then scale the columns; differentiable.

    Args:
        x: ``(m, n)``, floating point, any strides.
        weight: ``(n,)``, the dtype of ``x``.
        eps: Added to the mean square before the root.

    Returns:
        ``(m, n)``, the dtype of ``x``, computed in float32. Gradients reach ``x`` and ``weight``.
    """
    return F.rms_norm(x.float(), (x.shape[-1],), weight.float(), eps).to(x.dtype)
