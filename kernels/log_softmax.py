"""Logarithm of the softmax along a dimension, without forming the softmax.

``x - max - log(sum(exp(x - max)))`` neither overflows nor loses the small probabilities. Rows that
fit in registers are read once; longer ones twice, with a running maximum and a rescaled sum
(Milakov and Gimelshein, "Online normalizer calculation for softmax", arXiv:1805.02867). So few long
rows are under way at once that the second reading finds them in the L2 cache. Where the reduced
dimension is the strided one, rows lie side by side: a program takes many of them, and a thread
reads vectors of neighbouring rows.
"""

import torch
import triton
import triton.language as tl

MAX_TILE = 32768  # elements that 32 warps hold in registers without spilling
LONG = 16384  # a dense row of more elements is read twice
MULTIPROCESSORS = 132  # of an H100 or H200
L2_SHARE = 256 * 1024  # bytes of L2, for each multiprocessor, that the rows under way may fill
WARPS = 32  # on each multiprocessor, over all of the long rows that it has under way
UNROLL = 4  # vectors that each of their threads loads at a time
ABREAST = 32  # rows that a program takes where rows lie side by side, at least
ABREAST_MANY = 8192  # rows from which on it takes twice as many: programs are still enough
ABREAST_WARPS = 16  # of such a program, where the rows do not fit in registers
ABREAST_UNROLL = 8  # vectors that each of its threads loads at a time


