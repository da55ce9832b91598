"""Group normalisation (Wu and He, arXiv:1803.08494), channels first or last in memory.

A group that fits in registers is read once, small ones several to a program. A larger group is
split into chunks over many programs, so that a single image still fills the device: one launch
leaves the mean and the sum of squares of each chunk, a second merges them (Chan, Golub and LeVeque,
"Algorithms for computing the sample variance", 1983) and normalises. Elements are numbered in the
order in which the tensor lies in memory, so that both layouts are coalesced.
"""

import torch
import triton
import triton.language as tl

MAX_TILE = 16384  # elements of a group that a program holds in registers
CHUNK = 4096  # elements that a program reads at a time from larger groups
MAX_CHUNKS = 256  # parts that a group is split into at most


@triton.jit
def _offsets(
    groups,
    elements,
    num_groups,
    channels,
    pixels,
    stride_b,
    stride_c,
    stride_p,
    CHANNELS_LAST: tl.constexpr,
    DENSE: tl.constexpr,
):
    """Return the channel and the memory offset of elements of groups."""
    if CHANNELS_LAST:
        channel = elements % channels
        pixel = elements // channels
    else:
        channel = elements // pixels
        pixel = elements % pixels
    channel += groups % num_groups * channels
    if DENSE:
        # Told outright what division hides: neighbours are contiguous.
        offset = groups * channels * pixels + elements
    else:
        offset = groups // num_groups * stride_b + channel * stride_c
        offset += pixel.to(tl.int64) * stride_p
    return channel, offset


@triton.jit
def _affine(x, channel, weight_ptr, bias_ptr, mask):
    """Scale and shift by channel, each where there is one."""
    if weight_ptr is not None:
        x *= tl.load(weight_ptr + channel, mask=mask, other=0.0).to(tl.float32)
    if bias_ptr is not None:
        x += tl.load(bias_ptr + channel, mask=mask, other=0.0).to(tl.float32)
    return x


