"""Cumulative sum along the last dimension, also of few and very long rows.

Many rows: a program owns some rows and walks along them with a running total. Few long rows would
leave the device idle, so they are cut into chunks and scanned as Blelloch's reduce-then-scan
("Prefix Sums and Their Applications", CMU-CS-90-190): sum every chunk, scan the sums with this same
function, then scan every chunk from the total before it. The two passes cost one more read than a
decoupled look-back, but no program ever waits for another.
"""

import torch
import triton
import triton.language as tl

_CHUNK = 2048  # elements of a row that one program scans when rows are cut
_ENOUGH = 256  # programs that keep a large GPU busy


@triton.jit
def _scan_rows(x, out, stride_row, stride_col, m, n, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    before = tl.zeros([ROWS], tl.float32)
    for start in range(0, n, BLOCK):
        cols = (start + tl.arange(0, BLOCK)).to(tl.int64)
        inside = (rows[:, None] < m) & (cols[None, :] < n)
        at = rows[:, None] * stride_row + cols[None, :] * stride_col
        value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        # The running total enters the scan with the first element of the block.
        value += tl.where(cols[None, :] == start, before[:, None], 0.0)
        total = tl.cumsum(value, 1)
        before = tl.sum(value, 1)
        to = rows[:, None] * n + cols[None, :]
        tl.store(out + to, total.to(out.dtype.element_ty), mask=inside)


@triton.jit
def _sum_chunks(x, sums, stride_row, stride_col, n, chunks, BLOCK: tl.constexpr):
    row = tl.program_id(1).to(tl.int64)
    chunk = tl.program_id(0).to(tl.int64)
    cols = chunk * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + row * stride_row + cols * stride_col, mask=cols < n, other=0.0)
    tl.store(sums + row * chunks + chunk, tl.sum(value.to(tl.float32), 0))


@triton.jit
def _scan_chunks(x, totals, out, stride_row, stride_col, n, chunks, BLOCK: tl.constexpr):
    row = tl.program_id(1).to(tl.int64)
    chunk = tl.program_id(0).to(tl.int64)
    cols = chunk * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + row * stride_row + cols * stride_col, mask=cols < n, other=0.0)
    before = tl.load(totals + row * chunks + chunk - 1, mask=chunk > 0, other=0.0)
    total = tl.cumsum(value.to(tl.float32), 0) + before
    tl.store(out + row * n + cols, total.to(out.dtype.element_ty), mask=cols < n)


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
    if n <= 2 * _CHUNK or m >= _ENOUGH:
        block = min(triton.next_power_of_2(n), _CHUNK)
        rows = max(1, min(16, 1024 // block))
        _scan_rows[(triton.cdiv(m, rows),)](flat, out, *flat.stride(), m, n, ROWS=rows, BLOCK=block)
        return out
    chunks = triton.cdiv(n, _CHUNK)
    sums = torch.empty((m, chunks), dtype=torch.float32, device=x.device)
    _sum_chunks[(chunks, m)](flat, sums, *flat.stride(), n, chunks, BLOCK=_CHUNK)
    totals = cumsum(sums)
    _scan_chunks[(chunks, m)](flat, totals, out, *flat.stride(), n, chunks, BLOCK=_CHUNK)
    return out
