"""Product with a weight matrix of four-bit integers, dequantised on the way to the dot.

Two codes share a byte, even rows of the weight in the low nibbles. The tile of ``x`` is split into
its even and odd columns in registers, so that each byte is read once and its two nibbles meet the
columns they belong to in two dots. A code minus its zero point is an integer of at most 15 in
magnitude, exact in every float dtype; the scale of a group of rows comes out of the sum and is
applied to the float32 product of that group. Nothing is therefore rounded to half precision before
the end. Group-wise scales and zeros as in Frantar, Ashkboos, Hoefler and Alistarh, "GPTQ: accurate
post-training quantization for generative pre-trained transformers", ICLR 2023.
"""

import torch
import triton
import triton.language as tl


def _config(m: int, n: int, warps: int, stages: int) -> triton.Config:
    return triton.Config({"BLOCK_M": m, "BLOCK_N": n}, num_warps=warps, num_stages=stages)


# A problem of a few tiles: more, smaller programs fill the machine sooner than big ones.
_SMALL = _config(16, 32, 4, 3)
_CONFIGS = [
    _config(128, 128, 8, 3),
    _config(64, 128, 4, 4),
    _config(64, 64, 4, 4),
    _config(32, 64, 4, 4),
    _config(16, 128, 4, 4),
    _config(16, 64, 4, 5),
    _config(16, 32, 4, 5),
]


def _suited(configs, named_args, **_: object):
    """Drop the tiles that are taller than the product, and the narrow ones for tall products."""
    m, n = named_args["M"], named_args["N"]
    if max(m, n) < 256:
        return [_SMALL]
    rows = max(16, triton.next_power_of_2(m))
    fitting = [
        c for c in configs if c is not _SMALL and min(rows // 4, 64) <= c.kwargs["BLOCK_M"] <= rows
    ]
    if named_args["x_ptr"].element_size() > 2:
        # Float32 operands of a dot live in registers.
        return [c for c in fitting if c.kwargs["BLOCK_M"] * c.kwargs["BLOCK_N"] <= 64 * 64]
    return fitting


@triton.autotune(
    configs=[_SMALL, *_CONFIGS],
    key=["tuning_key"],
    prune_configs_by={"early_config_prune": _suited},
)
@triton.jit(do_not_specialize=["tuning_key"])
def _int4_matmul_kernel(
    x_ptr,
    packed_ptr,
    scales_ptr,
    zeros_ptr,
    out_ptr,
    M,
    N,
    K,
    stride_xm,
    stride_xk,
    stride_pk,
    stride_pn,
    stride_sg,
    stride_sn,
    stride_zg,
    stride_zn,
    stride_om,
    stride_on,
    tuning_key,  # noqa: ARG001 - read by the autotuner alone
    GROUP_SIZE: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    # Programs that are next to each other read the same codes, by far the larger operand.
    tiles_m = tl.cdiv(M, BLOCK_M)
    pid_m = tl.program_id(0) % tiles_m
    pid_n = tl.program_id(0) // tiles_m

    offs_m = pid_m * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_n = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
    # Rows past the edge wrap round to rows that exist: no mask in the loop, and never stored.
    rows = (offs_m % M).to(tl.int64)
    cols = (offs_n % N).to(tl.int64)
    depth = tl.arange(0, BLOCK_K).to(tl.int64)
    pairs = tl.arange(0, BLOCK_K // 2).to(tl.int64)
    x_ptrs = x_ptr + rows[:, None] * stride_xm + depth[None, :] * stride_xk
    packed_ptrs = packed_ptr + pairs[:, None] * stride_pk + cols[None, :] * stride_pn
    step_x = tl.cast(stride_xk, tl.int64) * BLOCK_K
    step_packed = tl.cast(stride_pk, tl.int64) * (BLOCK_K // 2)
    group_of_scales = tl.cast(stride_sg, tl.int64)
    group_of_zeros = tl.cast(stride_zg, tl.int64)

    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, K, BLOCK_K):
        group = start // GROUP_SIZE
        x = tl.load(x_ptrs)
        packed = tl.load(packed_ptrs)
        scale = tl.load(scales_ptr + group * group_of_scales + cols * stride_sn)
        zero = tl.load(zeros_ptr + group * group_of_zeros + cols * stride_zn)
        even, odd = tl.split(tl.reshape(x, (BLOCK_M, BLOCK_K // 2, 2)))
        zero = zero.to(tl.int16)[None, :]
        low = (packed & 0xF).to(tl.int16) - zero
        high = (packed >> 4).to(tl.int16) - zero
        product = tl.dot(even, low.to(x.dtype), input_precision="ieee")
        product = tl.dot(odd, high.to(x.dtype), product, input_precision="ieee")
        acc += product * scale.to(tl.float32)[None, :]
        x_ptrs += step_x
        packed_ptrs += step_packed

    tl.store(
        out_ptr
        + offs_m.to(tl.int64)[:, None] * stride_om
        + offs_n.to(tl.int64)[None, :] * stride_on,
        acc.to(out_ptr.dtype.element_ty),
        mask=(offs_m < M)[:, None] & (offs_n < N)[None, :],
    )


def int4_matmul(
    x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor
) -> torch.Tensor:
    """Product with a weight matrix of packed four-bit codes.

    Args:
        x: ``(m, k)``, float32, float16 or bfloat16, any strides.
        packed: ``(k // 2, n)``, uint8, any strides: row ``i`` holds the codes of weight row
            ``2 * i`` in its low nibbles and those of row ``2 * i + 1`` in its high nibbles.
        scales: ``(groups, n)``, floating point: the scale of each column in each group of
            ``k // groups`` consecutive rows, a multiple of 32.
        zeros: ``(groups, n)``, uint8: the code that stands for zero, likewise.

    Returns:
        ``(m, n)``, contiguous, the dtype of ``x``: ``x @ ((codes - zeros) * scales)``.

    Raises:
        ValueError: The shapes do not fit together, or a group is no multiple of 32 rows.
    """
    m, k = x.shape
    n = packed.shape[1]
    groups = scales.shape[0]
    if packed.shape[0] * 2 != k or scales.shape != (groups, n) or zeros.shape != (groups, n):
        raise ValueError(
            f"x {tuple(x.shape)}, packed {tuple(packed.shape)}, scales {tuple(scales.shape)} "
            f"and zeros {tuple(zeros.shape)} do not fit together"
        )
    out = torch.empty((m, n), device=x.device, dtype=x.dtype)
    if out.numel() == 0:
        return out
    if k == 0:
        return out.zero_()
    group_size = k // groups if groups else 0
    if group_size % 32 or group_size * groups != k:
        raise ValueError(f"expected groups of a multiple of 32 rows, got {k} rows in {groups}")

    def grid(meta):
        return (triton.cdiv(m, meta["BLOCK_M"]) * triton.cdiv(n, meta["BLOCK_N"]),)

    _int4_matmul_kernel[grid](
        x,
        packed,
        scales,
        zeros,
        out,
        m,
        n,
        k,
        *x.stride(),
        *packed.stride(),
        *scales.stride(),
        *zeros.stride(),
        *out.stride(),
        # Sizes that differ by less than a factor of two share a tuning.
        m.bit_length() << 16 | n.bit_length() << 8 | k.bit_length(),
        GROUP_SIZE=group_size,
        # A step along k stays within a group; float32 operands of a dot live in registers.
        BLOCK_K=32 if x.dtype == torch.float32 else min(group_size & -group_size, 64),
    )
    return out
