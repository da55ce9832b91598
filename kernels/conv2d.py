"""Two-dimensional convolution as an implicit matrix product.

The output is a matrix of ``n * oh * ow`` pixels by ``o`` channels, the product of a matrix of input
patches and the matrix of weights. The patches are never written down: each step along ``k`` takes a
block of channels at one point of the window and gathers them from the image, with zeros for the
padding (Chetlur and others, "cuDNN: efficient primitives for deep learning", 2014). A gather moves
whole vectors only where the channels of a pixel are next to each other, and a window reads each
pixel several times: a first kernel therefore brings image and weights into that order unless they
have it already. Accumulated in float32; float32 operands in IEEE precision, not TF32.
"""

import math

import torch
import triton
import triton.language as tl


def _tile(pixels: int, c: int, o: int, element_size: int) -> tuple[int, int, int]:
    """Pixels, output channels and input channels of a tile."""
    # Float32 operands of a dot live in registers: such tiles stay small.
    float32 = element_size > 2
    block_k = min(max(16, triton.next_power_of_2(c)), 16 if float32 else 64)
    if pixels * o <= 1 << 16:
        # A problem of a few tiles: more, smaller programs fill the machine sooner than big ones.
        return 64, 32, block_k
    if o <= 32 or float32:
        return 128, 32, block_k
    # The fastest of ten tiles on an H200, with 64 channels and with 128 or 256.
    return (128, 64, block_k) if o <= 64 else (64, 128, block_k)


