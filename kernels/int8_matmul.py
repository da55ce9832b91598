"""Product of int8 matrices, scaled back to half precision by row and by column.

The products are summed exactly in int32; each row of ``a`` and each column of ``b`` has a scale of
its own, which comes out of the sum and is applied once a tile, before the result leaves the
registers (vector-wise quantisation: Dettmers, Lewis, Belkada and Zettlemoyer, "LLM.int8(): 8-bit
matrix multiplication for transformers at scale", NeurIPS 2022).
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
_SMALL = _config(32, 32, 64, 4, 3)
_CONFIGS = [
    _config(128, 256, 128, 8, 3),
    _config(256, 128, 128, 8, 3),
    _config(128, 128, 128, 8, 4),
    _config(128, 64, 128, 4, 4),
    _config(64, 128, 128, 4, 4),
    _config(16, 64, 256, 4, 4),
]


def _suited(configs, named_args, **_: object):
    """Drop the tiles that are larger than the product."""
    m, n = named_args["M"], named_args["N"]
    if max(m, n) < 256:
        return [_SMALL]
    rows, cols = max(16, triton.next_power_of_2(m)), max(64, triton.next_power_of_2(n))
    return [
        c
        for c in configs
        if c is not _SMALL and c.kwargs["BLOCK_M"] <= rows and c.kwargs["BLOCK_N"] <= cols
    ]


@triton.autotune(
    configs=[_SMALL, *_CONFIGS],
    key=["tuning_key"],
    prune_configs_by={"early_config_prune": _suited},
)
@triton.jit(do_not_specialize=["tuning_key"])
def _int8_matmul_kernel(
    a_ptr,
    b_ptr,
    a_scale_ptr,
    b_scale_ptr,
    c_ptr,
    M,
    N,
    K,
    stride_am,
    stride_ak,
    stride_bk,
    stride_bn,
    stride_a_scale,
    stride_b_scale,
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

    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.int32)
    for start in range(0, K, BLOCK_K):
        inside = offs_k < K - start
        a = tl.load(a_ptrs, mask=inside[None, :], other=0)
        b = tl.load(b_ptrs, mask=inside[:, None], other=0)
        acc = tl.dot(a, b, acc, out_dtype=tl.int32)
        a_ptrs += step_a
        b_ptrs += step_b

    a_scale = tl.load(a_scale_ptr + rows * stride_a_scale)
    b_scale = tl.load(b_scale_ptr + cols * stride_b_scale)
    scaled = acc.to(tl.float32) * a_scale[:, None] * b_scale[None, :]
    tl.store(
        c_ptr + offs_m.to(tl.int64)[:, None] * stride_cm + offs_n.to(tl.int64)[None, :] * stride_cn,
        scaled.to(c_ptr.dtype.element_ty),
        mask=(offs_m < M)[:, None] & (offs_n < N)[None, :],
    )


def int8_matmul(
    a: torch.Tensor,
    b: torch.Tensor,
    a_scale: torch.Tensor,
    b_scale: torch.Tensor,
    out_dtype: str = "float16",
) -> torch.Tensor:
    """Product of two int8 matrices, scaled by row and by column.

    Args:
        a: ``(m, k)``, int8, any strides; ``k`` at most 131071, so that int32 holds the sums.
        b: ``(k, n)``, int8, any strides.
        a_scale: ``(m,)``, float32.
        b_scale: ``(n,)``, float32.
        out_dtype: ``"float16"``, ``"bfloat16"`` or ``"float32"``.

    Returns:
        ``(m, n)``, contiguous, ``out_dtype``: ``(a @ b) * a_scale[:, None] * b_scale``.

    Raises:
        ValueError: The shapes do not fit together, or ``a`` and ``b`` are not int8.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(f"expected (m, k) @ (k, n), got {tuple(a.shape)} @ {tuple(b.shape)}")
    m, k = a.shape
    n = b.shape[1]
    if a.dtype != torch.int8 or b.dtype != torch.int8:
        raise ValueError(f"expected int8, got {a.dtype} and {b.dtype}")
    if a_scale.shape != (m,) or b_scale.shape != (n,):
        raise ValueError(
            f"expected scales of shape ({m},) and ({n},), "
            f"got {tuple(a_scale.shape)} and {tuple(b_scale.shape)}"
        )
    c = torch.empty((m, n), device=a.device, dtype=getattr(torch, out_dtype))
    if c.numel() == 0:
        return c

    def grid(meta):
        return (triton.cdiv(m, meta["BLOCK_M"]) * triton.cdiv(n, meta["BLOCK_N"]),)

    _int8_matmul_kernel[grid](
        a,
        b,
        a_scale,
        b_scale,
        c,
        m,
        n,
        k,
        *a.stride(),
        *b.stride(),
        *a_scale.stride(),
        *b_scale.stride(),
        *c.stride(),
        # Sizes that differ by less than a factor of two share a tuning.
        m.bit_length() << 16 | n.bit_length() << 8 | k.bit_length(),
    )
    return c
