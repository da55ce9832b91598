"""The k largest elements of every row, sorted, with their positions.

Values and positions are packed into one int64 whose order is "larger value first, then smaller
position", so that sorting needs no pairs. A block is sorted in groups of ``k`` by a bitonic
network (Batcher, "Sorting networks and their applications", 1968); then neighbouring groups, one
falling and one rising, are merged: the larger of each pair of elements is the top ``k`` of both.
Rows longer than a block leave ``k`` candidates a block, and those are reduced likewise in rounds.
"""

import torch
import triton
import triton.language as tl

_LARGEST_K = 2048
_BLOCK = 1024


@triton.jit
def _sort_step(keys, stage: tl.constexpr, distance: tl.constexpr, one_way: tl.constexpr):
    """Compare and exchange keys ``distance`` apart; runs of ``2**stage`` alternate in order."""
    size: tl.constexpr = keys.shape[0]
    pairs = tl.reshape(keys, [size // (2 * distance), 2, distance])
    # The other of two is their sum without the one; int64 wraps around and back.
    partner = tl.reshape(tl.sum(pairs, 1, keep_dims=True) - pairs, [size])
    lane = tl.arange(0, size)
    wants_larger = (lane & distance) == 0
    if not one_way:
        wants_larger = wants_larger == ((lane & (1 << stage)) == 0)
    return tl.where(wants_larger, tl.maximum(keys, partner), tl.minimum(keys, partner))


@triton.jit
def _topk(
    x,
    candidates,
    values,
    indices,
    stride_row,
    stride_col,
    m,
    n,
    k,
    PACKED: tl.constexpr,
    LAST: tl.constexpr,
    ROWS: tl.constexpr,
    LOG_BLOCK: tl.constexpr,
    LOG_K: tl.constexpr,
):
    BLOCK: tl.constexpr = 1 << LOG_BLOCK
    K: tl.constexpr = 1 << LOG_K
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    inside = (rows < m) & (cols < n)
    at = rows * stride_row + cols.to(tl.int64) * stride_col
    if PACKED:
        keys = tl.load(x + at, mask=inside, other=-0x7FFFFFFFFFFFFFFF)
    else:
        value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        # Both zeros are equal, but their bits are not; NaN is the largest of all, as in torch.
        bits = tl.where(value == 0, 0.0, value).to(tl.int32, bitcast=True)
        bits = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
        is_nan = value != value  # noqa: PLR0124 - only NaN differs from itself
        bits = tl.where(is_nan, 0x7FFFFFFF, bits)
        keys = (bits.to(tl.int64) << 32) | (0x7FFFFFFF - cols).to(tl.int64)
        keys = tl.where(inside, keys, -0x7FFFFFFFFFFFFFFF)

    keys = tl.reshape(keys, [ROWS * BLOCK])
    for stage in tl.static_range(1, LOG_K + 1):
        for step in tl.static_range(stage):
            keys = _sort_step(keys, stage, 1 << (stage - 1 - step), stage == LOG_BLOCK)
    for merge in tl.static_range(LOG_BLOCK - LOG_K):
        groups = tl.reshape(keys, [(ROWS << (LOG_BLOCK - LOG_K)) >> (merge + 1), 2, K])
        keys = tl.reshape(tl.max(groups, 1), [(ROWS << LOG_BLOCK) >> (merge + 1)])
        for step in tl.static_range(LOG_K):
            keys = _sort_step(keys, LOG_K, 1 << (LOG_K - 1 - step), merge == LOG_BLOCK - LOG_K - 1)
    keys = tl.reshape(keys, [ROWS, K])

    place = tl.arange(0, K)[None, :]
    if LAST:
        kept = (rows < m) & (place < k)
        position = 0x7FFFFFFF - (keys & 0x7FFFFFFF)
        bits = (keys >> 32).to(tl.int32)
        bits = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
        value = bits.to(tl.float32, bitcast=True).to(values.dtype.element_ty)
        tl.store(values + rows * k + place, value, mask=kept)
        tl.store(indices + rows * k + place, position, mask=kept)
    else:
        to = (rows * tl.num_programs(1) + tl.program_id(1)) * K + place
        tl.store(candidates + to, keys, mask=rows < m)


def topk(x: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The ``k`` largest elements along the last dimension, largest first.

    Args:
        x: ``(..., n)``, float32, float16 or bfloat16, any strides, ``n`` below 2**31.
        k: From 0 to ``n``, and at most 2048.

    Returns:
        The values, ``(..., k)``, of the dtype of ``x``, and their positions, int64. NaN counts as
        larger than everything; equal values come in the order of their positions.

    Raises:
        ValueError: If ``k`` is out of range.
    """
    n = x.shape[-1]
    if not 0 <= k <= min(n, _LARGEST_K):
        raise ValueError(f"k must be between 0 and {min(n, _LARGEST_K)}, not {k}")
    values = torch.empty((*x.shape[:-1], k), dtype=x.dtype, device=x.device)
    indices = torch.empty(values.shape, dtype=torch.int64, device=x.device)
    if not values.numel():
        return values, indices
    current = x.reshape(-1, n)
    m = current.shape[0]
    width = triton.next_power_of_2(k)
    packed = False
    last = False
    while not last:
        n = current.shape[1]
        block = min(triton.next_power_of_2(n), max(_BLOCK, 4 * width))
        block = max(block, width)
        rows = max(1, min(triton.next_power_of_2(m), 512 // block))
        blocks = triton.cdiv(n, block)
        last = blocks == 1
        candidates = torch.empty(
            (m, 0 if last else blocks * width), dtype=torch.int64, device=x.device
        )
        _topk[(triton.cdiv(m, rows), blocks)](
            current,
            candidates,
            values,
            indices,
            *current.stride(),
            m,
            n,
            k,
            PACKED=packed,
            LAST=last,
            ROWS=rows,
            LOG_BLOCK=block.bit_length() - 1,
            LOG_K=width.bit_length() - 1,
            num_warps=4 if rows * block <= 1024 else 8,
        )
        current = candidates
        packed = True
    return values, indices
