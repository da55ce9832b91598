"""Conversion to float8 (e4m3fn) with a scale, saturating.

The format has four exponent bits, three mantissa bits, no infinities and one NaN; its largest value
is 448 (Micikevicius and others, "FP8 formats for deep learning", 2022). GPUs from compute
capability 8.9 on convert in hardware; for others the bits are rounded to nearest, ties to even, in
integer arithmetic, so that the result is the same everywhere.
"""

import torch
import triton
import triton.language as tl
from triton.language.target_info import cuda_capability_geq


@triton.jit
def _round_to_e4m3fn(x):
    """Bits of the nearest e4m3fn, ties to even, for float32 in [-448, 448] or NaN."""
    bits = x.to(tl.uint32, bitcast=True)
    magnitude = bits & 0x7FFFFFFF
    # Keep 3 of 23 mantissa bits; a carry runs into the exponent, whose bias changes from 127 to 7.
    normal = ((magnitude + 0x7FFFF + ((magnitude >> 20) & 1)) >> 20) - (120 << 3)
    # Below 2**-6 the steps are 2**-9, which is one unit in the last place of 2**14 as float32.
    shifted = magnitude.to(tl.float32, bitcast=True) + 16384.0
    subnormal = shifted.to(tl.uint32, bitcast=True) - 0x46800000
    rounded = tl.where(magnitude < 0x3C800000, subnormal, normal)
    rounded = tl.where(magnitude > 0x7F800000, 0x7F, rounded)
    return (rounded | (bits >> 31 << 7)).to(tl.uint8)


@triton.jit
def _cast_fp8_kernel(
    x_ptr,
    scale_ptr,
    out_ptr,
    M,
    N,
    stride_xm,
    stride_xn,
    stride_scale,
    stride_om,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    blocks_n = tl.cdiv(N, BLOCK_N)
    rows = (tl.program_id(0) // blocks_n).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    cols = (tl.program_id(0) % blocks_n).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    mask = (rows < M)[:, None] & (cols < N)[None, :]
    scale = tl.load(scale_ptr + rows * stride_scale, mask=rows < M, other=1.0)
    x = tl.load(x_ptr + rows[:, None] * stride_xm + cols[None, :] * stride_xn, mask=mask, other=0.0)
    x = x.to(tl.float32) * scale.to(tl.float32)[:, None]
    x = tl.clamp(x, -448.0, 448.0, propagate_nan=tl.PropagateNan.ALL)
    if cuda_capability_geq(8, 9):
        bits = x.to(tl.float8e4nv).to(tl.uint8, bitcast=True)
    else:
        bits = _round_to_e4m3fn(x)
    tl.store(out_ptr + rows[:, None] * stride_om + cols[None, :], bits, mask=mask)


def cast_fp8(x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Multiply by a scale and convert to float8_e4m3fn, saturating at 448.

    Args:
        x: ``(m, n)``, float32, float16 or bfloat16, any strides.
        scale: ``(1,)`` for one scale or ``(m,)`` for one a row, float32.

    Returns:
        ``(m, n)``, float8_e4m3fn, contiguous: ``x * scale`` in float32, clamped to [-448, 448] and
        rounded to nearest, ties to even. NaN stays NaN.

    Raises:
        ValueError: The shapes do not fit together.
    """
    if x.ndim != 2 or scale.shape not in ((1,), (x.shape[0],)):
        raise ValueError(
            f"expected x (m, n) and scale (1,) or (m,), got {tuple(x.shape)} and "
            f"{tuple(scale.shape)}"
        )
    m, n = x.shape
    out = torch.empty((m, n), device=x.device, dtype=torch.float8_e4m3fn)
    if out.numel() == 0:
        return out
    block_n = min(triton.next_power_of_2(n), 1024)
    block_m = min(triton.next_power_of_2(m), max(2048 // block_n, 1))
    _cast_fp8_kernel[(triton.cdiv(m, block_m) * triton.cdiv(n, block_n),)](
        x,
        scale,
        # The bits: float8 pointers do not compile for GPUs that lack the type.
        out.view(torch.uint8),
        m,
        n,
        *x.stride(),
        scale.stride(0) if scale.shape[0] == m else 0,
        n,
        BLOCK_M=block_m,
        BLOCK_N=block_n,
    )
    return out
