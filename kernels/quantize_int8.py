"""Row-wise symmetric quantisation to int8.

One program a row: the first pass finds the largest magnitude, the second scales, rounds to the
nearest integer and stores. A row that fits one block is read from memory once and stays in
registers between the passes. Row-wise scales as in Dettmers, Lewis, Belkada and Zettlemoyer,
"LLM.int8(): 8-bit matrix multiplication for transformers at scale", NeurIPS 2022.
"""

import torch
import triton
import triton.language as tl

# The largest block, in elements: longer rows are read twice, the second time mostly from L2.
_LONGEST = 16384


@triton.jit
def _codes(x, inverse):
    """Integers nearest to ``x * inverse``; none is over 127, as no ``x`` is over 127 scales.

    From ``2**23`` to ``2**24`` the last bit of a float32 counts ones: adding ``1.5 * 2**23``
    rounds, ties to even, and leaves the code in the low byte.
    """
    return (x * inverse + 12582912.0).to(tl.int32, bitcast=True).to(tl.int8)


@triton.jit
def _quantize_int8_kernel(
    x_ptr,
    q_ptr,
    scale_ptr,
    N,
    stride_xm,
    stride_xn,
    stride_qm,
    ONE_BLOCK: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    x_ptr += row * stride_xm
    q_ptr += row * stride_qm
    offs = tl.arange(0, BLOCK_N)
    smallest_normal = 1.1754943508222875e-38

    if ONE_BLOCK:
        mask = offs < N
        x = tl.load(x_ptr + offs.to(tl.int64) * stride_xn, mask=mask, other=0.0).to(tl.float32)
        scale = tl.maximum(tl.div_rn(tl.max(tl.abs(x)), 127.0), smallest_normal)
        tl.store(q_ptr + offs, _codes(x, tl.div_rn(1.0, scale)), mask=mask)
        tl.store(scale_ptr + row, scale)
    else:
        largest = tl.zeros((BLOCK_N,), dtype=tl.float32)
        for start in range(0, N, BLOCK_N):
            cols = (start + offs).to(tl.int64)
            x = tl.load(x_ptr + cols * stride_xn, mask=cols < N, other=0.0).to(tl.float32)
            largest = tl.maximum(largest, tl.abs(x))
        scale = tl.maximum(tl.div_rn(tl.max(largest), 127.0), smallest_normal)
        inverse = tl.div_rn(1.0, scale)
        blocks = tl.cdiv(N, BLOCK_N)
        # Backwards: what was read last is the likeliest to be in L2 still.
        for block in range(blocks):
            cols = ((blocks - 1 - block) * BLOCK_N + offs).to(tl.int64)
            x = tl.load(x_ptr + cols * stride_xn, mask=cols < N, other=0.0).to(tl.float32)
            tl.store(q_ptr + cols, _codes(x, inverse), mask=cols < N)
        tl.store(scale_ptr + row, scale)


def quantize_int8(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Quantise each row of a matrix to int8 with a scale of its own.

    Args:
        x: ``(m, n)``, float32, float16 or bfloat16, finite, any strides.

    Returns:
        ``q``: ``(m, n)``, int8 in [-127, 127], contiguous, the integers nearest to ``x / scale``.
        ``scale``: ``(m,)``, float32: the row's largest magnitude over 127, at least the smallest
        normal float32, so that a row of zeros gives zeros.

    Raises:
        ValueError: ``x`` is not a matrix.
    """
    if x.ndim != 2:
        raise ValueError(f"expected a matrix, got shape {tuple(x.shape)}")
    m, n = x.shape
    q = torch.empty((m, n), device=x.device, dtype=torch.int8)
    scale = torch.empty((m,), device=x.device, dtype=torch.float32)
    if m == 0:
        return q, scale
    block = min(triton.next_power_of_2(max(n, 1)), _LONGEST)
    _quantize_int8_kernel[(m,)](
        x,
        q,
        scale,
        n,
        *x.stride(),
        q.stride(0),
        ONE_BLOCK=n <= block,
        BLOCK_N=block,
        num_warps=max(block // 1024, 1),
    )
    return q, scale
