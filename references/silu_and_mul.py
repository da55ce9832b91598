"""SwiGLU activation on a packed projection."""

import torch
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from pytest_tritonbench import dim, task, tensor


@task(
    inputs={"x": tensor("m", "2*n")},
    dims={"m": dim(0, 200)},
    cases=[
        {"m": 4, "n": 128},
        {"m": 3, "n": 2053},
        {"m": 33, "n": 67, "x": "transposed"},
    ],
    sweep=[{"m": m, "n": 11008, "dtype": "bfloat16"} for m in (1, 16, 256, 4096, 16384)],
    flops=lambda m, n: 5 * m * n,
)
def silu_and_mul(x: torch.Tensor) -> torch.Tensor:
    """Multiply the second half of every row by the SiLU of the first.

    Args:
        x: ``(m, 2n)``, floating point, any strides: the gate in the first ``n`` columns, the value
            in the others.

    Returns:
        ``(m, n)``, ``silu(gate) * value`` with ``silu(g) = g * sigmoid(g)``, the dtype of ``x``,
        computed in float32.
    """
    gate, value = x.float().chunk(2, dim=-1)
    return (F.silu(gate) * value).to(x.dtype)
