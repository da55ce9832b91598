"""Two-dimensional convolution as an implicit matrix product.

The output is a matrix of ``n * oh * ow`` pixels by ``o`` channels, the product of a matrix of input
patches and the matrix of weights. The patches are never written down: each step along ``k`` takes a
block of channels at one point of the window and gathers them from the image, with zeros for the
padding (Chetlur and others, "cuDNN: efficient primitives for deep learning", 2014). Whether a point
lies in the padding depends on the pixel alone, which keeps the test out of the inner dimension; an
image stored channels-last is read in whole vectors. Accumulated in float32; float32 operands in
IEEE precision, not TF32.
"""

import torch
import triton
import triton.language as tl


def _config(m: int, n: int, warps: int, stages: int) -> triton.Config:
    return triton.Config({"BLOCK_M": m, "BLOCK_N": n}, num_warps=warps, num_stages=stages)


# A problem of a few tiles: more, smaller programs fill the machine sooner than big ones.
_SMALL = _config(64, 32, 4, 3)
_CONFIGS = [
    _config(128, 256, 8, 3),
    _config(128, 128, 8, 3),
    _config(128, 64, 4, 4),
    _config(64, 128, 4, 4),
    _config(64, 64, 4, 4),
    _config(128, 32, 4, 4),
]


def _suited(configs, named_args, **_: object):
    """Drop the tiles that the dtype or the number of channels makes hopeless."""
    pixels, channels = named_args["M"], named_args["O"]
    if pixels * channels <= 1 << 16:
        return [_SMALL]
    widest = max(32, triton.next_power_of_2(channels))
    if named_args["x_ptr"].element_size() > 2:
        # Float32 operands of a dot live in registers.
        widest = min(widest, 64)
    return [c for c in configs if c is not _SMALL and c.kwargs["BLOCK_N"] <= widest]


