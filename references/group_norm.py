"""Group normalisation of images."""

import torch
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from pytest_tritonbench import dim, integer, number, task, tensor


@task(
    inputs={
        "x": tensor("b", "g*c", "h", "w"),
        "num_groups": integer("g", "g"),
        "weight": tensor("g*c", optional=True),
        "bias": tensor("g*c", optional=True),
        "eps": number(1e-5, 1e-3),
    },
    dims={"b": dim(1, 5), "g": dim(1, 9), "c": dim(1, 17)},
    # PyTorch refuses to normalise a single number.
    where=lambda b, c, h, w: b * c * h * w > 1,
    cases=[
        {"b": 2, "g": 4, "c": 3, "h": 5, "w": 7},
        {"b": 1, "g": 3, "c": 2, "h": 9, "w": 16, "x": "transposed", "bias": None},
        {"b": 1, "g": 1, "c": 2, "h": 90, "w": 93, "weight": None},
        {"b": 1, "g": 2, "c": 3, "h": 4, "w": 4, "pattern": "tiny"},
        # So many groups, each too large for registers, are a program each.
        {"b": 8, "g": 16, "c": 9, "h": 32, "w": 64, "dtype": "float16"},
        {"b": 8, "g": 16, "c": 9, "h": 45, "w": 41, "dtype": "float16"},
    ],
    sweep=[
        {"b": b, "g": 32, "c": 320 // 32, "h": s, "w": s, "dtype": "float16"}
        for b in (1, 8)
        for s in (16, 32, 64, 128)
    ],
    flops=lambda b, g, c, h, w: 8 * b * g * c * h * w,
)
def group_norm(
    x: torch.Tensor,
    num_groups: int,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    eps: float = 1e-5,
) -> torch.Tensor:
    """Standardise every group of channels of every image, then scale and shift by channel.

    Args:
        x: ``(b, channels, h, w)``, floating point, any strides.
        num_groups: A divisor of ``channels``; a group is ``channels / num_groups`` consecutive
            channels with all their pixels.
        weight: ``(channels,)``, the dtype of ``x``, or None for one.
        bias: ``(channels,)``, the dtype of ``x``, or None for zero.
        eps: Added to the variance, which is the mean squared deviation.

    Returns:
        The shape and dtype of ``x``, computed in float32.
    """
    return F.group_norm(x, num_groups, weight, bias, eps)