@triton.jit
def _pack_part(
    source_ptr,
    target_ptr,
    tile,
    C,
    P,
    WIDTH,
    stride_n,
    stride_c,
    stride_h,
    stride_w,
    FLAT: tl.constexpr,
    UNIT: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_P: tl.constexpr,
):
    """Write ``(n, c, p)`` as ``(n, p, c)``, with ``p`` the points of a picture of a given width.

    ``P`` is a multiple of ``UNIT``, and ``stride_c`` counts in such units: what is known of a
    channel's alignment.
    """
    tiles_c = tl.cdiv(C, BLOCK_C)
    tiles_p = tl.cdiv(P, BLOCK_P)
    image = (tile // (tiles_c * tiles_p)).to(tl.int64)
    offs_c = tile // tiles_p % tiles_c * BLOCK_C + tl.arange(0, BLOCK_C)
    offs_p = tile % tiles_p * BLOCK_P + tl.arange(0, BLOCK_P)
    inside = (offs_c < C)[:, None] & tl.max_constancy(offs_p < P, UNIT)[None, :]
    if FLAT:
        points = offs_p.to(tl.int64) * stride_w
    else:
        points = (offs_p // WIDTH).to(tl.int64) * stride_h
        points += (offs_p % WIDTH).to(tl.int64) * stride_w
    channels = offs_c.to(tl.int64)
    block = tl.load(
        source_ptr + image * stride_n + channels[:, None] * stride_c * UNIT + points[None, :],
        mask=inside,
    )
    tl.store(
        target_ptr + image * C * P + offs_p.to(tl.int64)[None, :] * C + channels[:, None],
        block,
        mask=inside,
    )


@triton.jit
def _pack_kernel(
    x_ptr,
    packed_x_ptr,
    weight_ptr,
    packed_weight_ptr,
    weight_tiles,
    C,
    PIXELS,
    W,
    stride_xn,
    stride_xc,
    stride_xh,
    stride_xw,
    stride_wo,
    stride_wc,
    stride_wh,
    stride_ww,
    KH: tl.constexpr,
    KW: tl.constexpr,
    FLAT: tl.constexpr,
    UNIT: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_P: tl.constexpr,
    BLOCK_WINDOW: tl.constexpr,
):
    # Both in one launch: the weights first, as they have the longer way to go in a program.
    tile = tl.program_id(0)
    if tile < weight_tiles:
        _pack_part(
            weight_ptr,
            packed_weight_ptr,
            tile,
            C,
            KH * KW,
            KW,
            stride_wo,
            stride_wc,
            stride_wh,
            stride_ww,
            FLAT=False,
            UNIT=1,
            BLOCK_C=BLOCK_C,
            BLOCK_P=BLOCK_WINDOW,
        )
    else:
        _pack_part(
            x_ptr,
            packed_x_ptr,
            tile - weight_tiles,
            C,
            PIXELS,
            W,
            stride_xn,
            stride_xc,
            stride_xh,
            stride_xw,
            FLAT=FLAT,
            UNIT=UNIT,
            BLOCK_C=BLOCK_C,
            BLOCK_P=BLOCK_P,
        )


@triton.jit
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
    stride_xh,
    stride_xw,
    stride_bias,
    stride_on,
    stride_oc,
    stride_op,
    KH: tl.constexpr,
    KW: tl.constexpr,
    STRIDE: tl.constexpr,
    PADDING: tl.constexpr,
    DILATION: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    EVEN_C: tl.constexpr,
    RUN: tl.constexpr,
    UNIT: tl.constexpr,
    INDEX: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    # Programs that are next to each other read the same patches, by far the costlier operand.
    tiles_n = tl.cdiv(O, BLOCK_N)
    pid_m = tl.program_id(0) // tiles_n
    pid_n = tl.program_id(0) % tiles_n

    # Which pixel of which image. There may be more than 2**31 pixels, not in one image: what is
    # divided per pixel stays within 32 bits.
    first = pid_m.to(INDEX) * BLOCK_M
    from_image = (first % OUT_PIXELS).to(tl.int32) + tl.arange(0, BLOCK_M)
    image = first // OUT_PIXELS + from_image // OUT_PIXELS
    pixel = from_image % OUT_PIXELS
    out_y = pixel // OW
    out_x = pixel % OW
    exists_m = first + tl.arange(0, BLOCK_M) < M
    top = out_y * STRIDE - PADDING
    left = out_x * STRIDE - PADDING
    corner = image * stride_xn + top.to(INDEX) * stride_xh + left.to(INDEX) * stride_xw
    # Pixels that do not exist see padding only.
    top = tl.where(exists_m, top, -KH * DILATION)

    offs_n = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
    channels_out = (offs_n % O).to(INDEX)
    depth = tl.arange(0, BLOCK_K)
    x_ptrs = x_ptr + corner[:, None] + depth.to(INDEX)[None, :]
    weight_ptrs = weight_ptr + (channels_out * (KH * KW) * C)[None, :] + depth.to(INDEX)[:, None]

    blocks_c = tl.cdiv(C, BLOCK_K)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for step in range(KH * KW * blocks_c):
        point = step // blocks_c
        first_c = step % blocks_c * BLOCK_K
        row = point // KW * DILATION
        col = point % KW * DILATION
        y = top + row
        x = left + col
        seen = (y >= 0) & (y < H) & (x >= 0) & (x < W)
        far = row.to(INDEX) * stride_xh + col.to(INDEX) * stride_xw + first_c
        weight_far = point.to(INDEX) * C + first_c
        if EVEN_C:
            patch = tl.load(x_ptrs + far, mask=seen[:, None], other=0.0)
            weight = tl.load(weight_ptrs + weight_far)
        else:
            exists = depth < C - first_c
            patch = tl.load(x_ptrs + far, mask=seen[:, None] & exists[None, :], other=0.0)
            weight = tl.load(weight_ptrs + weight_far, mask=exists[:, None], other=0.0)
        acc = tl.dot(patch, weight, acc, input_precision="ieee")

    if HAS_BIAS:
        acc += tl.load(bias_ptr + channels_out * stride_bias).to(tl.float32)[None, :]
    # Images begin and end at multiples of RUN pixels: as many are next to each other in memory.
    image = tl.max_constancy(image, RUN)
    pixel = tl.max_contiguous(tl.multiple_of(pixel, RUN), RUN)
    exists_m = tl.max_constancy(exists_m, RUN)
    out_row = image * stride_on + pixel.to(INDEX) * stride_op
    tl.store(
        out_ptr + out_row[:, None] + (offs_n.to(INDEX) * stride_oc * UNIT)[None, :],
        acc.to(out_ptr.dtype.element_ty),
        mask=exists_m[:, None] & (offs_n < O)[None, :],
    )


def _memory_format(x):
    if x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last):
        return torch.contiguous_format
    return torch.channels_last


def _packed(x, weight):
    """``x`` and ``weight`` with the channels of a point next to each other."""
    n, c, h, w = x.shape
    o, _, kh, kw = weight.shape
    last = torch.channels_last
    block_c, block_p = min(triton.next_power_of_2(c), 64), 64
    block_window = min(triton.next_power_of_2(kh * kw), block_p)
    packed_x, packed_weight = x, weight
    x_tiles = weight_tiles = 0
    if not x.is_contiguous(memory_format=last):
        packed_x = torch.empty_like(x, memory_format=last)
        x_tiles = n * triton.cdiv(c, block_c) * triton.cdiv(h * w, block_p)
    if not weight.is_contiguous(memory_format=last):
        packed_weight = torch.empty_like(weight, memory_format=last)
        weight_tiles = o * triton.cdiv(c, block_c) * triton.cdiv(kh * kw, block_window)
    if x_tiles + weight_tiles == 0:
        return x, weight
    unit = math.gcd(x.stride(1), h * w, 8)
    _pack_kernel[(weight_tiles + x_tiles,)](
        x,
        packed_x,
        weight,
        packed_weight,
        weight_tiles,
        c,
        h * w,
        w,
        x.stride(0),
        x.stride(1) // unit,
        *x.stride()[2:],
        *weight.stride(),
        KH=kh,
        KW=kw,
        FLAT=x.stride(2) == w * x.stride(3),
        UNIT=unit,
        BLOCK_C=block_c,
        BLOCK_P=block_p,
        BLOCK_WINDOW=block_window,
        num_warps=4,
    )
    return packed_x, packed_weight


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

    block_m, block_n, block_k = _tile(pixels, c, o, x.element_size())
    if c > 0:
        x, weight = _packed(x, weight)
    # What is known of the alignment of the output's channels.
    unit = math.gcd(out.stride(1), 8)
    # Offsets reach past both ends by less than a window with its padding and a tile.
    margin_x = (padding + dilation * kh + 1) * (w + 2 * padding + dilation * kw) * c + block_k
    reach = max(
        x.numel() + (block_m // (oh * ow) + 1) * c * h * w + 2 * margin_x,
        weight.numel() + block_k,
        out.numel() + block_m * o * oh * ow + block_n * oh * ow,
        0 if bias is None else o * bias.stride(0),
    )
    _conv2d_kernel[(triton.cdiv(pixels, block_m) * triton.cdiv(o, block_n),)](
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
        c * h * w,
        c * w,
        c,
        0 if bias is None else bias.stride(0),
        out.stride(0),
        out.stride(1) // unit,
        out.stride(3),
        KH=kh,
        KW=kw,
        STRIDE=stride,
        PADDING=padding,
        DILATION=dilation,
        HAS_BIAS=bias is not None,
        EVEN_C=c % block_k == 0,
        RUN=math.gcd(oh * ow, 8),
        UNIT=unit,
        INDEX=tl.int32 if reach < 2**31 else tl.int64,
        BLOCK_M=block_m,
        BLOCK_N=block_n,
        BLOCK_K=block_k,
        num_warps=4,
        num_stages=3,
    )
    return out
