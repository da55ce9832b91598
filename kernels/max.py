"""Largest element along a dimension, and where it is.

Every position of a program's tile keeps its own best value and index while the program walks along
the dimension; the tile is reduced once at the end. A NaN beats everything and is never replaced, so
the answer is the first NaN where there is one, and otherwise the first of equal values.

Where the dimension is the one that lies close together in memory, it is compared in groups of the
elements that a thread loads at once: one maximum an element, one comparison of values and indices
a group. Only the best group is looked at again, for the place in it.
"""

import math

import torch
import triton
import triton.language as tl

_ENOUGH = 1024  # programs that keep a large GPU busy


@triton.jit
def _beats(value, best):
    """Whether ``value`` replaces ``best``: it is larger or NaN, and ``best`` is not NaN."""
    return ((value <= best) == 0) & (best == best)  # noqa: PLR0124 - only NaN differs from itself


@triton.jit
def _first_of_best(best, where, axis: tl.constexpr):
    """Return the largest along ``axis`` (NaN, if there is one), and the first place that has it."""
    is_nan = best != best  # noqa: PLR0124 - only NaN differs from itself
    top = tl.max(tl.where(is_nan, float("-inf"), best), axis, keep_dims=True)
    any_nan = tl.max(is_nan.to(tl.int32), axis, keep_dims=True) > 0
    is_top = tl.where(any_nan, is_nan, best == top)
    first = tl.min(tl.where(is_top, where, 0x7FFFFFFF), axis, keep_dims=True)
    return tl.where(any_nan, float("nan"), top), first


@triton.jit
def _max_rows(
    x,
    values,
    indices,
    stride_outer,
    stride_n,
    stride_inner,
    n,
    inner,
    BLOCK_INNER: tl.constexpr,
    BLOCK_N: tl.constexpr,
    LOG_GROUP: tl.constexpr,
):
    GROUPS: tl.constexpr = BLOCK_N >> LOG_GROUP
    strips = tl.cdiv(inner, BLOCK_INNER)
    outer = (tl.program_id(0) // strips).to(tl.int64)
    lanes = (tl.program_id(0) % strips) * BLOCK_INNER + tl.arange(0, BLOCK_INNER)[:, None]
    line = x + outer * stride_outer + lanes.to(tl.int64) * stride_inner
    best = tl.full([BLOCK_INNER, GROUPS], float("-inf"), tl.float32)
    # A position that only ever sees -inf keeps its first place.
    where = tl.broadcast_to(tl.arange(0, GROUPS)[None, :], [BLOCK_INNER, GROUPS])
    for start in range(0, n, BLOCK_N):
        at = start + tl.arange(0, BLOCK_N)[None, :]
        inside = (at < n) & (lanes < inner)
        value = tl.load(line + at.to(tl.int64) * stride_n, mask=inside, other=float("-inf"))
        value = value.to(tl.float32)
        # Halved until one element a group is left, because tl.max would drop NaN.
        for step in tl.static_range(LOG_GROUP):
            one, other = tl.split(tl.reshape(value, [BLOCK_INNER, BLOCK_N >> (step + 1), 2]))
            value = tl.maximum(one, other, propagate_nan=tl.PropagateNan.ALL)
        better = _beats(value, best)
        best = tl.where(better, value, best)
        group = (start >> LOG_GROUP) + tl.arange(0, GROUPS)[None, :]
        where = tl.where(better, group, where)

    top, first = _first_of_best(best, where, 1)
    at = (first << LOG_GROUP) + tl.arange(0, 1 << LOG_GROUP)[None, :]
    inside = (at < n) & (lanes < inner)
    value = tl.load(line + at.to(tl.int64) * stride_n, mask=inside, other=float("-inf"))
    _, first = _first_of_best(value.to(tl.float32), at, 1)
    to = outer * inner + lanes
    tl.store(values + to, top.to(values.dtype.element_ty), mask=lanes < inner)
    tl.store(indices + to, first.to(tl.int64), mask=lanes < inner)


@triton.jit
def _max_columns(
    x,
    values,
    indices,
    stride_outer,
    stride_n,
    stride_inner,
    n,
    inner,
    BLOCK_INNER: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    strips = tl.cdiv(inner, BLOCK_INNER)
    outer = (tl.program_id(0) // strips).to(tl.int64)
    lanes = (tl.program_id(0) % strips) * BLOCK_INNER + tl.arange(0, BLOCK_INNER)[None, :]
    at = tl.arange(0, BLOCK_N)[:, None]
    source = x + outer * stride_outer
    source += at.to(tl.int64) * stride_n + lanes.to(tl.int64) * stride_inner
    stride_block = tl.full([], BLOCK_N, tl.int64) * stride_n
    best = tl.full([BLOCK_N, BLOCK_INNER], float("-inf"), tl.float32)
    # A position that only ever sees -inf keeps its first place.
    where = tl.broadcast_to(at, [BLOCK_N, BLOCK_INNER])
    # Unrolled, so that several loads are on their way before the first is compared.
    for start in tl.range(0, n, BLOCK_N, loop_unroll_factor=8):
        inside = (start + at < n) & (lanes < inner)
        value = tl.load(source, mask=inside, other=float("-inf")).to(tl.float32)
        better = _beats(value, best)
        best = tl.where(better, value, best)
        where = tl.where(better, start + at, where)
        source += stride_block

    top, first = _first_of_best(best, where, 0)
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
    # An outer stride that no program uses must not cost the others their alignment.
    strides = (cube.stride(0) if outer > 1 else 0, *cube.stride()[1:])
    if inner == 1 or cube.stride(1) < cube.stride(2):
        block_n = min(triton.next_power_of_2(n), 2048)
        block_inner = min(triton.next_power_of_2(inner), 2048 // block_n)
        group = min(16 // x.element_size(), block_n)
        _max_rows[(outer * triton.cdiv(inner, block_inner),)](
            cube,
            values,
            indices,
            *strides,
            n,
            inner,
            BLOCK_INNER=block_inner,
            BLOCK_N=block_n,
            LOG_GROUP=group.bit_length() - 1,
            num_warps=block_n * block_inner // 512 or 1,
        )
    else:
        # Wide strips need no reduction between threads; narrow ones give programs enough.
        wide = outer * (inner // 1024) >= _ENOUGH
        block_inner = 1024 if wide else min(triton.next_power_of_2(inner), 64)
        block_n = 1 if wide else min(triton.next_power_of_2(n), 512 // block_inner)
        _max_columns[(outer * triton.cdiv(inner, block_inner),)](
            cube,
            values,
            indices,
            *strides,
            n,
            inner,
            BLOCK_INNER=block_inner,
            BLOCK_N=block_n,
            num_warps=4,
        )
    return values, indices
