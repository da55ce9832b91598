"""Rotary position embedding of queries and keys."""

import torch

from pytest_tritonbench import dim, index, task, tensor


@task(
    inputs={
        "q": tensor("b", "t", "h", "d"),
        "k": tensor("b", "t", "h_k", "d"),
        "cos": tensor("p", "r", values=torch.cos),
        "sin": tensor("p", "r", values=torch.sin),
        "positions": index("b", "t", high="p"),
    },
    dims={"b": dim(1, 3), "h": dim(1, 9), "h_k": dim(1, 9), "d": dim(2, 130), "r": dim(1, 64)},
    where=lambda d, r: 2 * r <= d,
    cases=[
        {"b": 1, "t": 3, "h": 4, "h_k": 2, "d": 64, "p": 17, "r": 32},
        {"b": 2, "t": 2, "h": 3, "h_k": 1, "d": 40, "p": 5, "r": 9, "q": "transposed"},
        {"b": 1, "t": 2, "h": 2, "h_k": 1, "d": 33, "p": 4, "r": 16, "dtype": "float32"},
    ],
    sweep=[
        {"b": 4, "t": 2**n, "h": 32, "h_k": 8, "d": 128, "p": 2**n, "r": 64, "dtype": "bfloat16"}
        for n in range(8, 14)
    ],
    flops=lambda b, t, h, h_k, r: 6 * b * t * (h + h_k) * r,
)
def rotary_embedding(
    q: torch.Tensor,
    k: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    positions: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rotate queries and keys by their positions.

    With ``c = cos[positions]`` and ``s = sin[positions]``, the halves ``x1 = x[..., :r]`` and
    ``x2 = x[..., r : 2 * r]`` of every head become ``x1 * c - x2 * s`` and ``x2 * c + x1 * s``,
    computed in float32; the columns from ``2 * r`` on are copied.

    Args:
        q: ``(b, t, h_q, d)``, floating point, any strides.
        k: ``(b, t, h_k, d)``, the dtype of ``q``, any strides.
        cos: ``(p, r)`` with ``2 * r <= d``: the cosine of every position's angles.
        sin: ``(p, r)``: the sines.
        positions: ``(b, t)``, int64: each token's row in the tables.

    Returns:
        The rotated queries and keys, with the shapes and dtype of ``q`` and ``k``.
    """
    r = cos.shape[-1]
    c, s = (table.float()[positions][:, :, None] for table in (cos, sin))

    def rotate(x: torch.Tensor) -> torch.Tensor:
        x1, x2 = x[..., :r].float(), x[..., r : 2 * r].float()
        rotated = torch.cat((x1 * c - x2 * s, x2 * c + x1 * s), dim=-1)
        return torch.cat((rotated.to(x.dtype), x[..., 2 * r :]), dim=-1)

    return rotate(q), rotate(k)
