"""Cumulative sum along the last dimension, also of few and very long rows.

Many rows: a program owns some rows and walks along them with a running total. Few long rows would
leave the device idle, so they are cut into segments and scanned as Blelloch's reduce-then-scan
("Prefix Sums and Their Applications", CMU-CS-90-190): sum every segment, then walk along every
segment from the total of those before it. The two passes cost one more read than a decoupled
look-back, but no program ever waits for another.

What is carried from block to block is a float64. Where the sum comes close to zero again, a float32
would leave little but the rounding errors of all that was added before.
"""

import torch
import triton
import triton.language as tl

_BLOCK = 2048  # elements of a row that are scanned at a time
_SMALL = 1024  # elements of a tile of several short rows
_PER_WARP = 512  # elements of a tile that a warp scans
_ENOUGH = 256  # rows that keep a large GPU busy
_SEGMENTS = 528  # programs that fewer rows are cut for: four for each of 132 multiprocessors
_STAGES = 3  # loads in flight while a block is scanned


@triton.jit
def _add_carry(scan, carry):
    """Return ``scan + carry``, where the carry has more digits than a float32."""
    high = carry.to(tl.float32)
    low = (carry - high.to(tl.float64)).to(tl.float32)
    # Infinity less itself is NaN.
    low = tl.where(tl.abs(high) < float("inf"), low, 0.0)
    return high + (low + scan)


@triton.jit
def _scan_rows(
    x,
    out,
    stride_row,
    stride_col,
    m,
    n,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
    STAGES: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    carry = tl.zeros([ROWS], tl.float64)
    for start in tl.range(0, n, BLOCK, num_stages=STAGES):
        cols = (start + tl.arange(0, BLOCK)).to(tl.int64)
        inside = (rows[:, None] < m) & (cols[None, :] < n)
        at = rows[:, None] * stride_row + cols[None, :] * stride_col
        value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        total = _add_carry(tl.cumsum(value, 1), carry[:, None])
        to = rows[:, None] * n + cols[None, :]
        tl.store(out + to, total.to(out.dtype.element_ty), mask=inside)
        carry += tl.sum(value, 1).to(tl.float64)


@triton.jit
def _sum_segments(
    x, sums, stride_row, stride_col, n, segment, BLOCK: tl.constexpr, STAGES: tl.constexpr
):
    row = tl.program_id(1).to(tl.int64)
    first = tl.program_id(0) * segment
    acc = tl.zeros([BLOCK], tl.float64)
    # A segment is whole blocks, so only n has to be compared with (and loads stay wide).
    for start in tl.range(first, first + tl.minimum(segment, n - first), BLOCK, num_stages=STAGES):
        cols = (start + tl.arange(0, BLOCK)).to(tl.int64)
        value = tl.load(x + row * stride_row + cols * stride_col, mask=cols < n, other=0.0)
        acc += value.to(tl.float64)
    tl.store(sums + row * tl.num_programs(0) + tl.program_id(0), tl.sum(acc, 0))


@triton.jit
def _scan_segments(
    x,
    sums,
    out,
    stride_row,
    stride_col,
    n,
    segment,
    SEGMENTS: tl.constexpr,
    BLOCK: tl.constexpr,
    STAGES: tl.constexpr,
):
    # Backwards: what was read last is still in the cache.
    segments = tl.num_programs(0)
    row = (tl.num_programs(1) - 1 - tl.program_id(1)).to(tl.int64)
    index = segments - 1 - tl.program_id(0)
    before = tl.arange(0, SEGMENTS)
    carry = tl.sum(tl.load(sums + row * segments + before, mask=before < index, other=0.0), 0)
    first = index * segment
    for start in tl.range(first, first + tl.minimum(segment, n - first), BLOCK, num_stages=STAGES):
        cols = (start + tl.arange(0, BLOCK)).to(tl.int64)
        value = tl.load(x + row * stride_row + cols * stride_col, mask=cols < n, other=0.0)
        value = value.to(tl.float32)
        total = _add_carry(tl.cumsum(value, 0), carry)
        tl.store(out + row * n + cols, total.to(out.dtype.element_ty), mask=cols < n)
        carry += tl.sum(value, 0).to(tl.float64)


def cumsum(x: torch.Tensor) -> torch.Tensor:
    """Running sum along the last dimension.

    Args:
        x: ``(..., n)``, floating point, any strides.

    Returns:
        The shape and dtype of ``x``, contiguous; summed in float32.
    """
    out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    if not x.numel():
        return out
    n = x.shape[-1]
    flat = x.reshape(-1, n)
    m = flat.shape[0]
    if n <= 2 * _BLOCK or m >= _ENOUGH:
        block = min(triton.next_power_of_2(n), _BLOCK)
        rows = max(1, min(16, _SMALL // block))
        _scan_rows[(triton.cdiv(m, rows),)](
            flat,
            out,
            *flat.stride(),
            m,
            n,
            ROWS=rows,
            BLOCK=block,
            STAGES=_STAGES if n > block else 1,
            num_warps=max(1, rows * block // _PER_WARP),
        )
        return out
    segment = triton.cdiv(triton.cdiv(n, _BLOCK), triton.cdiv(_SEGMENTS, m)) * _BLOCK
    segments = triton.cdiv(n, segment)
    sums = torch.empty((m, segments), dtype=torch.float64, device=x.device)
    tile = {"BLOCK": _BLOCK, "STAGES": _STAGES, "num_warps": _BLOCK // _PER_WARP}
    _sum_segments[(segments, m)](flat, sums, *flat.stride(), n, segment, **tile)
    most = triton.next_power_of_2(segments)
    _scan_segments[(segments, m)](
        flat, sums, out, *flat.stride(), n, segment, SEGMENTS=most, **tile
    )
    return out
