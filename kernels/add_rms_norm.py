"""Residual addition and RMS normalisation in one pass (Zhang and Sennrich, arXiv:1910.07467).

Between two blocks of a transformer the sum of the residual stream and the block's output is needed
twice: normalised, as the next block's input, and as it is, as the next residual. Fused, each row is
read once and never read back. The norm is taken of the sum in float32, before it is rounded to the
residual's dtype.
"""

import torch
import triton
import triton.language as tl

MAX_TILE = 16384  # elements that 32 warps hold in registers without spilling
CHUNK = 4096  # elements that a program reads at a time from wider rows


@triton.jit
def _add_rms_norm(
    x_ptr,
    residual_ptr,
    weight_ptr,
    out_ptr,
    sum_ptr,
    m,
    n,
    x_stride,
    residual_stride,
    eps,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    cols = tl.arange(0, BLOCK_N)[None, :]
    mask = (rows < m) & (cols < n)
    x = tl.load(x_ptr + rows * x_stride + cols, mask=mask, other=0.0).to(tl.float32)
    residual = tl.load(residual_ptr + rows * residual_stride + cols, mask=mask, other=0.0)
    weight = tl.load(weight_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
    x += residual.to(tl.float32)
    tl.store(sum_ptr + rows * n + cols, x.to(sum_ptr.dtype.element_ty), mask=mask)
    rstd = tl.rsqrt(tl.sum(x * x, 1) / n + eps)
    y = x * rstd[:, None] * weight
    tl.store(out_ptr + rows * n + cols, y.to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _add_rms_norm_wide(
    x_ptr,
    residual_ptr,
    weight_ptr,
    out_ptr,
    sum_ptr,
    n,
    x_stride,
    residual_stride,
    eps,
    BLOCK_N: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    x_ptr += row * x_stride
    residual_ptr += row * residual_stride
    out_ptr += row * n
    sum_ptr += row * n
    squares = tl.zeros([BLOCK_N], tl.float32)
    for start in range(0, n, BLOCK_N):
        cols = start + tl.arange(0, BLOCK_N)
        x = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        x += tl.load(residual_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        tl.store(sum_ptr + cols, x.to(sum_ptr.dtype.element_ty), mask=cols < n)
        squares += x * x
    rstd = tl.rsqrt(tl.sum(squares) / n + eps)
    # The operands are read again, not the rounded sum.
    for start in range(0, n, BLOCK_N):
        cols = start + tl.arange(0, BLOCK_N)
        x = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        x += tl.load(residual_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        weight = tl.load(weight_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        tl.store(out_ptr + cols, (x * rstd * weight).to(out_ptr.dtype.element_ty), mask=cols < n)


def _rows(x: torch.Tensor) -> torch.Tensor:
    """Return ``x`` as a matrix whose rows are dense, copied only if they are not."""
    rows = x.reshape(-1, x.shape[-1])
    return rows if rows.stride(1) == 1 else rows.contiguous()


def add_rms_norm(
    x: torch.Tensor, residual: torch.Tensor, weight: torch.Tensor, eps: float = 1e-6
) -> tuple[torch.Tensor, torch.Tensor]:
    """Add a block's output to the residual stream and normalise the sum by rows.

    Args:
        x: ``(..., n)`` with ``n >= 1``, the block's output, any strides; float16, bfloat16 or
            float32.
        residual: The residual stream, the shape, dtype and device of ``x``, any strides.
        weight: ``(n,)``, on the device of ``x``.
        eps: Added to the mean square.

    Returns:
        The normalised sum scaled by ``weight``, and the sum, both of the shape and dtype of ``x``.

    Raises:
        ValueError: If the shapes or dtypes do not fit.
    """
    if (x.shape, x.dtype) != (residual.shape, residual.dtype):
        raise ValueError(
            f"x is {tuple(x.shape)} {x.dtype}, "
            f"but residual is {tuple(residual.shape)} {residual.dtype}"
        )
    if x.shape[-1] == 0 or weight.shape != x.shape[-1:]:
        raise ValueError(f"weight {tuple(weight.shape)} does not fit rows of {tuple(x.shape)}")
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    new_residual = torch.empty_like(x, memory_format=torch.contiguous_format)
    if out.numel() == 0:
        return out, new_residual
    x, residual, weight = _rows(x), _rows(residual), weight.contiguous()
    m, n = x.shape
    block_n = max(triton.next_power_of_2(n), 16)
    if block_n <= MAX_TILE:
        block_m = min(max(2048 // block_n, 1), triton.next_power_of_2(m))
        _add_rms_norm[(triton.cdiv(m, block_m),)](
            x,
            residual,
            weight,
            out,
            new_residual,
            m,
            n,
            x.stride(0),
            residual.stride(0),
            eps,
            BLOCK_M=block_m,
            BLOCK_N=block_n,
            num_warps=min(max(block_m * block_n // 512, 4), 32),
        )
    else:
        _add_rms_norm_wide[(m,)](
            x,
            residual,
            weight,
            out,
            new_residual,
            n,
            x.stride(0),
            residual.stride(0),
            eps,
            BLOCK_N=CHUNK,
            num_warps=8,
        )
    return out, new_residual
