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

_ENOUGH = 1024  # programs that keep a large GPU busy
_SHORTEST = 8192  # elements that are not worth another program


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
    # A split is whole blocks, so only n has to be compared with (and loads stay wide).
    last = first + tl.minimum(per_split, n - first)
    acc = tl.zeros([BLOCK_N, BLOCK_INNER], tl.float32)
    # Unrolled, so that several loads are on their way before the first is added.
    for start in tl.range(first, last, BLOCK_N, loop_unroll_factor=4):
        at = start + tl.arange(0, BLOCK_N)
        inside = (at[:, None] < n) & (lanes[None, :] < inner)
        offsets = at[:, None].to(tl.int64) * stride_n + lanes[None, :].to(tl.int64) * stride_inner
        acc += tl.load(x + outer * stride_outer + offsets, mask=inside, other=0.0).to(tl.float32)
    total = tl.sum(acc, 0) / divisor
    to = (outer * tl.num_programs(1) + tl.program_id(1)) * inner + lanes
    tl.store(out + to, total.to(out.dtype.element_ty), mask=lanes < inner)


def _add_up(cube: torch.Tensor, out: torch.Tensor, divisor: float) -> None:
    """Sum the middle dimension of ``cube`` into ``out``, by way of splits where they are needed."""
    outer, n, inner = cube.shape
    if inner == 1 or cube.stride(1) < cube.stride(2):
        block_n = min(triton.next_power_of_2(n), 4096)
        block_inner = min(triton.next_power_of_2(inner), 4096 // block_n)
        num_warps = max(block_n * block_inner // 512, 1)
    else:
        # Wide strips need no sum between threads; narrow ones give programs enough.
        wide = outer * (inner // 512) >= _ENOUGH
        block_inner = 512 if wide else min(triton.next_power_of_2(inner), 128)
        block_n = 1 if wide else min(triton.next_power_of_2(n), 1024 // block_inner)
        num_warps = 4
    programs = outer * triton.cdiv(inner, block_inner)
    splits = 1
    if programs < _ENOUGH // 2:
        splits = max(min(_ENOUGH // programs, n * block_inner // _SHORTEST), 1)
    per_split = triton.cdiv(triton.cdiv(n, splits), block_n) * block_n
    splits = triton.cdiv(n, per_split)
    sums = out
    if splits > 1:
        sums = torch.empty((outer, splits, inner), dtype=torch.float32, device=cube.device)
    _scaled_sum[(programs, splits)](
        cube,
        sums,
        # An outer stride that no program uses must not cost the others their alignment.
        cube.stride(0) if outer > 1 else 0,
        cube.stride(1),
        cube.stride(2),
        n,
        inner,
        per_split,
        1.0 if splits > 1 else divisor,
        BLOCK_N=block_n,
        BLOCK_INNER=block_inner,
        num_warps=num_warps,
    )
    if splits > 1:
        _add_up(sums, out, divisor)


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
    _add_up(cube, out, float(n))
    return out
