"""Batched matrix product by programs that stay and take one tile after the other.

The products of a batch are short: a program of one tile would spend much of its time waiting for
its first operands and storing its result. Here only as many programs run as fit on the GPU, and
while one stores a tile, the operands of its next one are already on their way. The batch is the
outermost part of a tile's number, as the tiles of one product should run next to each other.
Within a product the tiles are visited in groups of rows, so that those in flight at one time
share operands in L2. Row-major operands whose rows begin at multiples of 16 bytes are moved by
the tensor memory accelerator, which computes addresses and bounds itself; others are read through
pointers. Accumulated in float32; float32 operands in IEEE precision, not TF32.
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor


class _Tile(NamedTuple):
    m: int
    n: int
    k: int
    warps: int
    stages: int
    # Programs that fit on a multiprocessor at one time.
    resident: int

    def needed(self, batch: int, m: int, n: int) -> int:
        return batch * triton.cdiv(m, self.m) * triton.cdiv(n, self.n)


# A problem of a few tiles: more, smaller programs fill the machine sooner than big ones.
_SMALL = _Tile(32, 32, 32, 4, 3, resident=8)
# Fused multiply-adds: the operands live in registers, so that the tiles stay shallow.
_SINGLE = _Tile(64, 64, 16, 4, 3, resident=4)
# Tensor cores: a larger tile reads the operands less often, but needs a larger problem.
_WIDE = _Tile(128, 256, 64, 8, 4, resident=1)
_HALF = [
    _Tile(128, 128, 64, 4, 3, resident=2),
    _Tile(64, 128, 64, 4, 3, resident=2),
    _Tile(64, 64, 64, 4, 3, resident=4),
]
# About as many programs as a large GPU has multiprocessors.
_ENOUGH_TILES = 120
_GROUP_M = 8
# Programs in Triton's interpreter, which runs them one after the other on a CPU.
_CPU_WORKERS = 4


def _suited(batch: int, m: int, n: int, dtype: torch.dtype, *, tma: bool) -> _Tile:
    if max(m, n) < 256 and batch * m * n < 256 * 256:
        return _SMALL
    if dtype == torch.float32:
        return _SINGLE
    # Worth it where a program, alone on its multiprocessor, has a next tile, and none half empty.
    enough = _WIDE.needed(batch, m, n) >= 2 * _ENOUGH_TILES
    if tma and enough and m > _WIDE.m // 2 and -n % _WIDE.n < _WIDE.n // 2:
        return _WIDE
    for tile in _HALF:
        # The largest tile of which there are enough and of which more than half is needed.
        if tile.needed(batch, m, n) >= _ENOUGH_TILES and m > tile.m // 2 and n > tile.n // 2:
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
    tiles,
    TMA: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
):
    tiles_m = tl.cdiv(M, BLOCK_M)
    tiles_n = tl.cdiv(N, BLOCK_N)
    in_group = GROUP_M * tiles_n
    first = tl.program_id(0)
    # Through pointers a program has one tile: the addresses of a next one take registers.
    stop = tiles if TMA else first + 1
    step = tl.num_programs(0) if TMA else 1
    # Flattened, the loads of a program's next tile begin while it stores the last one.
    for tile in tl.range(first, stop, step, flatten=TMA):
        batch = tile // (tiles_m * tiles_n)
        pid = tile % (tiles_m * tiles_n)
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
            # One half after the other: a copy in shared memory, half as large, serves both.
            HALF: tl.constexpr = BLOCK_N // 2
            left, right = acc.reshape(BLOCK_M, 2, HALF).permute(0, 2, 1).split()
            left = left.to(c_ptr.dtype).reshape(1, BLOCK_M, HALF)
            right = right.to(c_ptr.dtype).reshape(1, BLOCK_M, HALF)
            c_ptr.store([batch, first_row, first_col], left)
            c_ptr.store([batch, first_row, first_col + HALF], right)
        else:
            batch = batch.to(tl.int64)
            offs_m = first_row + tl.arange(0, BLOCK_M)
            offs_n = first_col + tl.arange(0, BLOCK_N)
            offs_k = tl.arange(0, BLOCK_K)
            # Rows past the edge wrap round to rows that exist: no mask in the loop, never stored.
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

    operands = (a, b, c)
    tma = all(_has_descriptor(x) for x in operands)
    tile = _suited(batch, m, n, a.dtype, tma=tma)
    if tma:
        operands = (
            TensorDescriptor.from_tensor(a, [1, tile.m, tile.k]),
            TensorDescriptor.from_tensor(b, [1, tile.k, tile.n]),
            TensorDescriptor.from_tensor(c, [1, tile.m, tile.n // 2]),
        )
    programs = tiles = tile.needed(batch, m, n)
    if tma:
        workers = _CPU_WORKERS
        if a.is_cuda:
            workers = torch.cuda.get_device_properties(a.device).multi_processor_count
            workers *= tile.resident
        programs = min(tiles, workers)
    _bmm_kernel[(programs,)](
        *operands,
        m,
        n,
        k,
        *a.stride(),
        *b.stride(),
        tiles,
        TMA=tma,
        BLOCK_M=tile.m,
        BLOCK_N=tile.n,
        BLOCK_K=tile.k,
        GROUP_M=_GROUP_M,
        num_warps=tile.warps,
        num_stages=tile.stages,
    )
    return c