@triton.jit
def _log_softmax_rows(
    x_ptr,
    out_ptr,
    m,
    n,
    x_stride_m,
    x_stride_n,
    out_stride_m,
    out_stride_n,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    cols = tl.arange(0, BLOCK_N).to(tl.int64)[None, :]
    mask = (rows < m) & (cols < n)
    x_ptrs = x_ptr + rows * x_stride_m + cols * x_stride_n
    x = tl.load(x_ptrs, mask=mask, other=float("-inf")).to(tl.float32)
    shifted = x - tl.max(x, 1)[:, None]
    y = shifted - tl.log(tl.sum(tl.exp(shifted), 1))[:, None]
    out_ptrs = out_ptr + rows * out_stride_m + cols * out_stride_n
    tl.store(out_ptrs, y.to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _exp(x):
    """``exp`` by the hardware's ``exp2``: ``tl.exp`` spends more on results below 1e-38."""
    return tl.exp2(x * 1.4426950408889634)


@triton.jit
def _log_softmax_long_rows(
    x_ptr,
    out_ptr,
    m,
    n,
    x_stride_m,
    x_stride_n,
    out_stride_m,
    out_stride_n,
    UNROLL: tl.constexpr,
    LANES: tl.constexpr,
    VECTOR: tl.constexpr,
):
    # A lane is a thread: it reads vectors and keeps a maximum and a sum of its own, so that none
    # waits for another before the row ends.
    lane = tl.arange(0, LANES)[:, None, None] * VECTOR + tl.arange(0, VECTOR)[None, None, :]
    cols = tl.arange(0, UNROLL)[None, :, None] * (LANES * VECTOR) + lane
    STEP: tl.constexpr = UNROLL * LANES * VECTOR
    steps = tl.cdiv(n, STEP)
    for row in range(tl.program_id(0), m, tl.num_programs(0)):
        x_row_ptr = x_ptr + tl.cast(row, tl.int64) * x_stride_m
        out_row_ptr = out_ptr + tl.cast(row, tl.int64) * out_stride_m
        # The lowest finite number, unlike -inf, can be subtracted from -inf.
        maximum = tl.full([LANES], -3.4028234663852886e38, tl.float32)
        total = tl.zeros([LANES], tl.float32)
        for step in range(steps):
            mask = step * STEP + cols < n
            x_ptrs = x_row_ptr + (step * STEP + cols).to(tl.int64) * x_stride_n
            x = tl.load(x_ptrs, mask=mask, other=float("-inf"), eviction_policy="evict_last")
            x = x.to(tl.float32)
            new_maximum = tl.maximum(maximum, tl.max(tl.max(x, 2), 1))
            shares = tl.sum(tl.sum(_exp(x - new_maximum[:, None, None]), 2), 1)
            total = total * _exp(maximum - new_maximum) + shares
            maximum = new_maximum
        peak = tl.max(maximum, 0)
        log_total = tl.log(tl.sum(total * _exp(maximum - peak), 0))
        # Backwards: what was read last is the likeliest to be in a cache still.
        for step in range(steps - 1, -1, -1):
            mask = step * STEP + cols < n
            at = (step * STEP + cols).to(tl.int64)
            x_ptrs = x_row_ptr + at * x_stride_n
            x = tl.load(x_ptrs, mask=mask, other=float("-inf"), eviction_policy="evict_first")
            x = x.to(tl.float32)
            y = ((x - peak) - log_total).to(out_ptr.dtype.element_ty)
            tl.store(out_row_ptr + at * out_stride_n, y, mask=mask, cache_modifier=".cs")


@triton.jit
def _log_softmax_long_rows_abreast(
    x_ptr,
    out_ptr,
    m,
    n,
    x_stride_m,
    x_stride_n,
    out_stride_m,
    out_stride_n,
    ROWS: tl.constexpr,
    UNROLL: tl.constexpr,
    LANES: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)[None, None, :]
    x_ptrs = x_ptr + rows * x_stride_m
    out_ptrs = out_ptr + rows * out_stride_m
    # A thread reads vectors of neighbouring rows and keeps maxima and sums of its own.
    cols = tl.arange(0, UNROLL)[None, :, None] * LANES + tl.arange(0, LANES)[:, None, None]
    STEP: tl.constexpr = UNROLL * LANES
    steps = tl.cdiv(n, STEP)
    maximum = tl.full([LANES, ROWS], -3.4028234663852886e38, tl.float32)
    total = tl.zeros([LANES, ROWS], tl.float32)
    for step in range(steps):
        mask = (step * STEP + cols < n) & (rows < m)
        at = (step * STEP + cols).to(tl.int64) * x_stride_n
        x = tl.load(x_ptrs + at, mask=mask, other=float("-inf"), eviction_policy="evict_last")
        x = x.to(tl.float32)
        new_maximum = tl.maximum(maximum, tl.max(x, 1))
        shares = tl.sum(_exp(x - new_maximum[:, None, :]), 1)
        total = total * _exp(maximum - new_maximum) + shares
        maximum = new_maximum
    peak = tl.max(maximum, 0)
    log_total = tl.log(tl.sum(total * _exp(maximum - peak[None, :]), 0))
    # Backwards, as in ``_log_softmax_long_rows``.
    for step in range(steps - 1, -1, -1):
        mask = (step * STEP + cols < n) & (rows < m)
        at = (step * STEP + cols).to(tl.int64)
        x_at = x_ptrs + at * x_stride_n
        x = tl.load(x_at, mask=mask, other=float("-inf"), eviction_policy="evict_first")
        y = (x.to(tl.float32) - peak[None, None, :]) - log_total[None, None, :]
        tl.store(out_ptrs + at * out_stride_n, y.to(out_ptr.dtype.element_ty), mask=mask)


def _tile(rows: torch.Tensor) -> tuple[int, int]:
    """Return the sides of a tile of whole rows, several where that fills cache lines."""
    m, n = rows.shape
    block_m = ABREAST if rows.stride(0) < rows.stride(1) else 1
    block_n = max(triton.next_power_of_2(n), 16)
    return min(max(block_m, 2048 // block_n), triton.next_power_of_2(m)), block_n


def log_softmax(x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Logarithm of the softmax along one dimension.

    Args:
        x: Any shape of at least one dimension, any strides; float16, bfloat16 or float32.
        dim: The dimension whose exponentials sum to one; negative counts from the end.

    Returns:
        The shape and dtype of ``x``, computed in float32.
    """
    if x.numel() == 0:
        return torch.empty_like(x)
    moved = x.movedim(dim, -1)
    rows = moved.reshape(-1, moved.shape[-1])
    out = torch.empty_like(rows)
    m, n = rows.shape
    abreast = rows.stride(0) < rows.stride(1)
    vector = 16 // x.element_size()  # elements that a thread loads at a time
    if abreast and n * ABREAST > MAX_TILE:
        rows_each = 2 * ABREAST if m >= ABREAST_MANY else ABREAST
        _log_softmax_long_rows_abreast[(triton.cdiv(m, rows_each),)](
            rows,
            out,
            m,
            n,
            *rows.stride(),
            *out.stride(),
            ROWS=rows_each,
            UNROLL=ABREAST_UNROLL,
            LANES=32 * ABREAST_WARPS * vector // rows_each,
            num_warps=ABREAST_WARPS,
        )
    elif not abreast and n > LONG:
        row_bytes = triton.next_power_of_2(n * x.element_size())
        at_once = max(L2_SHARE // row_bytes, 1)  # rows on a multiprocessor
        warps = WARPS // at_once
        # Along a row only where rows are made of such vectors.
        if rows.stride(1) != 1 or (n | rows.stride(0)) % vector:
            vector = 1
        _log_softmax_long_rows[(min(m, MULTIPROCESSORS * at_once),)](
            rows,
            out,
            m,
            n,
            *rows.stride(),
            *out.stride(),
            UNROLL=UNROLL,
            LANES=32 * warps,
            VECTOR=vector,
            num_warps=warps,
        )
    else:
        block_m, block_n = _tile(rows)
        _log_softmax_rows[(triton.cdiv(m, block_m),)](
            rows,
            out,
            m,
            n,
            *rows.stride(),
            *out.stride(),
            BLOCK_M=block_m,
            BLOCK_N=block_n,
            num_warps=min(max(block_m * block_n // 512, 4), 32),
        )
    return out.view(moved.shape).movedim(-1, dim)
