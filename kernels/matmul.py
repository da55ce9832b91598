"""Matrix product, tile by tile, in an order that keeps the operands in L2.

One program computes one ``BLOCK_M x BLOCK_N`` tile of ``c``. Programs are numbered so that
``GROUP_M`` tiles below each other are finished before the next column of tiles is begun: the
tiles in flight at one time then share rows of ``a`` and columns of ``b`` (Tillet, Kung and Cox,
"Triton: an intermediate language and compiler for tiled neural network computations", 2019).
Products are accumulated in float32; float32 operands are multiplied in IEEE precision, not TF32.
"""

import torch
import triton
import triton.language as tl


def _config(m: int, n: int, k: int, warps: int, stages: int) -> triton.Config:
    return triton.Config(
        {"BLOCK_M": m, "BLOCK_N": n, "BLOCK_K": k, "GROUP_M": 8},
        num_warps=warps,
        num_stages=stages,
    )


# A problem of a few tiles: more, smaller programs fill the machine sooner than big ones.
_SMALL = _config(32, 32, 32, 4, 3)
# Tensor cores.
_HALF = [
    _config(128, 256, 64, 8, 3),
    _config(256, 128, 64, 8, 3),
    _config(128, 128, 64, 8, 4),
    _config(128, 64, 64, 4, 4),
    _config(64, 128, 64, 4, 4),
    _config(64, 64, 64, 4, 4),
    _config(16, 64, 128, 4, 4),
]
# Fused multiply-adds: the operands live in registers, so that the tiles stay shallow.
_SINGLE = [
    _config(128, 128, 16, 8, 3),
    _config(128, 64, 16, 8, 3),
    _config(64, 64, 16, 4, 3),
    _config(16, 64, 32, 4, 3),
]


def _suited(configs, named_args, **_: object):
    """Drop the tiles that the operands' dtype or the size of the product makes hopeless."""
    m, n = named_args["M"], named_args["N"]
    if max(m, n) < 256:
        return [_SMALL]
    suited = _SINGLE if named_args["a_ptr"].element_size() > 2 else _HALF
    rows, cols = max(16, triton.next_power_of_2(m)), max(64, triton.next_power_of_2(n))
    fitting = [c for c in suited if c.kwargs["BLOCK_M"] <= rows and c.kwargs["BLOCK_N"] <= cols]
    return [c for c in configs if c in fitting]


@triton.autotune(
    configs=[_SMALL, *_HALF, *_SINGLE],
    key=["tuning_key"],
    prune_configs_by={"early_config_prune": _suited},
)
@triton.jit(do_not_specialize=["tuning_key"])
def _matmul_kernel(
    a_ptr,
    b_ptr,
    c_ptr,
    M,
    N,
    K,
    stride_am,
    stride_ak,
    stride_bk,
    stride_bn,
    stride_cm,
    stride_cn,
    tuning_key,  # noqa: ARG001 - read by the autotuner alone
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
):
    pid = tl.program_id(0)
    tiles_m = tl.cdiv(M, BLOCK_M)
    tiles_n = tl.cdiv(N, BLOCK_N)
    in_group = GROUP_M * tiles_n
    first_m = (pid // in_group) * GROUP_M
    group_m = min(tiles_m - first_m, GROUP_M)
    pid_m = first_m + (pid % in_group) % group_m
    pid_n = (pid % in_group) // group_m

    offs_m = pid_m * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_n = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
    offs_k = tl.arange(0, BLOCK_K)
    # Rows past the edge wrap round to rows that exist: no mask in the loop, and never stored.
    rows = (offs_m % M).to(tl.int64)
    cols = (offs_n % N).to(tl.int64)
    depth = offs_k.to(tl.int64)
    a_ptrs = a_ptr + rows[:, None] * stride_am + depth[None, :] * stride_ak
    b_ptrs = b_ptr + depth[:, None] * stride_bk + cols[None, :] * stride_bn
    step_a = tl.cast(stride_ak, tl.int64) * BLOCK_K
    step_b = tl.cast(stride_bk, tl.int64) * BLOCK_K

    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, K, BLOCK_K):
        inside = offs_k < K - start
        a = tl.load(a_ptrs, mask=inside[None, :], other=0.0)
        b = tl.load(b_ptrs, mask=inside[:, None], other=0.0)
        acc = tl.dot(a, b, acc, input_precision="ieee")
        a_ptrs += step_a
        b_ptrs += step_b

    c_ptrs = (
        c_ptr + offs_m.to(tl.int64)[:, None] * stride_cm + offs_n.to(tl.int64)[None, :] * stride_cn
    )
    tl.store(
        c_ptrs,
        acc.to(c_ptr.dtype.element_ty),
        mask=(offs_m < M)[:, None] & (offs_n < N)[None, :],
    )


def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Product of two matrices.

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

    def grid(meta):
        return (triton.cdiv(m, meta["BLOCK_M"]) * triton.cdiv(n, meta["BLOCK_N"]),)

    _matmul_kernel[grid](
        a,
        b,
        c,
        m,
        n,
        k,
        *a.stride(),
        *b.stride(),
        *c.stride(),
        # Sizes that differ by less than a factor of two share a tuning.
        m.bit_length() << 16 | n.bit_length() << 8 | k.bit_length(),
    )
    return c
