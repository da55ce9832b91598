"""Logarithm of the sum of exponentials along a dimension, in one reading of the input.

The maximum and the sum are kept together while chunks of a row arrive; the sum is rescaled when the
maximum grows (Milakov and Gimelshein, "Online normalizer calculation for softmax",
arXiv:1805.02867). Along a long row every thread keeps a maximum and a sum of its own until the row
ends, so that none waits for another in between. Short rows share a program, and so do rows that
lie side by side because the reduced dimension is the strided one: there a thread reads vectors of
neighbouring rows and keeps a maximum and a sum for each.
"""

import torch
import triton
import triton.language as tl

SHORT = 2048  # elements up to which a program reads whole rows at once
WARPS = 8  # of a program that walks along a longer row
UNROLL = 4  # vectors that each of its threads loads at a time
ABREAST = 32  # rows that a program takes where rows lie side by side, at least
ABREAST_MANY = 8192  # rows from which on it takes twice as many: programs are still enough
ABREAST_SHORT = 256  # elements up to which it reads them whole
ABREAST_WARPS = 16  # and, where they are longer, its warps
ABREAST_UNROLL = 8  # and the vectors that each of its threads loads at a time


@triton.jit
def _logsumexp(
    x_ptr,
    out_ptr,
    m,
    n,
    x_stride_m,
    x_stride_n,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    cols = tl.arange(0, BLOCK_N).to(tl.int64)[None, :]
    mask = (rows < m)[:, None] & (cols < n)
    x_ptrs = x_ptr + rows[:, None] * x_stride_m + cols * x_stride_n
    x = tl.load(x_ptrs, mask=mask, other=float("-inf")).to(tl.float32)
    maximum = tl.max(x, 1)
    # An infinite maximum is its own answer: subtracting it would give inf - inf.
    shift = tl.where(tl.abs(maximum) == float("inf"), 0.0, maximum)
    total = tl.sum(tl.exp(x - shift[:, None]), 1)
    y = shift + tl.log(total)
    tl.store(out_ptr + rows, y.to(out_ptr.dtype.element_ty), mask=rows < m)


@triton.jit
def _exp(x):
    """``exp`` by the hardware's ``exp2``: ``tl.exp`` spends more on results below 1e-38."""
    return tl.exp2(x * 1.4426950408889634)


@triton.jit
def _logsumexp_long_row(
    x_ptr,
    out_ptr,
    n,
    x_stride_m,
    x_stride_n,
    UNROLL: tl.constexpr,
    LANES: tl.constexpr,
    VECTOR: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    x_ptr += row * x_stride_m
    # A lane is a thread: it reads vectors and keeps a maximum and a sum of its own.
    lane = tl.arange(0, LANES)[:, None, None] * VECTOR + tl.arange(0, VECTOR)[None, None, :]
    cols = tl.arange(0, UNROLL)[None, :, None] * (LANES * VECTOR) + lane
    # The finite numbers at the ends, unlike infinities, can be subtracted from infinities.
    maximum = tl.full([LANES], -3.4028234663852886e38, tl.float32)
    total = tl.zeros([LANES], tl.float32)
    for start in range(0, n, UNROLL * LANES * VECTOR):
        at = (start + cols).to(tl.int64)
        x = tl.load(x_ptr + at * x_stride_n, mask=start + cols < n, other=float("-inf"))
        x = x.to(tl.float32)
        new_maximum = tl.maximum(maximum, tl.max(tl.max(x, 2), 1))
        new_maximum = tl.minimum(new_maximum, 3.4028234663852886e38)
        shares = tl.sum(tl.sum(_exp(x - new_maximum[:, None, None]), 2), 1)
        total = total * _exp(maximum - new_maximum) + shares
        maximum = new_maximum
    peak = tl.max(maximum, 0)
    y = peak + tl.log(tl.sum(total * _exp(maximum - peak), 0))
    tl.store(out_ptr + row, y.to(out_ptr.dtype.element_ty))


@triton.jit
def _logsumexp_long_rows_abreast(
    x_ptr,
    out_ptr,
    m,
    n,
    x_stride_m,
    x_stride_n,
    ROWS: tl.constexpr,
    UNROLL: tl.constexpr,
    LANES: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    x_ptrs = x_ptr + (rows * x_stride_m)[None, None, :]
    # A thread reads vectors of neighbouring rows and keeps maxima and sums of its own.
    cols = tl.arange(0, UNROLL)[None, :, None] * LANES + tl.arange(0, LANES)[:, None, None]
    maximum = tl.full([LANES, ROWS], -3.4028234663852886e38, tl.float32)
    total = tl.zeros([LANES, ROWS], tl.float32)
    for start in range(0, n, UNROLL * LANES):
        at = (start + cols).to(tl.int64)
        mask = (start + cols < n) & (rows < m)[None, None, :]
        x = tl.load(x_ptrs + at * x_stride_n, mask=mask, other=float("-inf")).to(tl.float32)
        new_maximum = tl.minimum(tl.maximum(maximum, tl.max(x, 1)), 3.4028234663852886e38)
        shares = tl.sum(_exp(x - new_maximum[:, None, :]), 1)
        total = total * _exp(maximum - new_maximum) + shares
        maximum = new_maximum
    peak = tl.max(maximum, 0)
    y = peak + tl.log(tl.sum(total * _exp(maximum - peak[None, :]), 0))
    tl.store(out_ptr + rows, y.to(out_ptr.dtype.element_ty), mask=rows < m)


def _tile(rows: torch.Tensor) -> tuple[int, int]:
    """Return the sides of a tile, with several rows where that fills cache lines."""
    m, n = rows.shape
    block_m = ABREAST if rows.stride(0) < rows.stride(1) else 1
    block_n = max(triton.next_power_of_2(n), 16)
    return min(max(block_m, 2048 // block_n), triton.next_power_of_2(m)), block_n


def logsumexp(x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Logarithm of the sum of exponentials along one dimension.

    Args:
        x: Any shape of at least one dimension, any strides; float16, bfloat16 or float32.
        dim: The dimension to reduce; negative counts from the end.

    Returns:
        The shape of ``x`` without ``dim``; the dtype of ``x``, computed in float32. A sum over
        nothing is ``-inf``.
    """
    moved = x.movedim(dim, -1)
    if x.numel() == 0:
        return torch.full(moved.shape[:-1], float("-inf"), dtype=x.dtype, device=x.device)
    out = torch.empty(moved.shape[:-1], dtype=x.dtype, device=x.device)
    rows = moved.reshape(-1, moved.shape[-1])
    m, n = rows.shape
    abreast = rows.stride(0) < rows.stride(1)
    vector = 16 // x.element_size()  # elements that a thread loads at a time
    if abreast and n > ABREAST_SHORT:
        rows_each = 2 * ABREAST if m >= ABREAST_MANY else ABREAST
        _logsumexp_long_rows_abreast[(triton.cdiv(m, rows_each),)](
            rows,
            out,
            m,
            n,
            *rows.stride(),
            ROWS=rows_each,
            UNROLL=ABREAST_UNROLL,
            LANES=32 * ABREAST_WARPS * vector // rows_each,
            num_warps=ABREAST_WARPS,
        )
    elif not abreast and n > SHORT:
        # Along a row only where rows are made of such vectors.
        if rows.stride(1) != 1 or (n | rows.stride(0)) % vector:
            vector = 1
        lanes = 32 * WARPS
        _logsumexp_long_row[(m,)](
            rows,
            out,
            n,
            *rows.stride(),
            UNROLL=min(UNROLL, triton.next_power_of_2(triton.cdiv(n, lanes * vector))),
            LANES=lanes,
            VECTOR=vector,
            num_warps=WARPS,
        )
    else:
        block_m, block_n = _tile(rows)
        _logsumexp[(triton.cdiv(m, block_m),)](
            rows,
            out,
            m,
            n,
            *rows.stride(),
            BLOCK_M=block_m,
            BLOCK_N=block_n,
            num_warps=min(max(block_m * block_n // 512, 4), 16),
        )
    return out
