"""Softmax attention, forward."""

import torch
from torch.nn import functional as F  # noqa: N812 - the name PyTorch's documentation uses

from pytest_tritonbench import choice, dim, task, tensor

SWEEP = [
    {"b": 4, "h": 8, "g": 4, "t": 2**n, "s": 2**n, "d": d, "causal": causal, "dtype": "float16"}
    for d in (64, 128)
    for causal in (False, True)
    for n in range(9, 13)
]


@task(
    inputs={
        "q": tensor("b", "g*h", "t", "d"),
        "k": tensor("b", "h", "s", "d"),
        "v": tensor("b", "h", "s", "d"),
        "causal": choice(False, True),  # noqa: FBT003 - the values of a flag
        "scale": choice(None, 0.25),
    },
    dims={
        "b": dim(1, 2),
        "h": dim(1, 2),
        "g": dim(1, 3),
        "t": dim(1, 150),
        "s": dim(1, 150),
        "d": dim(16, 64, power_of_two=True),
    },
    patterns=("normal", "uniform", "tiny", "spike", "integers"),
    cases=[
        {"b": 1, "h": 2, "g": 1, "t": 70, "s": 70, "d": 32, "causal": True},
        {"b": 2, "h": 1, "g": 2, "t": 17, "s": 130, "d": 16, "q": "transposed"},
        {"b": 1, "h": 1, "g": 3, "t": 33, "s": 20, "d": 64, "causal": True, "scale": 0.25},
        {"b": 1, "h": 1, "g": 1, "t": 1, "s": 129, "d": 128},
        {"b": 1, "h": 1, "g": 1, "t": 16, "s": 3000, "d": 16, "dtype": "float16"},
    ],
    sweep=SWEEP,
    flops=lambda b, h, g, t, s, d, causal: (2 if causal else 4) * b * h * g * t * s * d,
)
def flash_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    causal: bool = False,  # noqa: FBT001, FBT002 - the name users know from other attention calls
    scale: float | None = None,
) -> torch.Tensor:
    """Softmax attention: ``softmax(scale * q @ k.mT) @ v`` for every query head.

    Args:
        q: ``(b, g * h, t, d)``, floating point, any strides; ``d`` is 16, 32, 64 or 128.
        k: ``(b, h, s, d)``, the dtype of ``q``, any strides; query head ``i`` reads head
            ``i // g``.
        v: ``(b, h, s, d)``, the dtype of ``q``, any strides.
        causal: Let query ``i`` see the keys ``j <= i + s - t`` only, so that the last query sees
            every key. A query that sees none gives zeros.
        scale: Factor of the scores, above 0; ``1 / sqrt(d)`` when absent.

    Returns:
        ``(b, g * h, t, d)``, the dtype of ``q``.
    """
    t, s = q.shape[2], k.shape[2]
    # Only unit strides and either a mask or grouped heads reach PyTorch's fused kernels.
    q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
    mask = None
    if causal and t != s:
        mask = torch.ones(t, s, dtype=torch.bool, device=q.device).tril(s - t)
        k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in (k, v))
    return F.scaled_dot_product_attention(
        q,
        k,
        v,
        attn_mask=mask,
        is_causal=causal and mask is None,
        scale=scale,
        enable_gqa=q.shape[1] != k.shape[1],
    )
