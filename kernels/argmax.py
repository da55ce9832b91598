"""Index of the largest element along a dimension, as one integer maximum.

A float32's bits, with the magnitude flipped for negative numbers, order like a signed integer. Such
a key in the upper half of an int64 and the complement of the position in the lower half make
"largest value, and the first one among equals" a plain maximum of integers: no pair has to be
carried through the reduction, NaN is simply the largest key, and partial results of a row that
was cut for many programs merge with the same operation.
"""

import math

import torch
import triton
import triton.language as tl

_ENOUGH = 512  # programs that keep a large GPU busy


@triton.jit
def _argmax(
    x,
    partial,
    out,
    stride_outer,
    stride_n,
    stride_inner,
    n,
    inner,
    per_split,
    ONE_SPLIT: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_INNER: tl.constexpr,
):
    strips = tl.cdiv(inner, BLOCK_INNER)
    outer = (tl.program_id(0) // strips).to(tl.int64)
    lanes = (tl.program_id(0) % strips) * BLOCK_INNER + tl.arange(0, BLOCK_INNER)
    first = tl.program_id(1) * per_split
    last = tl.minimum(first + per_split, n)
    best = tl.full([BLOCK_N, BLOCK_INNER], -0x7FFFFFFFFFFFFFFF, tl.int64)
    for start in range(first, last, BLOCK_N):
        at = start + tl.arange(0, BLOCK_N)
        inside = (at[:, None] < last) & (lanes[None, :] < inner)
        offsets = at[:, None].to(tl.int64) * stride_n + lanes[None, :].to(tl.int64) * stride_inner
        value = tl.load(x + outer * stride_outer + offsets, mask=inside, other=0.0).to(tl.float32)
        # Both zeros are equal, but their bits are not.
        bits = tl.where(value == 0, 0.0, value).to(tl.int32, bitcast=True)
        key = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
        is_nan = value != value  # noqa: PLR0124 - only NaN differs from itself
        key = tl.where(is_nan, 0x7FFFFFFF, key)
        packed = (key.to(tl.int64) << 32) | (0x7FFFFFFF - at[:, None]).to(tl.int64)
        best = tl.maximum(best, tl.where(inside, packed, -0x7FFFFFFFFFFFFFFF))
    winner = tl.max(best, 0)
    to = outer * inner + lanes
    if ONE_SPLIT:
        tl.store(out + to, 0x7FFFFFFF - (winner & 0x7FFFFFFF), mask=lanes < inner)
    else:
        results = (tl.num_programs(0) // strips).to(tl.int64) * inner
        tl.store(partial + tl.program_id(1) * results + to, winner, mask=lanes < inner)


@triton.jit
def _merge(partial, out, splits, results, BLOCK: tl.constexpr):
    to = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    winner = tl.full([BLOCK], -0x7FFFFFFFFFFFFFFF, tl.int64)
    for split in range(splits):
        found = tl.load(partial + split * results + to, mask=to < results, other=0)
        winner = tl.maximum(winner, found)
    tl.store(out + to, 0x7FFFFFFF - (winner & 0x7FFFFFFF), mask=to < results)


def argmax(x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Position of the largest element along ``dim``.

    Args:
        x: Any shape with fewer than 2**31 elements along ``dim``; float32, float16 or bfloat16, any
            strides.
        dim: The dimension that is reduced; it must not be empty.

    Returns:
        int64, the shape of ``x`` without ``dim``: the first position of the largest element. NaN
        counts as larger than everything, as in torch.

    Raises:
        ValueError: If ``dim`` is empty but the result is not.
    """
    dim %= x.ndim
    n = x.shape[dim]
    result = x.shape[:dim] + x.shape[dim + 1 :]
    out = torch.empty(result, dtype=torch.int64, device=x.device)
    if not out.numel():
        return out
    if not n:
        raise ValueError(f"argmax over dimension {dim} of {tuple(x.shape)}: it has no elements")
    cube = x.reshape(math.prod(x.shape[:dim]), n, math.prod(x.shape[dim + 1 :]))
    if cube.shape[2] == 1:
        # Rows along the last dimension: let neighbouring rows share a program.
        cube = cube.transpose(0, 2)
    outer, _, inner = cube.shape
    if cube.stride(1) < cube.stride(2) or inner == 1:
        block_n = min(triton.next_power_of_2(n), 2048)
        block_inner = min(triton.next_power_of_2(inner), max(1, 1024 // block_n))
    else:
        block_inner = min(triton.next_power_of_2(inner), 64)
        block_n = min(triton.next_power_of_2(n), 2048 // block_inner)
    programs = outer * triton.cdiv(inner, block_inner)
    blocks = triton.cdiv(n, block_n)
    splits = min(triton.cdiv(_ENOUGH, programs), triton.cdiv(blocks, 4))
    per_split = triton.cdiv(blocks, splits) * block_n
    splits = triton.cdiv(n, per_split)
    results = outer * inner
    partial = torch.empty(splits * results, dtype=torch.int64, device=x.device)
    _argmax[(programs, splits)](
        cube,
        partial,
        out,
        *cube.stride(),
        n,
        inner,
        per_split,
        ONE_SPLIT=splits == 1,
        BLOCK_N=block_n,
        BLOCK_INNER=block_inner,
    )
    if splits > 1:
        block = min(triton.next_power_of_2(results), 128)
        _merge[(triton.cdiv(results, block),)](partial, out, splits, results, BLOCK=block)
    return out
