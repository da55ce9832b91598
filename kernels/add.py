"""Elementwise sum of two tensors that broadcast together.

Two operands that share one dense layout, row-major or any permutation of it, are walked as flat
memory, which needs no index arithmetic and vectorises. Anything else (a slice, a broadcast, one
operand transposed) goes through tiles of a matrix, wide enough in both directions that a transposed
operand is still read in whole cache lines.
"""

import torch
import triton
import triton.language as tl

TILE = 2048


@triton.jit
def _add(
    x_ptr,
    y_ptr,
    out_ptr,
    m,
    n,
    x_stride_m,
    x_stride_n,
    y_stride_m,
    y_stride_n,
    out_stride_m,
    out_stride_n,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    tiles_n = tl.cdiv(n, BLOCK_N)
    pid = tl.program_id(0)
    rows = (pid // tiles_n).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    cols = (pid % tiles_n).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
    mask = (rows < m) & (cols < n)
    x = tl.load(x_ptr + rows * x_stride_m + cols * x_stride_n, mask=mask)
    y = tl.load(y_ptr + rows * y_stride_m + cols * y_stride_n, mask=mask)
    tl.store(out_ptr + rows * out_stride_m + cols * out_stride_n, x + y, mask=mask)


def _tile(m: int, n: int) -> tuple[int, int]:
    """Return the sides of a tile of at most ``TILE`` elements, square-ish where the matrix is."""
    block_m = min(triton.next_power_of_2(m), 32)
    block_n = min(triton.next_power_of_2(n), TILE // block_m)
    return min(triton.next_power_of_2(m), TILE // block_n), block_n


def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Add two tensors element by element.

    Args:
        x: Any shape, any strides, floating point or integer.
        y: A shape that broadcasts with that of ``x``; the dtype and device of ``x``.

    Returns:
        The broadcast shape, the dtype of ``x``. Dense operands of one layout give that layout,
        others row-major.

    Raises:
        ValueError: If the dtypes or devices differ.
    """
    if x.dtype != y.dtype or x.device != y.device:
        raise ValueError(f"x is {x.dtype} on {x.device} but y is {y.dtype} on {y.device}")
    x, y = torch.broadcast_tensors(x, y)
    if x.numel() == 0:
        return x.new_empty(x.shape)
    out = torch.empty_like(x)
    if x.stride() == y.stride() == out.stride():
        m, n = 1, out.numel()
        strides = [n, 1] * 3
        block_m, block_n = 1, TILE
    else:
        out = torch.empty_like(x, memory_format=torch.contiguous_format)
        m, n = out.numel() // out.shape[-1], out.shape[-1]
        x, y = x.reshape(m, n), y.reshape(m, n)
        strides = [*x.stride(), *y.stride(), n, 1]
        block_m, block_n = _tile(m, n)
    grid = (triton.cdiv(m, block_m) * triton.cdiv(n, block_n),)
    _add[grid](x, y, out, m, n, *strides, BLOCK_M=block_m, BLOCK_N=block_n)
    return out
