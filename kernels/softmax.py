"""Softmax over rows, each row read once where it fits in registers.

Short rows share a program, one tile holding several of them. Rows that are too long for registers
are read twice: the first reading keeps a running maximum and a sum that is rescaled when the
maximum grows (Milakov and Gimelshein, "Online normalizer calculation for softmax",
arXiv:1805.02867), the second writes the result.
"""

import torch
import triton
import triton.language as tl

MAX_TILE = 32768  # elements that 32 warps hold in registers without spilling
CHUNK = 8192  # elements that a program reads at a time from longer rows


@triton.jit
def _softmax_rows(
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
    numerator = tl.exp(x - tl.max(x, 1)[:, None])
    y = numerator / tl.sum(numerator, 1)[:, None]
    out_ptrs = out_ptr + rows * out_stride_m + cols * out_stride_n
    tl.store(out_ptrs, y.to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _softmax_long_rows(
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
    x_ptrs = x_ptr + rows * x_stride_m
    out_ptrs = out_ptr + rows * out_stride_m
    maximum = tl.full([BLOCK_M], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    for start in range(0, n, BLOCK_N):
        mask = (rows < m) & (start + cols < n)
        x = tl.load(x_ptrs + (start + cols) * x_stride_n, mask=mask, other=float("-inf"))
        x = x.to(tl.float32)
        new_maximum = tl.maximum(maximum, tl.max(x, 1))
        # A row that has shown nothing but -inf so far has nothing to subtract.
        shift = tl.where(new_maximum == float("-inf"), 0.0, new_maximum)
        total = total * tl.exp(maximum - shift) + tl.sum(tl.exp(x - shift[:, None]), 1)
        maximum = new_maximum
    for start in range(0, n, BLOCK_N):
        mask = (rows < m) & (start + cols < n)
        x = tl.load(x_ptrs + (start + cols) * x_stride_n, mask=mask, other=float("-inf"))
        y = tl.exp(x.to(tl.float32) - maximum[:, None]) / total[:, None]
        y = y.to(out_ptr.dtype.element_ty)
        tl.store(out_ptrs + (start + cols) * out_stride_n, y, mask=mask)


def _tile(rows: torch.Tensor) -> tuple[int, int]:
    """Return the sides of a tile: whole rows if they fit, several where that fills cache lines."""
    m, n = rows.shape
    block_m = 32 if rows.stride(0) < rows.stride(1) else 1
    block_n = max(triton.next_power_of_2(n), 16)
    if block_m * block_n > MAX_TILE:
        return min(block_m, triton.next_power_of_2(m)), CHUNK // block_m
    return min(max(block_m, 2048 // block_n), triton.next_power_of_2(m)), block_n


def softmax(x: torch.Tensor) -> torch.Tensor:
    """Softmax over the last dimension.

    Args:
        x: ``(..., n)``, any strides; float16, bfloat16 or float32.

    Returns:
        The shape and dtype of ``x``, computed in float32; every row sums to one.
    """
    n = x.shape[-1]
    if x.numel() == 0:
        return torch.empty_like(x)
    rows = x.reshape(-1, n)
    out = torch.empty_like(rows)
    block_m, block_n = _tile(rows)
    kernel = _softmax_rows if n <= block_n else _softmax_long_rows
    kernel[(triton.cdiv(rows.shape[0], block_m),)](
        rows,
        out,
        *rows.shape,
        *rows.stride(),
        *out.stride(),
        BLOCK_M=block_m,
        BLOCK_N=block_n,
        num_warps=min(max(block_m * block_n // 512, 4), 32),
    )
    return out.view(x.shape)
