"""Index of the largest element along a dimension.

Every position of a program's tile keeps its own best value and index while the program walks along
the dimension; the tile is reduced once at the end. Rows that lie in memory one after the other are
compared in groups of the elements that a thread loads at once: one maximum an element, one
comparison of values and indices a group. Only the best group is looked at again.

Few results are cut along the dimension for many programs. A partial result is one int64: a
float32's bits, with the magnitude flipped for negative numbers, order like a signed integer, and
with the complement of the position below them "largest value, and the first one among equals" is a
plain maximum of integers.
"""

import math

import torch
import triton
import triton.language as tl

_ENOUGH = 512  # programs that keep a large GPU busy


@triton.jit
def _beats(value, best):
    """Whether ``value`` replaces ``best``: it is larger or NaN, and ``best`` is not NaN."""
    return ((value <= best) == 0) & (best == best)  # noqa: PLR0124 - only NaN differs from itself


@triton.jit
def _first_of_best(best, where, axis: tl.constexpr):
    """Return the largest along ``axis`` (NaN, if there is one), and the first place that has it."""
    is_nan = best != best  # noqa: PLR0124 - only NaN differs from itself
    top = tl.max(tl.where(is_nan, float("-inf"), best), axis, keep_dims=True)
    any_nan = tl.max(is_nan.to(tl.int32), axis, keep_dims=True) > 0
    is_top = tl.where(any_nan, is_nan, best == top)
    first = tl.min(tl.where(is_top, where, 0x7FFFFFFF), axis, keep_dims=True)
    return tl.where(any_nan, float("nan"), top), first


@triton.jit
def _pack(value, at):
    # Both zeros are equal, but their bits are not.
    bits = tl.where(value == 0, 0.0, value).to(tl.int32, bitcast=True)
    key = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    key = tl.where(value != value, 0x7FFFFFFF, key)  # noqa: PLR0124 - only NaN differs from itself
    return (key.to(tl.int64) << 32) | (0x7FFFFFFF - at).to(tl.int64)


@triton.jit
def _argmax_rows(
    x,
    partial,
    out,
    stride_row,
    stride_n,
    m,
    n,
    per_split,
    ONE_SPLIT: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
    LOG_GROUP: tl.constexpr,
):
    GROUPS: tl.constexpr = BLOCK >> LOG_GROUP
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]
    line = x + rows * stride_row
    begin = tl.program_id(1) * per_split
    best = tl.full([ROWS, GROUPS], float("-inf"), tl.float32)
    # A position that only ever sees -inf keeps its first place.
    where = (begin >> LOG_GROUP) + tl.arange(0, GROUPS)[None, :]
    where = tl.broadcast_to(where, [ROWS, GROUPS])
    # A split is whole blocks, so only n has to be compared with (and loads stay wide).
    for start in range(begin, begin + tl.minimum(per_split, n - begin), BLOCK):
        at = start + tl.arange(0, BLOCK)[None, :]
        inside = (rows < m) & (at < n)
        value = tl.load(line + at.to(tl.int64) * stride_n, mask=inside, other=float("-inf"))
        value = value.to(tl.float32)
        for step in tl.static_range(LOG_GROUP):
            one, other = tl.split(tl.reshape(value, [ROWS, BLOCK >> (step + 1), 2]))
            value = tl.maximum(one, other, propagate_nan=tl.PropagateNan.ALL)
        better = _beats(value, best)
        best = tl.where(better, value, best)
        group = (start >> LOG_GROUP) + tl.arange(0, GROUPS)[None, :]
        where = tl.where(better, group, where)

    top, first = _first_of_best(best, where, 1)
    if LOG_GROUP > 0:
        at = (first << LOG_GROUP) + tl.arange(0, 1 << LOG_GROUP)[None, :]
        inside = (rows < m) & (at < n)
        value = tl.load(line + at.to(tl.int64) * stride_n, mask=inside, other=float("-inf"))
        _, first = _first_of_best(value.to(tl.float32), at, 1)
    if ONE_SPLIT:
        tl.store(out + rows, first.to(tl.int64), mask=rows < m)
    else:
        to = partial + tl.program_id(1).to(tl.int64) * m + rows
        tl.store(to, _pack(top, first), mask=rows < m)


