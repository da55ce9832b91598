"""SwiGLU activation on a packed projection (Shazeer, arXiv:2002.05202).

A feed-forward layer computes gate and value with one matmul, so that they lie side by side in a
row. One kernel reads both halves in place; splitting them first would cost a pass over memory.
"""

import torch
import triton
import triton.language as tl

TILE = 2048


@triton.jit
def _silu_and_mul(
    x_ptr,
    out_ptr,
    m,
    n,
    x_stride_m,
    x_stride_n,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    tiles_n = tl.cdiv(n, BLOCK_N)
    pid = tl.program_id(0)
    rows = (pid // tiles_n).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    cols = (pid % tiles_n).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
    mask = (rows < m) & (cols < n)
    gate_ptrs = x_ptr + rows * x_stride_m + cols * x_stride_n
    value_ptrs = x_ptr + rows * x_stride_m + (cols + n) * x_stride_n
    gate = tl.load(gate_ptrs, mask=mask, other=0.0).to(tl.float32)
    value = tl.load(value_ptrs, mask=mask, other=0.0).to(tl.float32)
    y = gate * tl.sigmoid(gate) * value
    tl.store(out_ptr + rows * n + cols, y.to(out_ptr.dtype.element_ty), mask=mask)


def _tile(m: int, n: int, *, unit_stride: bool) -> tuple[int, int]:
    """Return the sides of a tile: long where rows are dense, square-ish where they are not."""
    block_m = 1 if unit_stride else min(triton.next_power_of_2(m), 32)
    block_n = min(triton.next_power_of_2(n), TILE // block_m)
    return min(triton.next_power_of_2(m), TILE // block_n), block_n


def silu_and_mul(x: torch.Tensor) -> torch.Tensor:
    """Multiply the second half of every row by the SiLU of the first.

    Args:
        x: ``(..., 2n)``, gate then value, any strides; float16, bfloat16 or float32.

    Returns:
        ``(..., n)``, ``silu(x[..., :n]) * x[..., n:]``, the dtype of ``x``, computed in float32.

    Raises:
        ValueError: If the last dimension is odd.
    """
    if x.shape[-1] % 2:
        raise ValueError(
            f"the last dimension holds two halves, so it must be even: {tuple(x.shape)}"
        )
    n = x.shape[-1] // 2
    out = torch.empty((*x.shape[:-1], n), dtype=x.dtype, device=x.device)
    if out.numel() == 0:
        return out
    x = x.reshape(-1, 2 * n)
    m = x.shape[0]
    block_m, block_n = _tile(m, n, unit_stride=x.stride(1) == 1)
    grid = (triton.cdiv(m, block_m) * triton.cdiv(n, block_n),)
    _silu_and_mul[grid](x, out, m, n, *x.stride(), BLOCK_M=block_m, BLOCK_N=block_n)
    return out