@triton.autotune(
    configs=[_SMALL, *_CONFIGS],
    key=["tuning_key"],
    prune_configs_by={"early_config_prune": _suited},
)
@triton.jit(do_not_specialize=["tuning_key"])
def _conv2d_kernel(
    x_ptr,
    weight_ptr,
    bias_ptr,
    out_ptr,
    M,
    C,
    H,
    W,
    O,  # noqa: E741 - the letter of the convolution's shapes
    OUT_PIXELS,
    OW,
    stride_xn,
    stride_xc,
    stride_xh,
    stride_xw,
    stride_wo,
    stride_wc,
    stride_wh,
    stride_ww,
    stride_bias,
    stride_on,
    stride_oc,
    stride_op,
    tuning_key,  # noqa: ARG001 - read by the autotuner alone
    KH: tl.constexpr,
    KW: tl.constexpr,
    STRIDE: tl.constexpr,
    PADDING: tl.constexpr,
    DILATION: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    # Programs that are next to each other read the same patches, by far the costlier operand.
    tiles_n = tl.cdiv(O, BLOCK_N)
    pid_m = tl.program_id(0) // tiles_n
    pid_n = tl.program_id(0) % tiles_n

    # Which pixel of which image. There may be more than 2**31 pixels, not in one image: what is
    # divided per pixel stays within 32 bits.
    first = pid_m.to(tl.int64) * BLOCK_M
    from_image = (first % OUT_PIXELS).to(tl.int32) + tl.arange(0, BLOCK_M)
    image = first // OUT_PIXELS + from_image // OUT_PIXELS
    pixel = from_image % OUT_PIXELS
    out_y = pixel // OW
    out_x = pixel % OW
    exists_m = first + tl.arange(0, BLOCK_M) < M
    top = out_y * STRIDE - PADDING
    left = out_x * STRIDE - PADDING
    corner = image * stride_xn + top.to(tl.int64) * stride_xh + left.to(tl.int64) * stride_xw
    # Pixels that do not exist see padding only.
    top = tl.where(exists_m, top, -KH * DILATION)

    offs_n = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
    channels_out = (offs_n % O).to(tl.int64)
    step_h = tl.cast(stride_xh, tl.int64) * DILATION
    step_w = tl.cast(stride_xw, tl.int64) * DILATION
    step_wh = tl.cast(stride_wh, tl.int64)
    step_ww = tl.cast(stride_ww, tl.int64)

    blocks_c = tl.cdiv(C, BLOCK_K)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for step in range(KH * KW * blocks_c):
        row = step // blocks_c // KW
        col = step // blocks_c % KW
        channels = (step % blocks_c) * BLOCK_K + tl.arange(0, BLOCK_K)
        exists = channels < C
        channels = channels.to(tl.int64)
        y = top + row * DILATION
        x = left + col * DILATION
        seen = (y >= 0) & (y < H) & (x >= 0) & (x < W)
        patch = tl.load(
            x_ptr
            + (corner + row * step_h + col * step_w)[:, None]
            + (channels * stride_xc)[None, :],
            mask=seen[:, None] & exists[None, :],
            other=0.0,
        )
        weight = tl.load(
            weight_ptr
            + (row * step_wh + col * step_ww + channels * stride_wc)[:, None]
            + (channels_out * stride_wo)[None, :],
            mask=exists[:, None],
            other=0.0,
        )
        acc = tl.dot(patch, weight, acc, input_precision="ieee")

    if HAS_BIAS:
        acc += tl.load(bias_ptr + channels_out * stride_bias).to(tl.float32)[None, :]
    out_row = image * stride_on + pixel.to(tl.int64) * stride_op
    tl.store(
        out_ptr + out_row[:, None] + (offs_n.to(tl.int64) * stride_oc)[None, :],
        acc.to(out_ptr.dtype.element_ty),
        mask=exists_m[:, None] & (offs_n < O)[None, :],
    )


def _memory_format(x):
    if x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last):
        return torch.contiguous_format
    return torch.channels_last


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
        x: ``(n, c, h, w)``, float32, float16 or bfloat16, any strides.
        weight: ``(o, c, kh, kw)``, the dtype of ``x``, any strides.
        bias: ``(o,)`` or ``None``, the dtype of ``x``.
        stride: Pixels between windows, in both directions.
        padding: Rows and columns of zeros on each side.
        dilation: Pixels between the points of a window.

    Returns:
        ``(n, o, oh, ow)``, the dtype of ``x``, channels-last if ``x`` is, else contiguous, with
        ``oh = (h + 2 * padding - dilation * (kh - 1) - 1) // stride + 1`` and ``ow`` likewise.

    Raises:
        ValueError: The shapes do not fit together, the window is larger than the padded image, or
            the dtypes differ.
    """
    if x.ndim != 4 or weight.ndim != 4 or x.shape[1] != weight.shape[1]:
        raise ValueError(
            f"expected x (n, c, h, w) and weight (o, c, kh, kw), got {tuple(x.shape)} and "
            f"{tuple(weight.shape)}"
        )
    n, c, h, w = x.shape
    o, _, kh, kw = weight.shape
    if bias is not None and bias.shape != (o,):
        raise ValueError(f"expected a bias of shape ({o},), got {tuple(bias.shape)}")
    if weight.dtype != x.dtype or (bias is not None and bias.dtype != x.dtype):
        raise ValueError("expected x, weight and bias of one dtype")
    oh = (h + 2 * padding - dilation * (kh - 1) - 1) // stride + 1
    ow = (w + 2 * padding - dilation * (kw - 1) - 1) // stride + 1
    if oh < 1 or ow < 1:
        raise ValueError(f"a {kh}x{kw} window does not fit an image of {h}x{w}")
    out = torch.empty(
        (n, o, oh, ow), device=x.device, dtype=x.dtype, memory_format=_memory_format(x)
    )
    if out.numel() == 0:
        return out
    pixels = n * oh * ow

    def grid(meta):
        return (triton.cdiv(pixels, meta["BLOCK_M"]) * triton.cdiv(o, meta["BLOCK_N"]),)

    _conv2d_kernel[grid](
        x,
        weight,
        bias,
        out,
        pixels,
        c,
        h,
        w,
        o,
        oh * ow,
        ow,
        *x.stride(),
        *weight.stride(),
        0 if bias is None else bias.stride(0),
        *out.stride()[:2],
        out.stride(3),
        # Sizes that differ by less than a factor of two share a tuning, channels-last apart.
        (x.stride(1) == 1) << 24
        | pixels.bit_length() << 16
        | o.bit_length() << 8
        | (c * kh * kw).bit_length(),
        KH=kh,
        KW=kw,
        STRIDE=stride,
        PADDING=padding,
        DILATION=dilation,
        HAS_BIAS=bias is not None,
        # Float32 operands of a dot live in registers.
        BLOCK_K=min(max(triton.next_power_of_2(c), 16), 16 if x.dtype == torch.float32 else 64),
    )
    return out
