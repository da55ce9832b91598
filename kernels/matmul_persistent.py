"""Matrix product by a fixed number of programs that share the work evenly (stream-K).

A grid of one program a tile leaves most of the GPU idle while the last, partial wave of tiles
runs. Here as many programs as there are multiprocessors stay resident. Whole waves of tiles are
dealt out one tile a program; the tiles that are left are cut along ``k`` into equal shares, so
that every program finishes at the same time (Osama, Merrill, Cecka, Garland and Owens, "Stream-K:
work-centric parallel decomposition for dense matrix-matrix multiplication on the GPU", PPoPP 2023).
A tile that several programs worked on is summed by a second kernel from their float32 partial
sums, always in the same order: no program waits for another, and the result is reproducible.
Row-major operands whose rows begin at multiples of 16 bytes are moved by the tensor memory
accelerator, which computes addresses and bounds itself; others are read through pointers.
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
    # What the partial sums of a cut tile cost, in steps of ``k``.
    sum_steps: int


_SMALL = _Tile(32, 32, 32, 4, 3, sum_steps=4)
_SINGLE = _Tile(128, 128, 16, 8, 3, sum_steps=8)
_WIDE = _Tile(128, 256, 64, 8, 3, sum_steps=20)
_SQUARE = _Tile(128, 128, 64, 4, 5, sum_steps=32)
_NARROW = _Tile(64, 128, 128, 4, 4, sum_steps=16)

# Programs in Triton's interpreter, which runs them one after the other on a CPU.
_CPU_WORKERS = 4
# A share of fewer steps along k is not worth a program's start.
_LEAST_STEPS = 4
_GROUP_M = 8


def _tile_shape(m: int, k: int, n: int, dtype: torch.dtype, workers: int) -> _Tile:
    """The tile shape for a product; stream-K needs only a few a dtype."""
    if max(m, n) <= 256:
        return _SMALL
    if dtype == torch.float32:
        return _SINGLE
    if triton.cdiv(m, _WIDE.m) * triton.cdiv(n, _WIDE.n) >= workers:
        return _WIDE
    # Tiles of a short product are not worth being cut: more of them instead.
    return _SQUARE if k >= 2048 else _NARROW


@triton.jit
def _tile_position(tile, M, N, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, GROUP_M: tl.constexpr):
    """Row and column of a tile, in groups of ``GROUP_M`` rows that share operands in L2."""
    tiles_m = tl.cdiv(M, BLOCK_M)
    in_group = GROUP_M * tl.cdiv(N, BLOCK_N)
    first_m = (tile // in_group) * GROUP_M
    group_m = min(tiles_m - first_m, GROUP_M)
    return first_m + (tile % in_group) % group_m, (tile % in_group) // group_m


@triton.jit
def _partial_product(
    a_ptr,
    b_ptr,
    M,
    N,
    K,
    stride_am,
    stride_ak,
    stride_bk,
    stride_bn,
    pid_m,
    pid_n,
    first_step,
    last_step,
    TMA: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """Float32 sum of the products of the steps ``[first_step, last_step)`` along k."""
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    if TMA:
        # The pointers are descriptors, which read zeros past the edges.
        for step in range(first_step, last_step):
            a = a_ptr.load([pid_m * BLOCK_M, step * BLOCK_K])
            b = b_ptr.load([step * BLOCK_K, pid_n * BLOCK_N])
            acc = tl.dot(a, b, acc, input_precision="ieee")
    else:
        offs_k = tl.arange(0, BLOCK_K)
        # Rows past the edge wrap round to rows that exist: no mask in the loop, and never stored.
        rows = ((pid_m * BLOCK_M + tl.arange(0, BLOCK_M)) % M).to(tl.int64)
        cols = ((pid_n * BLOCK_N + tl.arange(0, BLOCK_N)) % N).to(tl.int64)
        step_a = tl.cast(stride_ak, tl.int64) * BLOCK_K
        step_b = tl.cast(stride_bk, tl.int64) * BLOCK_K
        depth = offs_k.to(tl.int64)
        a_ptrs = a_ptr + first_step * step_a
        b_ptrs = b_ptr + first_step * step_b
        a_ptrs += rows[:, None] * stride_am + depth[None, :] * stride_ak
        b_ptrs += depth[:, None] * stride_bk + cols[None, :] * stride_bn
        for step in range(first_step, last_step):
            inside = offs_k < K - step * BLOCK_K
            a = tl.load(a_ptrs, mask=inside[None, :], other=0.0)
            b = tl.load(b_ptrs, mask=inside[:, None], other=0.0)
            acc = tl.dot(a, b, acc, input_precision="ieee")
            a_ptrs += step_a
            b_ptrs += step_b
    return acc


@triton.jit
def _store_tile(
    c_ptr,
    acc,
    M,
    N,
    stride_cm,
    stride_cn,
    first_row,
    first_col,
    ROWS: tl.constexpr,
    COLS: tl.constexpr,
):
    offs_m = first_row + tl.arange(0, ROWS)
    offs_n = first_col + tl.arange(0, COLS)
    tl.store(
        c_ptr + offs_m.to(tl.int64)[:, None] * stride_cm + offs_n.to(tl.int64)[None, :] * stride_cn,
        acc.to(c_ptr.dtype.element_ty),
        mask=(offs_m < M)[:, None] & (offs_n < N)[None, :],
    )


@triton.jit
def _store_result(
    c_ptr,
    acc,
    M,
    N,
    stride_cm,
    stride_cn,
    pid_m,
    pid_n,
    TMA: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    if TMA:
        c_ptr.store([pid_m * BLOCK_M, pid_n * BLOCK_N], acc.to(c_ptr.dtype))
    else:
        _store_tile(
            c_ptr, acc, M, N, stride_cm, stride_cn,
            pid_m * BLOCK_M, pid_n * BLOCK_N, BLOCK_M, BLOCK_N,
        )  # fmt: skip


@triton.jit(do_not_specialize=["whole_tiles", "tail_steps", "share"])
def _stream_k_kernel(
    a_ptr,
    b_ptr,
    c_ptr,
    partial_ptr,
    M,
    N,
    K,
    stride_am,
    stride_ak,
    stride_bk,
    stride_bn,
    stride_cm,
    stride_cn,
    whole_tiles,
    tail_steps,
    share,
    TMA: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
):
    worker = tl.program_id(0)
    steps = max(tl.cdiv(K, BLOCK_K), 1)

    # Flattened, the loads of a program's next tile begin while it stores the last one.
    for tile in tl.range(worker, whole_tiles, tl.num_programs(0), flatten=True):
        pid_m, pid_n = _tile_position(tile, M, N, BLOCK_M, BLOCK_N, GROUP_M)
        acc = _partial_product(
            a_ptr, b_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn,
            pid_m, pid_n, 0, steps, TMA, BLOCK_M, BLOCK_N, BLOCK_K,
        )  # fmt: skip
        _store_result(
            c_ptr, acc, M, N, stride_cm, stride_cn, pid_m, pid_n, TMA, BLOCK_M, BLOCK_N,
        )  # fmt: skip

    begin = worker * share
    end = min(begin + share, tail_steps)
    at = begin
    while at < end:
        first_step = at % steps
        last_step = min(steps, first_step + end - at)
        pid_m, pid_n = _tile_position(
            whole_tiles + at // steps, M, N, BLOCK_M, BLOCK_N, GROUP_M
        )  # fmt: skip
        acc = _partial_product(
            a_ptr, b_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn,
            pid_m, pid_n, first_step, last_step, TMA, BLOCK_M, BLOCK_N, BLOCK_K,
        )  # fmt: skip
        if last_step - first_step == steps:
            _store_result(
                c_ptr, acc, M, N, stride_cm, stride_cn, pid_m, pid_n, TMA, BLOCK_M, BLOCK_N,
            )  # fmt: skip
        else:
            # Only the first and the last tile of a share can be partial: two slots a program.
            slot = worker * 2 + (at != begin).to(tl.int32)
            _store_tile(
                partial_ptr + slot.to(tl.int64) * (BLOCK_M * BLOCK_N), acc, BLOCK_M, BLOCK_N,
                BLOCK_N, 1, 0, 0, BLOCK_M, BLOCK_N,
            )  # fmt: skip
        at += last_step - first_step


@triton.jit(do_not_specialize=["whole_tiles", "share"])
def _sum_partials_kernel(
    partial_ptr,
    c_ptr,
    M,
    N,
    K,
    stride_cm,
    stride_cn,
    whole_tiles,
    share,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
    STRIP: tl.constexpr,
):
    tile = tl.program_id(0)
    strip = tl.program_id(1) * STRIP
    begin = tile * max(tl.cdiv(K, BLOCK_K), 1)
    end = begin + max(tl.cdiv(K, BLOCK_K), 1)
    first_worker = begin // share
    last_worker = (end - 1) // share
    if first_worker != last_worker:
        offsets = (strip + tl.arange(0, STRIP))[:, None] * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
        acc = tl.zeros((STRIP, BLOCK_N), dtype=tl.float32)
        for worker in tl.range(first_worker, last_worker + 1, loop_unroll_factor=4):
            # A share that began in an earlier tile reached this one as its last.
            slot = worker * 2 + (worker * share < begin).to(tl.int32)
            acc += tl.load(partial_ptr + slot.to(tl.int64) * (BLOCK_M * BLOCK_N) + offsets)
        pid_m, pid_n = _tile_position(whole_tiles + tile, M, N, BLOCK_M, BLOCK_N, GROUP_M)
        _store_tile(
            c_ptr, acc, M, N, stride_cm, stride_cn,
            pid_m * BLOCK_M + strip, pid_n * BLOCK_N, STRIP, BLOCK_N,
        )  # fmt: skip


def _has_descriptor(x: torch.Tensor) -> bool:
    """Whether the tensor memory accelerator can move tiles of ``x``."""
    return (
        x.numel() > 0
        and x.stride(1) == 1
        and x.stride(0) > 0
        and x.stride(0) * x.element_size() % 16 == 0
        and x.data_ptr() % 16 == 0
    )


def matmul_persistent(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Product of two matrices, scheduled stream-K.

    Args:
        a: ``(m, k)``, float32, float16 or bfloat16, any strides.
        b: ``(k, n)``, the dtype of ``a``, any strides.

    Returns:
        ``(m, n)``, contiguous, the dtype of ``a``; accumulated in float32.

    Raises:
        ValueError: The shapes do not chain or the dtypes differ.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(f"expected (m, k) @ (k, n), got {tuple(a.shape)} @ {tuple(b.shape)}")
    if a.dtype != b.dtype:
        raise ValueError(f"expected one dtype, got {a.dtype} and {b.dtype}")
    m, k = a.shape
    n = b.shape[1]
    c = torch.empty((m, n), device=a.device, dtype=a.dtype)
    if c.numel() == 0:
        return c

    workers = _CPU_WORKERS
    if a.is_cuda:
        workers = torch.cuda.get_device_properties(a.device).multi_processor_count
    shape = _tile_shape(m, k, n, a.dtype, workers)
    blocks = {"BLOCK_M": shape.m, "BLOCK_N": shape.n, "BLOCK_K": shape.k, "GROUP_M": _GROUP_M}
    steps = max(triton.cdiv(k, shape.k), 1)
    tiles = triton.cdiv(m, shape.m) * triton.cdiv(n, shape.n)
    tail_tiles = tiles % workers
    share = max(triton.cdiv(tail_tiles * steps, workers), min(steps, _LEAST_STEPS))
    if share + shape.sum_steps > steps:
        tail_tiles = 0
    whole_tiles = tiles - tail_tiles
    tail_steps = tail_tiles * steps
    tail_workers = triton.cdiv(tail_steps, share)
    partial = torch.empty(
        (2 * tail_workers, shape.m, shape.n), device=a.device, dtype=torch.float32
    )
    operands = (a, b, c)
    tma = all(_has_descriptor(x) for x in operands)
    if tma:
        operands = (
            TensorDescriptor.from_tensor(a, [shape.m, shape.k]),
            TensorDescriptor.from_tensor(b, [shape.k, shape.n]),
            TensorDescriptor.from_tensor(c, [shape.m, shape.n]),
        )
    _stream_k_kernel[(max(min(workers, whole_tiles), tail_workers),)](
        *operands,
        partial,
        m,
        n,
        k,
        *a.stride(),
        *b.stride(),
        *c.stride(),
        whole_tiles,
        tail_steps,
        share,
        TMA=tma,
        **blocks,
        num_warps=shape.warps,
        num_stages=shape.stages,
    )
    if tail_tiles:
        strip = 8
        _sum_partials_kernel[(tail_tiles, shape.m // strip)](
            partial, c, m, n, k, *c.stride(), whole_tiles, share, **blocks, STRIP=strip
        )
    return c