@triton.jit
def _argmax_columns(
    x,
    partial,
    out,
    stride_outer,
    stride_n,
    stride_inner,
    n,
    inner,
    per_split,
    ONE_SPLIT: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_INNER: tl.constexpr,
):
    strips = tl.cdiv(inner, BLOCK_INNER)
    outer = (tl.program_id(0) // strips).to(tl.int64)
    lanes = (tl.program_id(0) % strips) * BLOCK_INNER + tl.arange(0, BLOCK_INNER)[None, :]
    begin = tl.program_id(1) * per_split
    at = tl.arange(0, BLOCK_N)[:, None]
    source = x + outer * stride_outer
    source += (begin + at).to(tl.int64) * stride_n + lanes.to(tl.int64) * stride_inner
    stride_block = tl.full([], BLOCK_N, tl.int64) * stride_n
    best = tl.full([BLOCK_N, BLOCK_INNER], float("-inf"), tl.float32)
    # A position that only ever sees -inf keeps its first place.
    where = tl.broadcast_to(begin + at, [BLOCK_N, BLOCK_INNER])
    end = begin + tl.minimum(per_split, n - begin)
    # Unrolled, so that several loads are on their way before the first is compared.
    for start in tl.range(begin, end, BLOCK_N, loop_unroll_factor=8):
        inside = (start + at < n) & (lanes < inner)
        value = tl.load(source, mask=inside, other=float("-inf")).to(tl.float32)
        better = _beats(value, best)
        best = tl.where(better, value, best)
        where = tl.where(better, start + at, where)
        source += stride_block

    top, first = _first_of_best(best, where, 0)
    to = outer * inner + lanes
    if ONE_SPLIT:
        tl.store(out + to, first.to(tl.int64), mask=lanes < inner)
    else:
        results = (tl.num_programs(0) // strips).to(tl.int64) * inner
        to += tl.program_id(1) * results
        tl.store(partial + to, _pack(top, first), mask=lanes < inner)


@triton.jit
def _merge(partial, out, splits, results, BLOCK_SPLITS: tl.constexpr, BLOCK: tl.constexpr):
    to = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    winner = tl.full([BLOCK_SPLITS, BLOCK], -0x7FFFFFFFFFFFFFFF, tl.int64)
    for start in range(0, splits, BLOCK_SPLITS):
        split = start + tl.arange(0, BLOCK_SPLITS)[:, None]
        inside = (split < splits) & (to[None, :] < results)
        at = split.to(tl.int64) * results + to[None, :]
        winner = tl.maximum(winner, tl.load(partial + at, mask=inside, other=-0x7FFFFFFFFFFFFFFF))
    winner = tl.max(winner, 0)
    tl.store(out + to, 0x7FFFFFFF - (winner & 0x7FFFFFFF), mask=to < results)


def argmax(x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Position of the largest element along ``dim``.

    Args:
        x: Any shape with fewer than 2**31 elements along ``dim``; float32, float16 or bfloat16, any
            strides.
        dim: The dimension that is reduced; it must not be empty.

    Returns:
        int64, the shape of ``x`` without ``dim``: the first position of the largest element. NaN
        counts as larger than everything, as in torch.

    Raises:
        ValueError: If ``dim`` is empty but the result is not.
    """
    dim %= x.ndim
    n = x.shape[dim]
    result = x.shape[:dim] + x.shape[dim + 1 :]
    out = torch.empty(result, dtype=torch.int64, device=x.device)
    if not out.numel():
        return out
    if not n:
        raise ValueError(f"argmax over dimension {dim} of {tuple(x.shape)}: it has no elements")
    cube = x.reshape(math.prod(x.shape[:dim]), n, math.prod(x.shape[dim + 1 :]))
    if cube.shape[2] == 1:
        # Rows along the last dimension: those side by side in memory are columns.
        cube = cube.transpose(0, 2)
    outer, _, inner = cube.shape
    # An outer dimension of one: rows (of any stride) that each lie in one piece.
    rows_apart = outer == 1 and (inner == 1 or cube.stride(1) <= cube.stride(2))
    if rows_apart:
        block_n = min(triton.next_power_of_2(n), 8192)
        block_inner = min(triton.next_power_of_2(inner), max(1, 2048 // block_n))
    elif cube.stride(1) < cube.stride(2):
        block_n = min(triton.next_power_of_2(n), 512)
        block_inner = min(triton.next_power_of_2(inner), 512 // block_n)
    else:
        # Wide strips need no reduction between threads; narrow ones give programs enough.
        wide = outer * (inner // 1024) >= 2 * _ENOUGH
        block_inner = 1024 if wide else min(triton.next_power_of_2(inner), 64)
        block_n = 1 if wide else min(triton.next_power_of_2(n), 512 // block_inner)
    programs = outer * triton.cdiv(inner, block_inner)
    # A program reads 4096 elements or more: fewer are not worth another one.
    splits = min(triton.cdiv(_ENOUGH, programs), triton.cdiv(n, max(4096 // block_inner, 1)))
    if rows_apart:
        # No larger a block than a split.
        block_n = min(block_n, triton.next_power_of_2(triton.cdiv(n, splits)))
    per_split = triton.cdiv(triton.cdiv(n, splits), block_n) * block_n
    splits = triton.cdiv(n, per_split)
    results = outer * inner
    partial = torch.empty(splits * results, dtype=torch.int64, device=x.device)
    if rows_apart:
        group = min(16 // x.element_size(), block_n)
        _argmax_rows[(programs, splits)](
            cube,
            partial,
            out,
            cube.stride(2),
            cube.stride(1),
            inner,
            n,
            per_split,
            ONE_SPLIT=splits == 1,
            ROWS=block_inner,
            BLOCK=block_n,
            LOG_GROUP=group.bit_length() - 1,
            # 32 elements for each thread
            num_warps=min(max(block_n * block_inner // 1024, 1), 16),
        )
    else:
        _argmax_columns[(programs, splits)](
            cube,
            partial,
            out,
            cube.stride(0) if outer > 1 else 0,  # aligned, whatever it was
            *cube.stride()[1:],
            n,
            inner,
            per_split,
            ONE_SPLIT=splits == 1,
            BLOCK_N=block_n,
            BLOCK_INNER=block_inner,
            num_warps=2,
        )
    if splits > 1:
        block_splits = min(triton.next_power_of_2(splits), 128)
        block = min(triton.next_power_of_2(results), 512 // block_splits)
        _merge[(triton.cdiv(results, block),)](
            partial, out, splits, results, BLOCK_SPLITS=block_splits, BLOCK=block, num_warps=4
        )
    return out
