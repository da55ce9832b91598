"""The k largest elements of every row, sorted, with their positions.

Values and positions are packed into one int64 whose order is "larger value first, then smaller
position", so that sorting needs no pairs. A block is sorted in groups of ``k`` by a bitonic
network (Batcher, "Sorting networks and their applications", 1968); then neighbouring groups, one
falling and one rising, are merged: the larger of each pair of elements is the top ``k`` of both.
Rows longer than a block leave ``k`` candidates a block, and those are reduced likewise in rounds.

Sorting all of a long row would take far longer than reading it. But its ``k`` largest elements lie
in the ``k`` bunches of neighbours with the largest maxima, since each of those maxima beats
whatever the other bunches have. So for small ``k`` only the maxima of bunches are sorted, and in
the end what is in the best bunches.
"""

import torch
import triton
import triton.language as tl

_LARGEST_K = 2048
_BLOCK = 1024

# Bunches of 32, for a k that leaves at most 2048 elements in the best of them.
_LOG_BUNCH = 5
_LARGEST_K_OF_BUNCHES = 64
_LONG = 4096  # elements of a row that are worth it


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
def _order(value):
    """Return an int32 that orders like the float32 ``value``."""
    # Both zeros are equal, but their bits are not; NaN is the largest of all, as in torch.
    bits = tl.where(value == 0, 0.0, value).to(tl.int32, bitcast=True)
    bits = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    is_nan = value != value  # noqa: PLR0124 - only NaN differs from itself
    return tl.where(is_nan, 0x7FFFFFFF, bits)


@triton.jit
def _pack(bits, position, inside):
    keys = (bits.to(tl.int64) << 32) | (0x7FFFFFFF - position).to(tl.int64)
    return tl.where(inside, keys, -0x7FFFFFFFFFFFFFFF)


@triton.jit
def _largest(keys, ROWS: tl.constexpr, LOG_BLOCK: tl.constexpr, LOG_K: tl.constexpr):
    """Return the ``2**LOG_K`` largest keys of every row of a tile, falling."""
    K: tl.constexpr = 1 << LOG_K
    keys = tl.reshape(keys, [ROWS << LOG_BLOCK])
    for stage in tl.static_range(1, LOG_K + 1):
        for step in tl.static_range(stage):
            keys = _sort_step(keys, stage, 1 << (stage - 1 - step), stage == LOG_BLOCK)
    for merge in tl.static_range(LOG_BLOCK - LOG_K):
        groups = tl.reshape(keys, [(ROWS << (LOG_BLOCK - LOG_K)) >> (merge + 1), 2, K])
        keys = tl.reshape(tl.max(groups, 1), [(ROWS << LOG_BLOCK) >> (merge + 1)])
        for step in tl.static_range(LOG_K):
            keys = _sort_step(keys, LOG_K, 1 << (LOG_K - 1 - step), merge == LOG_BLOCK - LOG_K - 1)
    return tl.reshape(keys, [ROWS, K])


@triton.jit
def _store(keys, values, indices, rows, m, k, LOG_K: tl.constexpr):
    """Unpack the largest keys of rows into the results."""
    place = tl.arange(0, 1 << LOG_K)[None, :]
    kept = (rows < m) & (place < k)
    position = 0x7FFFFFFF - (keys & 0x7FFFFFFF)
    bits = (keys >> 32).to(tl.int32)
    bits = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    value = bits.to(tl.float32, bitcast=True).to(values.dtype.element_ty)
    tl.store(values + rows * k + place, value, mask=kept)
    tl.store(indices + rows * k + place, position, mask=kept)


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
        keys = _pack(_order(value), cols, inside)

    keys = _largest(keys, ROWS, LOG_BLOCK, LOG_K)
    if LAST:
        _store(keys, values, indices, rows, m, k, LOG_K)
    else:
        to = (rows * tl.num_programs(1) + tl.program_id(1)) * K + tl.arange(0, K)[None, :]
        tl.store(candidates + to, keys, mask=rows < m)


