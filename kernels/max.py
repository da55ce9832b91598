"""Largest element along a dimension, and where it is.

Every position of a program's tile keeps its own best value and index while the program walks along
the dimension; the tile is reduced once at the end. A NaN beats everything and is never replaced, so
the answer is the first NaN where there is one, and otherwise the first of equal values.
"""

import math

import torch
import triton
import triton.language as tl


@triton.jit
def _max(
    x,
    values,
    indices,
    stride_outer,
    stride_n,
    stride_inner,
    n,
    inner,
    BLOCK_N: tl.constexpr,
    BLOCK_INNER: tl.constexpr,
):
    strips = tl.cdiv(inner, BLOCK_INNER)
    outer = (tl.program_id(0) // strips).to(tl.int64)
    lanes = (tl.program_id(0) % strips) * BLOCK_INNER + tl.arange(0, BLOCK_INNER)
    best = tl.full([BLOCK_N, BLOCK_INNER], float("-inf"), tl.float32)
    where = tl.full([BLOCK_N, BLOCK_INNER], 0x7FFFFFFF, tl.int32)
    for start in range(0, n, BLOCK_N):
        at = (start + tl.arange(0, BLOCK_N))[:, None]
        inside = (at < n) & (lanes[None, :] < inner)
        offsets = at.to(tl.int64) * stride_n + lanes[None, :].to(tl.int64) * stride_inner
        value = tl.load(x + outer * stride_outer + offsets, mask=inside, other=0.0).to(tl.float32)
        is_nan = value != value  # noqa: PLR0124 - only NaN differs from itself
        settled = best != best  # noqa: PLR0124 - only NaN differs from itself
        # A position without an index takes what comes first: it may be -inf itself.
        better = (value > best) | is_nan | (where == 0x7FFFFFFF)
        better = better & inside & (settled == 0)
        best = tl.where(better, value, best)
        where = tl.where(better, at, where)

    found_nan = best != best  # noqa: PLR0124 - only NaN differs from itself
    any_nan = tl.max(found_nan.to(tl.int32), 0) > 0
    top = tl.max(tl.where(found_nan, float("-inf"), best), 0)
    is_top = tl.where(any_nan[None, :], found_nan, best == top[None, :])
    first = tl.min(tl.where(is_top, where, 0x7FFFFFFF), 0)
    top = tl.where(any_nan, float("nan"), top)
    to = outer * inner + lanes
    tl.store(values + to, top.to(values.dtype.element_ty), mask=lanes < inner)
    tl.store(indices + to, first.to(tl.int64), mask=lanes < inner)


def max(  # noqa: A001 - the name that torch gives this operator
    x: torch.Tensor, dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Largest elements along ``dim`` and their positions.

    Args:
        x: Any shape with fewer than 2**31 elements along ``dim``; float32, float16 or bfloat16, any
            strides.
        dim: The dimension that is reduced; it must not be empty.

    Returns:
        The values, of the dtype of ``x``, and the positions, int64, both of the shape of ``x``
        without ``dim``. NaN counts as larger than everything; of equal values the first is named.

    Raises:
        ValueError: If ``dim`` is empty but the result is not.
    """
    dim %= x.ndim
    n = x.shape[dim]
    result = x.shape[:dim] + x.shape[dim + 1 :]
    values = torch.empty(result, dtype=x.dtype, device=x.device)
    indices = torch.empty(result, dtype=torch.int64, device=x.device)
    if not values.numel():
        return values, indices
    if not n:
        raise ValueError(f"max over dimension {dim} of {tuple(x.shape)}: it has no elements")
    cube = x.reshape(math.prod(x.shape[:dim]), n, math.prod(x.shape[dim + 1 :]))
    if cube.shape[2] == 1:
        # Rows along the last dimension: let neighbouring rows share a program.
        cube = cube.transpose(0, 2)
    outer, _, inner = cube.shape
    if cube.stride(1) < cube.stride(2) or inner == 1:
        block_n = min(triton.next_power_of_2(n), 4096)
        block_inner = min(triton.next_power_of_2(inner), triton.cdiv(1024, block_n))
    else:
        block_inner = min(triton.next_power_of_2(inner), 64)
        block_n = min(triton.next_power_of_2(n), 4096 // block_inner)
    _max[(outer * triton.cdiv(inner, block_inner),)](
        cube,
        values,
        indices,
        *cube.stride(),
        n,
        inner,
        BLOCK_N=block_n,
        BLOCK_INNER=block_inner,
        num_warps=8 if block_n * block_inner > 2048 else 4,
    )
    return values, indices
