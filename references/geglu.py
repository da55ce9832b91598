"""GELU-gated linear unit on two projections."""

import torch
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from pytest_tritonbench import choice, dim, task, tensor


@task(
    inputs={
        "gate": tensor("m", "n"),
        "up": tensor("m", "n"),
        "approximate": choice("none", "tanh"),
    },
    dims={"m": dim(0, 200)},
    cases=[
        {"m": 4, "n": 1024, "approximate": "tanh"},
        {"m": 33, "n": 257},
        {"m": 40, "n": 70, "gate": "transposed", "up": "offset"},
    ],
    sweep=[{"m": 4096, "n": 2**k, "dtype": "bfloat16"} for k in range(10, 16)],
    flops=lambda m, n: 9 * m * n,
)
def geglu(gate: torch.Tensor, up: torch.Tensor, approximate: str = "none") -> torch.Tensor:
    """Multiply one projection by the GELU of the other.

    Args:
        gate: ``(m, n)``, floating point, any strides.
        up: ``(m, n)``, the dtype of ``gate``, any strides.
        approximate: ``"none"`` for the exact GELU ``x * (1 + erf(x / sqrt(2))) / 2``, ``"tanh"``
            for ``x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2``.

    Returns:
        ``(m, n)``, ``gelu(gate) * up``, the dtype of ``gate``, computed in float32.
    """
    return (F.gelu(gate.float(), approximate=approximate) * up.float()).to(gate.dtype)