@triton.jit
def _best_bunches(
    x,
    candidates,
    stride_row,
    stride_col,
    n,
    LOG_BLOCK: tl.constexpr,
    LOG_BUNCH: tl.constexpr,
    LOG_K: tl.constexpr,
):
    """Leave the keys of a block's best bunches: the largest element and the bunch's number."""
    BLOCK: tl.constexpr = 1 << LOG_BLOCK
    BUNCHES: tl.constexpr = BLOCK >> LOG_BUNCH
    row = tl.program_id(0).to(tl.int64)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    at = row * stride_row + cols.to(tl.int64) * stride_col
    value = tl.load(x + at, mask=cols < n, other=float("-inf")).to(tl.float32)
    # Halved before each is given its int32, which costs more than a maximum (tl.max drops NaN).
    for step in tl.static_range(3):
        one, other = tl.split(tl.reshape(value, [BLOCK >> (step + 1), 2]))
        value = tl.maximum(one, other, propagate_nan=tl.PropagateNan.ALL)
    bits = tl.max(tl.reshape(_order(value), [BUNCHES, 1 << (LOG_BUNCH - 3)]), 1)
    bunch = tl.program_id(1) * BUNCHES + tl.arange(0, BUNCHES)
    keys = _pack(bits, bunch, bunch << LOG_BUNCH < n)
    keys = _largest(keys, 1, LOG_BLOCK - LOG_BUNCH, LOG_K)
    to = (row * tl.num_programs(1) + tl.program_id(1)) << LOG_K
    tl.store(candidates + to + tl.arange(0, 1 << LOG_K)[None, :], keys)


@triton.jit
def _topk_of_bunches(
    x,
    candidates,
    values,
    indices,
    stride_row,
    stride_col,
    m,
    n,
    k,
    count,
    LOG_COUNT: tl.constexpr,
    LOG_BUNCH: tl.constexpr,
    LOG_K: tl.constexpr,
):
    """Reduce a row's candidates to the best bunches, and sort what is in those."""
    row = tl.program_id(0).to(tl.int64)
    place = tl.arange(0, 1 << LOG_COUNT)
    keys = tl.load(candidates + row * count + place, mask=place < count, other=-0x7FFFFFFFFFFFFFFF)
    keys = tl.reshape(_largest(keys, 1, LOG_COUNT, LOG_K), [1 << LOG_K, 1])
    cols = (0x7FFFFFFF - (keys & 0x7FFFFFFF)) << LOG_BUNCH
    cols += tl.arange(0, 1 << LOG_BUNCH)[None, :]
    value = tl.load(x + row * stride_row + cols * stride_col, mask=cols < n, other=0.0)
    keys = _pack(_order(value.to(tl.float32)), cols, cols < n)
    keys = _largest(keys, 1, LOG_K + LOG_BUNCH, LOG_K)
    _store(keys, values, indices, row, m, k, LOG_K)


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
    current = rows_of_x = x.reshape(-1, n)
    m = current.shape[0]
    width = triton.next_power_of_2(k)
    log_k = width.bit_length() - 1
    in_bunches = n >= _LONG and k <= _LARGEST_K_OF_BUNCHES
    packed = in_bunches
    if in_bunches:
        # A block of 8192 has at least four times as many bunches as are kept.
        blocks = triton.cdiv(n, 8192)
        current = torch.empty((m, blocks * width), dtype=torch.int64, device=x.device)
        _best_bunches[(m, blocks)](
            rows_of_x,
            current,
            *rows_of_x.stride(),
            n,
            LOG_BLOCK=13,
            LOG_BUNCH=_LOG_BUNCH,
            LOG_K=log_k,
            num_warps=4,
        )
    while True:
        count = current.shape[1]
        block = min(triton.next_power_of_2(count), max(_BLOCK, 4 * width))
        blocks = triton.cdiv(count, block)
        last = blocks == 1
        if last and in_bunches:
            _topk_of_bunches[(m,)](
                rows_of_x,
                current,
                values,
                indices,
                *rows_of_x.stride(),
                m,
                n,
                k,
                count,
                LOG_COUNT=block.bit_length() - 1,
                LOG_BUNCH=_LOG_BUNCH,
                LOG_K=log_k,
                num_warps=min(max(width // 4, 1), 8),
            )
            return values, indices
        rows = max(1, min(triton.next_power_of_2(m), 512 // block))
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
            count,
            k,
            PACKED=packed,
            LAST=last,
            ROWS=rows,
            LOG_BLOCK=block.bit_length() - 1,
            LOG_K=log_k,
            num_warps=4 if rows * block <= 1024 else 8,
        )
        if last:
            return values, indices
        current, packed = candidates, True
