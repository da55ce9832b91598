"""Mean over a chosen dimension.

The tensor is seen as ``(outer, n, inner)`` around the reduced dimension and is never permuted: a
program's tile is long where memory is contiguous. Where there are few results and much to add
(a mean over the batch), the dimension is cut into splits whose float32 sums a second launch of the
same kernel adds up, in a fixed order.
"""

import math

import torch
import triton
import triton.language as tl

_ENOUGH = 512  # programs that keep a large GPU busy


@triton.jit
def _scaled_sum(
    x,
    out,
    stride_outer,
    stride_n,
    stride_inner,
    n,
    inner,
    per_split,
    divisor,
    BLOCK_N: tl.constexpr,
    BLOCK_INNER: tl.constexpr,
):
    strips = tl.cdiv(inner, BLOCK_INNER)
    outer = (tl.program_id(0) // strips).to(tl.int64)
    lanes = (tl.program_id(0) % strips) * BLOCK_INNER + tl.arange(0, BLOCK_INNER)
    first = tl.program_id(1) * per_split
    last = tl.minimum(first + per_split, n)
    acc = tl.zeros([BLOCK_N, BLOCK_INNER], tl.float32)
    for start in range(first, last, BLOCK_N):
        at = start + tl.arange(0, BLOCK_N)
        inside = (at[:, None] < last) & (lanes[None, :] < inner)
        offsets = at[:, None].to(tl.int64) * stride_n + lanes[None, :].to(tl.int64) * stride_inner
        acc += tl.load(x + outer * stride_outer + offsets, mask=inside, other=0.0).to(tl.float32)
    total = tl.sum(acc, 0) / divisor
    to = (outer * tl.num_programs(1) + tl.program_id(1)) * inner + lanes
    tl.store(out + to, total.to(out.dtype.element_ty), mask=lanes < inner)


def _launch(cube: torch.Tensor, out: torch.Tensor | None, divisor: float) -> torch.Tensor:
    """Sum the middle dimension of ``cube`` into ``out``, or into new float32 sums of its splits."""
    outer, n, inner = cube.shape
    if cube.stride(1) < cube.stride(2) or inner == 1:
        block_n = min(triton.next_power_of_2(n), 2048)
        block_inner = min(triton.next_power_of_2(inner), max(1, 1024 // block_n))
    else:
        block_inner = min(triton.next_power_of_2(inner), 64)
        block_n = min(triton.next_power_of_2(n), 2048 // block_inner)
    programs = outer * triton.cdiv(inner, block_inner)
    blocks = triton.cdiv(n, block_n)
    splits, per_split = 1, blocks * block_n
    if out is None:
        splits = min(triton.cdiv(_ENOUGH, programs), triton.cdiv(blocks, 4))
        per_split = triton.cdiv(blocks, splits) * block_n
        splits = triton.cdiv(n, per_split)
        out = torch.empty((outer, splits, inner), dtype=torch.float32, device=cube.device)
    _scaled_sum[(programs, splits)](
        cube,
        out,
        *cube.stride(),
        n,
        inner,
        per_split,
        divisor,
        BLOCK_N=block_n,
        BLOCK_INNER=block_inner,
    )
    return out


def mean(x: torch.Tensor, dim: int, keepdim: bool = False) -> torch.Tensor:  # noqa: FBT001, FBT002 - torch's signature
    """Mean over ``dim``, added up in float32.

    Args:
        x: Any shape, floating point, any strides.
        dim: The dimension that is averaged.
        keepdim: Whether the result keeps ``dim`` with size one.

    Returns:
        The shape of ``x`` without ``dim`` (or with size one there), the dtype of ``x``; NaN if
        ``dim`` is empty.
    """
    dim %= x.ndim
    n = x.shape[dim]
    result = (*x.shape[:dim], *([1] if keepdim else []), *x.shape[dim + 1 :])
    if not n:
        return torch.full(result, math.nan, dtype=x.dtype, device=x.device)
    out = torch.empty(result, dtype=x.dtype, device=x.device)
    if not out.numel():
        return out
    cube = x.reshape(math.prod(x.shape[:dim]), n, math.prod(x.shape[dim + 1 :]))
    if cube.shape[2] == 1:
        # Rows along the last dimension: let neighbouring rows share a program.
        cube = cube.transpose(0, 2)
    small = n <= 8192 or cube.shape[0] * cube.shape[2] >= 64 * _ENOUGH
    if not small:
        cube = _launch(cube, None, 1.0)
    _launch(cube, out, float(n))
    return out
