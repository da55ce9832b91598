"""Gaussian error linear unit (Hendrycks and Gimpel, arXiv:1606.08415).

The tanh form is computed as ``x * sigmoid(2u)``, which equals ``x * (1 + tanh(u)) / 2`` without its
cancellation for negative ``x``. A dense tensor of any layout is walked as flat memory; other
strides go through tiles of a matrix.
"""

import torch
import triton
import triton.language as tl

TILE = 2048


@triton.jit
def _gelu(
    x_ptr,
    out_ptr,
    m,
    n,
    x_stride_m,
    x_stride_n,
    TANH: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    tiles_n = tl.cdiv(n, BLOCK_N)
    pid = tl.program_id(0)
    rows = (pid // tiles_n).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    cols = (pid % tiles_n).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
    mask = (rows < m) & (cols < n)
    x = tl.load(x_ptr + rows * x_stride_m + cols * x_stride_n, mask=mask, other=0.0).to(tl.float32)
    if TANH:
        # 1.5957691 = 2 * sqrt(2 / pi)
        y = x * tl.sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x))
    else:
        # 0.70710678 = 1 / sqrt(2)
        y = 0.5 * x * (1.0 + tl.erf(x * 0.7071067811865476))
    tl.store(out_ptr + rows * n + cols, y.to(out_ptr.dtype.element_ty), mask=mask)


def _tile(m: int, n: int) -> tuple[int, int]:
    """Return the sides of a tile of at most ``TILE`` elements, square-ish where the matrix is."""
    block_m = min(triton.next_power_of_2(m), 32)
    block_n = min(triton.next_power_of_2(n), TILE // block_m)
    return min(triton.next_power_of_2(m), TILE // block_n), block_n


def gelu(x: torch.Tensor, approximate: str = "none") -> torch.Tensor:
    """Gaussian error linear unit, exact or in its tanh approximation.

    Args:
        x: Any shape, any strides; float16, bfloat16 or float32.
        approximate: ``"none"`` for ``x * Phi(x)`` with the normal distribution function,
            ``"tanh"`` for its approximation.

    Returns:
        The shape and dtype of ``x``, computed in float32.

    Raises:
        ValueError: If ``approximate`` is neither ``"none"`` nor ``"tanh"``.
    """
    if approximate not in {"none", "tanh"}:
        raise ValueError(f"approximate is {approximate!r}; expected 'none' or 'tanh'")
    out = torch.empty_like(x)
    if out.numel() == 0:
        return out
    if x.stride() == out.stride():
        m, n = 1, out.numel()
        strides = (n, 1)
        block_m, block_n = 1, TILE
    else:
        out = torch.empty_like(x, memory_format=torch.contiguous_format)
        m, n = out.numel() // out.shape[-1], out.shape[-1]
        x = x.reshape(m, n)
        strides = x.stride()
        block_m, block_n = _tile(m, n)
    grid = (triton.cdiv(m, block_m) * triton.cdiv(n, block_n),)
    _gelu[grid](
        x, out, m, n, *strides, TANH=approximate == "tanh", BLOCK_M=block_m, BLOCK_N=block_n
    )
    return out
