"""Transpose of a matrix into fresh memory, tile by tile.

A program reads a tile along the rows of the input and writes it along the rows of the output; the
exchange between threads happens in shared memory, so both sides of the copy are coalesced. Ruetsch
and Micikevicius, "Optimizing Matrix Transpose in CUDA" (2009).
"""

import torch
import triton
import triton.language as tl


@triton.autotune(
    configs=[
        triton.Config({"BLOCK_M": 32, "BLOCK_N": 32}, num_warps=4),
        triton.Config({"BLOCK_M": 64, "BLOCK_N": 64}, num_warps=4),
        triton.Config({"BLOCK_M": 64, "BLOCK_N": 64}, num_warps=8),
        triton.Config({"BLOCK_M": 128, "BLOCK_N": 64}, num_warps=8),
        triton.Config({"BLOCK_M": 64, "BLOCK_N": 128}, num_warps=8),
    ],
    key=["size_class"],
)
@triton.jit(do_not_specialize=["size_class"])
def _transpose(
    x,
    out,
    stride_m,
    stride_n,
    m,
    n,
    size_class,  # noqa: ARG001 - read by the autotuner alone
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    strips = tl.cdiv(n, BLOCK_N)
    rows = (tl.program_id(0) // strips).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    cols = (tl.program_id(0) % strips).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = (rows[:, None] < m) & (cols[None, :] < n)
    tile = tl.load(x + rows[:, None] * stride_m + cols[None, :] * stride_n, mask=inside)
    turned = (cols[:, None] < n) & (rows[None, :] < m)
    tl.store(out + cols[:, None] * m + rows[None, :], tl.trans(tile), mask=turned)


def transpose(x: torch.Tensor) -> torch.Tensor:
    """Swap the two dimensions of a matrix, in memory too.

    Args:
        x: ``(m, n)``, any dtype, any strides.

    Returns:
        ``(n, m)``, contiguous, the dtype of ``x``.
    """
    m, n = x.shape
    out = torch.empty((n, m), dtype=x.dtype, device=x.device)
    if out.numel():
        _transpose[
            lambda tile: (triton.cdiv(m, tile["BLOCK_M"]) * triton.cdiv(n, tile["BLOCK_N"]),)
        ](
            x,
            out,
            *x.stride(),
            m,
            n,
            # One tuning for sizes within a factor of 16.
            out.numel().bit_length() // 4,
        )
    return out
