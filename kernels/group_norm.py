"""Group normalisation (Wu and He, arXiv:1803.08494), channels first or last in memory.

A group that fits in registers is read once, small ones several to a program. Of larger groups there
may be enough for every multiprocessor: then a program reads its group twice, the second time from
the cache. Otherwise groups are split into chunks over many programs, so that a single image still
fills the device: one launch leaves the mean and the sum of squares of each chunk, a second merges
them (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983) and normalises.
Elements are numbered in the order in which the tensor lies in memory, so that both layouts are
coalesced. Sizes and strides come as tuples: ``(num_groups, channels of a group, pixels)`` and
``(sample, channel, pixel)``.
"""

import torch
import triton
import triton.language as tl

MAX_TILE = 16384  # elements of a group that a program holds in registers
ENOUGH = 128  # larger groups from which on each is one program's
SMALLEST_BLOCK = 2048  # elements that such a program reads at a time, of one channel
LARGEST_BLOCK = 16384
MIXED_BLOCK = 4096  # the same, of several channels
MAX_BLOCKS = 64  # times that it does so at most
STAGES = 4  # one block is added up while three are on their way
CHUNK = 4096  # elements that a program reads at a time where groups are split
MAX_CHUNKS = 256  # parts that a group is split into at most


@triton.jit
def _offsets(groups, elements, sizes, strides, CHANNELS_LAST: tl.constexpr, DENSE: tl.constexpr):
    """Return the channel and the memory offset of elements of groups."""
    num_groups, channels, pixels = sizes
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
        offset = groups // num_groups * strides[0] + channel * strides[1]
        offset += pixel.to(tl.int64) * strides[2]
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
    sizes,
    x_strides,
    out_strides,
    eps,
    CHANNELS_LAST: tl.constexpr,
    DENSE: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    size = sizes[1] * sizes[2]
    groups = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    elements = tl.arange(0, BLOCK_N)[None, :]
    mask = (groups < total) & (elements < size)
    channel, offset = _offsets(groups, elements, sizes, x_strides, CHANNELS_LAST, DENSE)
    x = tl.load(x_ptr + offset, mask=mask, other=0.0).to(tl.float32)
    mean = tl.sum(x, 1) / size
    # Corrected, the mean of equal numbers is exactly that number, however large it is.
    mean += tl.sum(tl.where(mask, x - mean[:, None], 0.0), 1) / size
    x = tl.where(mask, x - mean[:, None], 0.0)
    rstd = tl.rsqrt(tl.sum(x * x, 1) / size + eps)
    y = _affine(x * rstd[:, None], channel, weight_ptr, bias_ptr, mask)
    channel, offset = _offsets(groups, elements, sizes, out_strides, CHANNELS_LAST, DENSE)
    tl.store(out_ptr + offset, y.to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _normalise(
    x_ptr,
    weight_ptr,
    bias_ptr,
    out_ptr,
    group,
    start,
    mean,
    rstd,
    sizes,
    x_strides,
    out_strides,
    CHANNELS_LAST: tl.constexpr,
    DENSE: tl.constexpr,
    PLANES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Normalise a block of a group; with PLANES it lies in one channel."""
    num_groups, channels, pixels = sizes
    elements = start + tl.arange(0, BLOCK)
    mask = elements < channels * pixels
    channel, offset = _offsets(group, elements, sizes, x_strides, CHANNELS_LAST, DENSE)
    x = tl.load(x_ptr + offset, mask=mask, other=0.0).to(tl.float32)
    x = (x - mean) * rstd
    if PLANES:
        channel = group % num_groups * channels + start // pixels
        y = _affine(x, channel, weight_ptr, bias_ptr, start < channels * pixels)
    else:
        y = _affine(x, channel, weight_ptr, bias_ptr, mask)
    channel, offset = _offsets(group, elements, sizes, out_strides, CHANNELS_LAST, DENSE)
    tl.store(out_ptr + offset, y.to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _whole_groups(
    x_ptr,
    weight_ptr,
    bias_ptr,
    out_ptr,
    sizes,
    x_strides,
    out_strides,
    eps,
    CHANNELS_LAST: tl.constexpr,
    DENSE: tl.constexpr,
    PLANES: tl.constexpr,
    BLOCK: tl.constexpr,
    STAGES: tl.constexpr,
):
    group = tl.program_id(0).to(tl.int64)
    size = sizes[1] * sizes[2]
    elements = tl.arange(0, BLOCK)
    _, offset = _offsets(group, elements, sizes, x_strides, CHANNELS_LAST, DENSE)
    # Deviations from the mean of the first block: what cancels when their mean is taken out is at
    # most as many times the variance as there are blocks, and equal numbers deviate by nothing.
    x = tl.load(x_ptr + offset, mask=elements < size, other=0.0).to(tl.float32)
    count = tl.minimum(size, BLOCK).to(tl.float32)
    origin = tl.sum(x, 0) / count
    origin += tl.sum(tl.where(elements < size, x - origin, 0.0), 0) / count
    total = tl.zeros([BLOCK], tl.float32)
    squares = tl.zeros([BLOCK], tl.float32)
    for start in tl.range(0, size, BLOCK, num_stages=STAGES):
        elements = start + tl.arange(0, BLOCK)
        _, offset = _offsets(group, elements, sizes, x_strides, CHANNELS_LAST, DENSE)
        x = tl.load(x_ptr + offset, mask=elements < size, other=0.0).to(tl.float32)
        x = tl.where(elements < size, x - origin, 0.0)
        total += x
        squares += x * x
    shift = tl.sum(total, 0) / size
    variance = tl.maximum(tl.sum(squares, 0) / size - shift * shift, 0.0)
    mean = origin + shift
    rstd = tl.rsqrt(variance + eps)
    blocks = tl.cdiv(size, BLOCK)
    # From the end, which was read last and is still in the cache.
    for block in tl.range(0, blocks, num_stages=STAGES):
        _normalise(
            x_ptr,
            weight_ptr,
            bias_ptr,
            out_ptr,
            group,
            (blocks - 1 - block) * BLOCK,
            mean,
            rstd,
            sizes,
            x_strides,
            out_strides,
            CHANNELS_LAST,
            DENSE,
            PLANES,
            BLOCK,
        )


@triton.jit
def _chunk_moments(
    x_ptr,
    moments_ptr,
    chunk,
    sizes,
    x_strides,
    CHANNELS_LAST: tl.constexpr,
    DENSE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    group = tl.program_id(0).to(tl.int64)
    first = tl.program_id(1) * chunk
    size = sizes[1] * sizes[2]
    # A chunk is whole blocks, so only the size has to be compared with (and loads stay wide).
    end = first + tl.minimum(chunk, size - first)
    mean = 0.0
    squares = 0.0
    for start in range(first, end, BLOCK):
        elements = start + tl.arange(0, BLOCK)
        mask = elements < size
        _, offset = _offsets(group, elements, sizes, x_strides, CHANNELS_LAST, DENSE)
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
def _normalise_chunks(
    x_ptr,
    weight_ptr,
    bias_ptr,
    out_ptr,
    moments_ptr,
    chunk,
    sizes,
    x_strides,
    out_strides,
    eps,
    CHANNELS_LAST: tl.constexpr,
    DENSE: tl.constexpr,
    PLANES: tl.constexpr,
    BLOCK: tl.constexpr,
    CHUNKS: tl.constexpr,
):
    # In the opposite order, so that what was read last is still in the cache.
    group = (tl.num_programs(0) - 1 - tl.program_id(0)).to(tl.int64)
    chunks = tl.num_programs(1)
    first = (chunks - 1 - tl.program_id(1)) * chunk
    size = sizes[1] * sizes[2]
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
    for start in range(first, first + tl.minimum(chunk, size - first), BLOCK):
        _normalise(
            x_ptr,
            weight_ptr,
            bias_ptr,
            out_ptr,
            group,
            start,
            mean,
            rstd,
            sizes,
            x_strides,
            out_strides,
            CHANNELS_LAST,
            DENSE,
            PLANES,
            BLOCK,
        )


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
    tensors = flat, *parameters, out
    geometry = (num_groups, channels, pixels), flat.stride(), out.stride()
    layout = {
        "CHANNELS_LAST": channels_last,
        "DENSE": flat.is_contiguous() and not channels_last,
    }
    # The largest power of two that divides a channel's plane: a block has one scale and shift then.
    even = min(pixels & -pixels, LARGEST_BLOCK)
    planes = not channels_last and even >= SMALLEST_BLOCK
    block = even if planes else MIXED_BLOCK
    if size <= MAX_TILE:
        block_n = max(triton.next_power_of_2(size), 16)
        block_m = min(max(2048 // block_n, 1), triton.next_power_of_2(total))
        _small_groups[(triton.cdiv(total, block_m),)](
            *tensors,
            total,
            *geometry,
            eps,
            **layout,
            BLOCK_M=block_m,
            BLOCK_N=block_n,
            num_warps=min(max(block_m * block_n // 512, 4), 16),
        )
    elif total >= ENOUGH and size <= MAX_BLOCKS * block:
        _whole_groups[(total,)](
            *tensors,
            *geometry,
            eps,
            **layout,
            PLANES=planes,
            BLOCK=block,
            STAGES=STAGES,
            num_warps=min(block // 512, 16) if planes else 32,
        )
    else:
        chunk = triton.cdiv(triton.cdiv(size, MAX_CHUNKS), CHUNK) * CHUNK
        chunks = triton.cdiv(size, chunk)
        moments = torch.empty((total, chunks, 2), dtype=torch.float32, device=x.device)
        _chunk_moments[(total, chunks)](
            flat, moments, chunk, *geometry[:2], **layout, BLOCK=CHUNK, num_warps=8
        )
        _normalise_chunks[(total, chunks)](
            *tensors,
            moments,
            chunk,
            *geometry,
            eps,
            **layout,
            PLANES=not channels_last and pixels % CHUNK == 0,
            BLOCK=CHUNK,
            CHUNKS=triton.next_power_of_2(chunks),
            num_warps=8,
        )
    return out.view(x.shape)