@triton.jit
def _small_groups(
    x_ptr,
    weight_ptr,
    bias_ptr,
    out_ptr,
    total,
    num_groups,
    channels,
    pixels,
    x_stride_b,
    x_stride_c,
    x_stride_p,
    out_stride_b,
    out_stride_c,
    out_stride_p,
    eps,
    CHANNELS_LAST: tl.constexpr,
    DENSE: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    size = channels * pixels
    groups = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    elements = tl.arange(0, BLOCK_N)[None, :]
    mask = (groups < total) & (elements < size)
    channel, offset = _offsets(
        groups,
        elements,
        num_groups,
        channels,
        pixels,
        x_stride_b,
        x_stride_c,
        x_stride_p,
        CHANNELS_LAST,
        DENSE,
    )
    x = tl.load(x_ptr + offset, mask=mask, other=0.0).to(tl.float32)
    mean = tl.sum(x, 1) / size
    # Corrected, the mean of equal numbers is exactly that number, however large it is.
    mean += tl.sum(tl.where(mask, x - mean[:, None], 0.0), 1) / size
    x = tl.where(mask, x - mean[:, None], 0.0)
    rstd = tl.rsqrt(tl.sum(x * x, 1) / size + eps)
    y = _affine(x * rstd[:, None], channel, weight_ptr, bias_ptr, mask)
    channel, offset = _offsets(
        groups,
        elements,
        num_groups,
        channels,
        pixels,
        out_stride_b,
        out_stride_c,
        out_stride_p,
        CHANNELS_LAST,
        DENSE,
    )
    tl.store(out_ptr + offset, y.to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _chunk_moments(
    x_ptr,
    moments_ptr,
    num_groups,
    channels,
    pixels,
    chunk,
    x_stride_b,
    x_stride_c,
    x_stride_p,
    CHANNELS_LAST: tl.constexpr,
    DENSE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    group = tl.program_id(0).to(tl.int64)
    first = tl.program_id(1) * chunk
    end = tl.minimum(first + chunk, channels * pixels)
    mean = 0.0
    squares = 0.0
    for start in range(first, end, BLOCK):
        elements = start + tl.arange(0, BLOCK)
        mask = elements < end
        _, offset = _offsets(
            group,
            elements,
            num_groups,
            channels,
            pixels,
            x_stride_b,
            x_stride_c,
            x_stride_p,
            CHANNELS_LAST,
            DENSE,
        )
        x = tl.load(x_ptr + offset, mask=mask, other=0.0).to(tl.float32)
        count = tl.minimum(end - start, BLOCK).to(tl.float32)
        block_mean = tl.sum(x) / count
        block_mean += tl.sum(tl.where(mask, x - block_mean, 0.0)) / count
        x = tl.where(mask, x - block_mean, 0.0)
        # Moments of the chunk so far and of this block become those of both.
        before = (start - first).to(tl.float32)
        delta = block_mean - mean
        share = tl.div_rn(count, before + count)
        mean += delta * share
        squares += tl.sum(x * x) + delta * delta * share * before
    moments_ptr += 2 * (group * tl.num_programs(1) + tl.program_id(1))
    tl.store(moments_ptr, mean)
    tl.store(moments_ptr + 1, squares)


@triton.jit
def _large_groups(
    x_ptr,
    weight_ptr,
    bias_ptr,
    out_ptr,
    moments_ptr,
    num_groups,
    channels,
    pixels,
    chunk,
    x_stride_b,
    x_stride_c,
    x_stride_p,
    out_stride_b,
    out_stride_c,
    out_stride_p,
    eps,
    CHANNELS_LAST: tl.constexpr,
    DENSE: tl.constexpr,
    BLOCK: tl.constexpr,
    CHUNKS: tl.constexpr,
):
    group = tl.program_id(0).to(tl.int64)
    size = channels * pixels
    chunks = tl.num_programs(1)
    part = tl.arange(0, CHUNKS)
    moments_ptr += 2 * group * chunks
    means = tl.load(moments_ptr + 2 * part, mask=part < chunks, other=0.0)
    squares = tl.load(moments_ptr + 2 * part + 1, mask=part < chunks, other=0.0)
    counts = tl.where(part < chunks, tl.minimum(size - part * chunk, chunk), 0).to(tl.float32)
    # Relative to the first chunk's mean, so that equal means give exactly that mean.
    origin = tl.load(moments_ptr)
    mean = origin + tl.sum(counts * (means - origin)) / size
    variance = (tl.sum(squares) + tl.sum(counts * (means - mean) * (means - mean))) / size
    rstd = tl.rsqrt(variance + eps)
    first = tl.program_id(1) * chunk
    end = tl.minimum(first + chunk, size)
    for start in range(first, end, BLOCK):
        elements = start + tl.arange(0, BLOCK)
        mask = elements < end
        channel, offset = _offsets(
            group,
            elements,
            num_groups,
            channels,
            pixels,
            x_stride_b,
            x_stride_c,
            x_stride_p,
            CHANNELS_LAST,
            DENSE,
        )
        x = tl.load(x_ptr + offset, mask=mask, other=0.0).to(tl.float32)
        y = _affine((x - mean) * rstd, channel, weight_ptr, bias_ptr, mask)
        channel, offset = _offsets(
            group,
            elements,
            num_groups,
            channels,
            pixels,
            out_stride_b,
            out_stride_c,
            out_stride_p,
            CHANNELS_LAST,
            DENSE,
        )
        tl.store(out_ptr + offset, y.to(out_ptr.dtype.element_ty), mask=mask)


def group_norm(
    x: torch.Tensor,
    num_groups: int,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    eps: float = 1e-5,
) -> torch.Tensor:
    """Standardise every group of channels of every sample, then scale and shift by channel.

    Args:
        x: ``(b, c, ...)``, any strides; float16, bfloat16 or float32. A group has at least one and
            fewer than 2**31 elements.
        num_groups: A divisor of ``c``; a group is ``c / num_groups`` consecutive channels.
        weight: ``(c,)``, or None for one.
        bias: ``(c,)``, or None for zero.
        eps: Added to the variance.

    Returns:
        The shape and dtype of ``x``, computed in float32.

    Raises:
        ValueError: If ``num_groups`` does not divide ``c``, or ``weight`` or ``bias`` is not
            ``(c,)``.
    """
    c = x.shape[1]
    if num_groups < 1 or c % num_groups:
        raise ValueError(f"{c} channels cannot be split into {num_groups} groups")
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor.shape != (c,):
            raise ValueError(f"{name} is {tuple(tensor.shape)}; expected ({c},)")
    if x.numel() == 0:
        return torch.empty_like(x)
    b, channels = x.shape[0], c // num_groups
    flat = x.reshape(b, c, -1)
    out = torch.empty_like(flat)
    pixels = flat.shape[2]
    size, total = channels * pixels, b * num_groups
    channels_last = flat.stride(1) < flat.stride(2)
    parameters = [tensor if tensor is None else tensor.contiguous() for tensor in (weight, bias)]
    layout = {
        "CHANNELS_LAST": channels_last,
        "DENSE": flat.is_contiguous() and not channels_last,
    }
    if size <= MAX_TILE:
        block_n = max(triton.next_power_of_2(size), 16)
        block_m = min(max(2048 // block_n, 1), triton.next_power_of_2(total))
        _small_groups[(triton.cdiv(total, block_m),)](
            flat,
            *parameters,
            out,
            total,
            num_groups,
            channels,
            pixels,
            *flat.stride(),
            *out.stride(),
            eps,
            **layout,
            BLOCK_M=block_m,
            BLOCK_N=block_n,
            num_warps=min(max(block_m * block_n // 512, 4), 16),
        )
    else:
        chunk = triton.cdiv(triton.cdiv(size, MAX_CHUNKS), CHUNK) * CHUNK
        chunks = triton.cdiv(size, chunk)
        moments = torch.empty((total, chunks, 2), dtype=torch.float32, device=x.device)
        sizes = num_groups, channels, pixels, chunk
        _chunk_moments[(total, chunks)](
            flat, moments, *sizes, *flat.stride(), **layout, BLOCK=CHUNK, num_warps=8
        )
        _large_groups[(total, chunks)](
            flat,
            *parameters,
            out,
            moments,
            *sizes,
            *flat.stride(),
            *out.stride(),
            eps,
            **layout,
            BLOCK=CHUNK,
            CHUNKS=triton.next_power_of_2(chunks),
            num_warps=8,
        )
    return out.view(x.shape)
