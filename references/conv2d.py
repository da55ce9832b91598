"""Two-dimensional convolution."""

import torch

from pytest_tritonbench import choice, dim, task, tensor


@task(
    inputs={
        "x": tensor("n", "c", "h", "w"),
        "weight": tensor("o", "c", "kh", "kw"),
        "bias": tensor("o", optional=True),
        "stride": choice(1, 2, 3),
        "padding": choice(0, 1, 2),
        "dilation": choice(1, 2),
    },
    dims={
        "n": dim(1, 3),
        "c": dim(1, 20),
        "h": dim(1, 12),
        "w": dim(1, 12),
        "o": dim(1, 40),
        "kh": dim(1, 3),
        "kw": dim(1, 3),
    },
    where=lambda h, w, kh, kw, padding, dilation: (
        min(h + 2 * padding - dilation * (kh - 1), w + 2 * padding - dilation * (kw - 1)) > 0
    ),
    cases=[
        {"n": 1, "c": 16, "h": 8, "w": 8, "o": 32, "kh": 3, "kw": 3, "padding": 1},
        {"n": 2, "c": 3, "h": 13, "w": 9, "o": 5, "kh": 3, "kw": 2, "stride": 2, "dilation": 2}
        | {"padding": 1},
        {"n": 1, "c": 33, "h": 5, "w": 7, "o": 34, "kh": 1, "kw": 1, "bias": None},
        {"n": 1, "c": 2048, "h": 4, "w": 4, "o": 32, "kh": 1, "kw": 1, "dtype": "float16"},
    ],
    sweep=[
        {"n": 32, "c": c, "h": 2 * s, "w": 2 * s, "o": c, "kh": 3, "kw": 3, "padding": 1}
        | {"dtype": "float16"}
        for c, s in ((64, 28), (128, 14), (256, 7))
    ],
    flops=lambda n, c, h, w, o, kh, kw, stride, padding, dilation: (
        2
        * (n * o * c * kh * kw)
        * ((h + 2 * padding - dilation * (kh - 1) - 1) // stride + 1)
        * ((w + 2 * padding - dilation * (kw - 1) - 1) // stride + 1)
    ),
)
def conv2d(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> torch.Tensor:
    """Two-dimensional convolution (cross-correlation, as PyTorch has it).

    Args:
        x: ``(n, c, h, w)``, floating point, any strides.
        weight: ``(o, c, kh, kw)``, the dtype of ``x``, any strides.
        bias: ``(o,)`` or ``None``, the dtype of ``x``.
        stride: Pixels between windows, in both directions.
        padding: Rows and columns of zeros on each side.
        dilation: Pixels between the points of a window.

    Returns:
        ``(n, o, oh, ow)``, the dtype of ``x``, with
        ``oh = (h + 2 * padding - dilation * (kh - 1) - 1) // stride + 1`` and ``ow`` likewise;
        accumulated in float32, without TF32.
    """
    return torch.nn.functional.conv2d(x, weight, bias, stride, padding, dilation)
