"""Batched matrix product.

The batch is the outermost part of a one-dimensional grid: the second and third dimension of a
CUDA grid end at 65535, and the tiles of one product should run next to each other. Within a
product the tiles are visited in groups of rows, so that those in flight at one time share
operands in L2. Row-major operands whose rows begin at multiples of 16 bytes are moved by the
tensor memory accelerator, which computes addresses and bounds itself; others are read through
pointers. Accumulated in float32; float32 operands in IEEE precision, not TF32.
"""

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor


def _tile(m: int, n: int, k: int, warps: int, stages: int) -> dict[str, int]:
    return {"BLOCK_M": m, "BLOCK_N": n, "BLOCK_K": k, "num_warps": warps, "num_stages": stages}


# A problem of a few tiles: more, smaller programs fill the machine sooner than big ones.
_SMALL = _tile(32, 32, 32, 4, 3)
# Fused multiply-adds: the operands live in registers, so that the tiles stay shallow.
_SINGLE = _tile(64, 64, 16, 4, 3)
# Tensor cores. Two programs of the largest tile fit on a multiprocessor: the short loop of one
# runs while the other one waits for its first operands or stores its result.
_HALF = [_tile(128, 128, 64, 4, 3), _tile(64, 128, 64, 4, 3), _tile(64, 64, 64, 4, 3)]
# About as many programs as a large GPU has multiprocessors.
_ENOUGH_TILES = 120
_GROUP_M = 8


def _suited(batch: int, m: int, n: int, dtype: torch.dtype) -> dict[str, int]:
    if max(m, n) < 256 and batch * m * n < 256 * 256:
        return _SMALL
    if dtype == torch.float32:
        return _SINGLE
    for tile in _HALF:
        block_m, block_n = tile["BLOCK_M"], tile["BLOCK_N"]
        tiles = batch * triton.cdiv(m, block_m) * triton.cdiv(n, block_n)
        # The largest tile of which there are enough and of which more than half is needed.
        if tiles >= _ENOUGH_TILES and m > block_m // 2 and n > block_n // 2:
            return tile
    return _HALF[-1]


@triton.jit
def _bmm_kernel(
    a_ptr,
    b_ptr,
    c_ptr,
    M,
    N,
    K,
    stride_ab,
    stride_am,
    stride_ak,
    stride_bb,
    stride_bk,
    stride_bn,
    TMA: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
):
    tiles_m = tl.cdiv(M, BLOCK_M)
    tiles_n = tl.cdiv(N, BLOCK_N)
    pid = tl.program_id(0) % (tiles_m * tiles_n)
    batch = tl.program_id(0) // (tiles_m * tiles_n)
    in_group = GROUP_M * tiles_n
    first_m = (pid // in_group) * GROUP_M
    group_m = min(tiles_m - first_m, GROUP_M)
    first_row = (first_m + (pid % in_group) % group_m) * BLOCK_M
    first_col = ((pid % in_group) // group_m) * BLOCK_N

    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    if TMA:
        # The pointers are descriptors, which read zeros past the edges and write nothing there.
        for start in range(0, K, BLOCK_K):
            a = a_ptr.load([batch, first_row, start]).reshape(BLOCK_M, BLOCK_K)
            b = b_ptr.load([batch, start, first_col]).reshape(BLOCK_K, BLOCK_N)
            acc = tl.dot(a, b, acc, input_precision="ieee")
        c = acc.to(c_ptr.dtype).reshape(1, BLOCK_M, BLOCK_N)
        c_ptr.store([batch, first_row, first_col], c)
    else:
        batch = batch.to(tl.int64)
        offs_m = first_row + tl.arange(0, BLOCK_M)
        offs_n = first_col + tl.arange(0, BLOCK_N)
        offs_k = tl.arange(0, BLOCK_K)
        # Rows past the edge wrap round to rows that exist: no mask in the loop, and never stored.
        rows = (offs_m % M).to(tl.int64)
        cols = (offs_n % N).to(tl.int64)
        depth = offs_k.to(tl.int64)
        a_ptrs = a_ptr + batch * stride_ab
        a_ptrs += rows[:, None] * stride_am + depth[None, :] * stride_ak
        b_ptrs = b_ptr + batch * stride_bb
        b_ptrs += depth[:, None] * stride_bk + cols[None, :] * stride_bn
        step_a = tl.cast(stride_ak, tl.int64) * BLOCK_K
        step_b = tl.cast(stride_bk, tl.int64) * BLOCK_K
        for start in range(0, K, BLOCK_K):
            inside = offs_k < K - start
            a = tl.load(a_ptrs, mask=inside[None, :], other=0.0)
            b = tl.load(b_ptrs, mask=inside[:, None], other=0.0)
            acc = tl.dot(a, b, acc, input_precision="ieee")
            a_ptrs += step_a
            b_ptrs += step_b
        tl.store(
            c_ptr + (batch * M + offs_m)[:, None] * N + offs_n[None, :],
            acc.to(c_ptr.dtype.element_ty),
            mask=(offs_m < M)[:, None] & (offs_n < N)[None, :],
        )


def _has_descriptor(x: torch.Tensor) -> bool:
    """Whether the tensor memory accelerator can move tiles of ``x``."""
    return (
        x.numel() > 0
        and x.stride(2) == 1
        and all(s > 0 and s * x.element_size() % 16 == 0 for s in x.stride()[:2])
        and x.data_ptr() % 16 == 0
    )


def bmm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Products of two batches of matrices.

    Args:
        a: ``(batch, m, k)``, float32, float16 or bfloat16, any strides.
        b: ``(batch, k, n)``, the dtype of ``a``, any strides.

    Returns:
        ``(batch, m, n)``, contiguous, the dtype of ``a``; accumulated in float32.

    Raises:
        ValueError: The shapes do not chain or the dtypes differ.
    """
    if a.ndim != 3 or b.ndim != 3 or a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise ValueError(
            f"expected (batch, m, k) @ (batch, k, n), got {tuple(a.shape)} @ {tuple(b.shape)}"
        )
    if a.dtype != b.dtype:
        raise ValueError(f"expected one dtype, got {a.dtype} and {b.dtype}")
    batch, m, k = a.shape
    n = b.shape[2]
    c = torch.empty((batch, m, n), device=a.device, dtype=a.dtype)
    if c.numel() == 0:
        return c

    tile = _suited(batch, m, n, a.dtype)
    block_m, block_n, block_k = tile["BLOCK_M"], tile["BLOCK_N"], tile["BLOCK_K"]
    operands = (a, b, c)
    tma = all(_has_descriptor(x) for x in operands)
    if tma:
        operands = (
            TensorDescriptor.from_tensor(a, [1, block_m, block_k]),
            TensorDescriptor.from_tensor(b, [1, block_k, block_n]),
            TensorDescriptor.from_tensor(c, [1, block_m, block_n]),
        )
    _bmm_kernel[(batch * triton.cdiv(m, block_m) * triton.cdiv(n, block_n),)](
        *operands,
        m,
        n,
        k,
        *a.stride(),
        *b.stride(),
        TMA=tma,
        GROUP_M=_GROUP_M,
        **tile,
    )
    return c
