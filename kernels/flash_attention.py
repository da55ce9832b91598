"""Attention in one pass over the keys, without the matrix of scores.

A program owns a tile of queries and walks over tiles of keys and values with an online softmax:
a running row maximum and row sum rescale what was accumulated whenever the maximum grows. Scores
live in registers only. The tiles that no mask touches are walked first, without a mask; only the
tiles on the causal diagonal and the ragged last one pay for it.

Sources: Dao, "FlashAttention-2", https://arxiv.org/abs/2307.08691; Milakov and Gimelshein,
"Online normalizer calculation for softmax", https://arxiv.org/abs/1805.02867; Ainslie et al.,
"GQA", https://arxiv.org/abs/2305.13245.
"""

import math
from typing import Any

import torch
import triton
import triton.language as tl

LOG2_E = math.log2(math.e)


def _configs() -> list[triton.Config]:
    """Every tile of 16 to 128 queries by 16 to 128 keys, the narrow ones first."""
    configs = []
    for m in (16, 32, 64, 128):
        for n in (16, 32, 64, 128):
            for warps in {4, 8} if m == 128 and n == 64 else {8 if m * n > 64 * 128 else 4}:
                stages = 3 if n <= 64 else 2
                configs.append(
                    triton.Config({"BLOCK_M": m, "BLOCK_N": n}, num_warps=warps, num_stages=stages)
                )
    return configs


def _fitting(
    configs: list[triton.Config], named_args: dict[str, Any], **meta: Any
) -> list[triton.Config]:
    """Keep the tiles that neither tower over the problem nor spill its registers."""
    rows, columns = named_args["seq_q"], named_args["seq_k"]
    m = {64, 128} if rows > 64 else {max(16, triton.next_power_of_2(rows))}
    n = {32, 64, 128} if columns > 64 else {max(16, triton.next_power_of_2(columns))}
    # A float32 product runs on the FMA units, with both operands in registers.
    area = 64 * 64 if named_args["q_ptr"].element_size() > 2 else 128 * 128
    if meta["D"] > 64:
        area = min(area, 64 * 32) if area == 64 * 64 else area
    fits = [c for c in configs if c.kwargs["BLOCK_M"] in m and c.kwargs["BLOCK_N"] in n]
    small = [c for c in fits if c.kwargs["BLOCK_M"] * c.kwargs["BLOCK_N"] <= area]
    return small or fits[:1]


@triton.jit
def _attend(
    acc,
    row_max,
    row_sum,
    q,
    k_ptr,
    v_ptr,
    stride_kt,
    stride_kd,
    stride_vt,
    stride_vd,
    first,
    last,
    seq_k,
    columns_before,
    scale_log2,
    D: tl.constexpr,
    BLOCK_N: tl.constexpr,
    MASKED: tl.constexpr,
    CAUSAL: tl.constexpr,
):
    """Take the keys from ``first`` to ``last`` into the running softmax of a query tile."""
    offs_n = tl.arange(0, BLOCK_N)
    offs_d = tl.arange(0, D)
    for start in range(first, last, BLOCK_N):
        # Rows are counted from the tile's start, so only this product needs 64 bits.
        k_tile = k_ptr + tl.cast(start, tl.int64) * stride_kt
        v_tile = v_ptr + tl.cast(start, tl.int64) * stride_vt
        k_ptrs = k_tile + offs_d[:, None] * stride_kd + offs_n[None, :] * stride_kt
        v_ptrs = v_tile + offs_n[:, None] * stride_vt + offs_d[None, :] * stride_vd
        if MASKED:
            exists = start + offs_n < seq_k
            k = tl.load(k_ptrs, mask=exists[None, :], other=0.0)
            v = tl.load(v_ptrs, mask=exists[:, None], other=0.0)
        else:
            k = tl.load(k_ptrs)
            v = tl.load(v_ptrs)
        scores = tl.dot(q, k, input_precision="ieee")
        if MASKED:
            visible = exists[None, :]
            if CAUSAL:
                visible = visible & (start + offs_n[None, :] < columns_before[:, None])
            scores = tl.where(visible, scores, -float("inf"))
        new_max = tl.maximum(row_max, tl.max(scores, axis=1))
        # A row that has seen no key yet has the maximum -inf, and -inf - -inf is not a number.
        shift = tl.where(new_max == -float("inf"), 0.0, new_max)
        # Scaled after the subtraction, large scores lose no digits in the product.
        p = tl.exp2((scores - shift[:, None]) * scale_log2)
        correction = tl.exp2((row_max - shift) * scale_log2)
        row_sum = row_sum * correction + tl.sum(p, axis=1)
        acc = acc * correction[:, None]
        acc = tl.dot(p.to(v.dtype), v, acc, input_precision="ieee")
        row_max = new_max
    return acc, row_max, row_sum


@triton.autotune(
    configs=_configs(),
    key=["bucket_q", "bucket_k", "D", "CAUSAL"],
    prune_configs_by={"early_config_prune": _fitting},
)
@triton.jit
def _flash_attention_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    out_ptr,
    stride_qb,
    stride_qh,
    stride_qt,
    stride_qd,
    stride_kb,
    stride_kh,
    stride_kt,
    stride_kd,
    stride_vb,
    stride_vh,
    stride_vt,
    stride_vd,
    stride_ob,
    stride_oh,
    stride_ot,
    stride_od,
    heads,
    group,
    seq_q,
    seq_k,
    bucket_q,  # noqa: ARG001 - only a key of the autotuner
    bucket_k,  # noqa: ARG001 - only a key of the autotuner
    scale_log2,
    D: tl.constexpr,
    CAUSAL: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    tiles = tl.cdiv(seq_q, BLOCK_M)
    pid = tl.program_id(0)
    # Neighbouring programs share a head, hence its keys in L2.
    tile = pid % tiles
    batch = (pid // tiles // heads).to(tl.int64)
    head = pid // tiles % heads
    if CAUSAL:
        # The last rows see the most keys: start them first.
        tile = tiles - 1 - tile
    start_m = tile * BLOCK_M

    q_tile = q_ptr + batch * stride_qb + head.to(tl.int64) * stride_qh
    q_tile += start_m.to(tl.int64) * stride_qt
    k_head = k_ptr + batch * stride_kb + (head // group).to(tl.int64) * stride_kh
    v_head = v_ptr + batch * stride_vb + (head // group).to(tl.int64) * stride_vh
    out_tile = out_ptr + batch * stride_ob + head.to(tl.int64) * stride_oh
    out_tile += start_m.to(tl.int64) * stride_ot

    offs_m = tl.arange(0, BLOCK_M)
    offs_d = tl.arange(0, D)
    in_rows = start_m + offs_m < seq_q
    q_ptrs = q_tile + offs_m[:, None] * stride_qt + offs_d[None, :] * stride_qd
    q = tl.load(q_ptrs, mask=in_rows[:, None], other=0.0)

    acc = tl.zeros((BLOCK_M, D), dtype=tl.float32)
    row_max = tl.full((BLOCK_M,), -float("inf"), dtype=tl.float32)
    row_sum = tl.zeros((BLOCK_M,), dtype=tl.float32)

    # Row i sees the keys before i + 1 + (seq_k - seq_q): the last query sees every key.
    columns_before = start_m + offs_m + 1 + seq_k - seq_q
    unmasked = seq_k
    last = seq_k
    if CAUSAL:
        unmasked = tl.minimum(seq_k, tl.maximum(start_m + 1 + seq_k - seq_q, 0))
        last = tl.minimum(seq_k, tl.maximum(start_m + BLOCK_M + seq_k - seq_q, 0))
    unmasked = unmasked // BLOCK_N * BLOCK_N
    acc, row_max, row_sum = _attend(
        acc,
        row_max,
        row_sum,
        q,
        k_head,
        v_head,
        stride_kt,
        stride_kd,
        stride_vt,
        stride_vd,
        0,
        unmasked,
        seq_k,
        columns_before,
        scale_log2,
        D,
        BLOCK_N,
        MASKED=False,
        CAUSAL=CAUSAL,
    )
    acc, row_max, row_sum = _attend(
        acc,
        row_max,
        row_sum,
        q,
        k_head,
        v_head,
        stride_kt,
        stride_kd,
        stride_vt,
        stride_vd,
        unmasked,
        last,
        seq_k,
        columns_before,
        scale_log2,
        D,
        BLOCK_N,
        MASKED=True,
        CAUSAL=CAUSAL,
    )

    # A row that sees no key is zero.
    out = acc / tl.where(row_sum == 0.0, 1.0, row_sum)[:, None]
    out_ptrs = out_tile + offs_m[:, None] * stride_ot + offs_d[None, :] * stride_od
    tl.store(out_ptrs, out, mask=in_rows[:, None])


def flash_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    causal: bool = False,  # noqa: FBT001, FBT002 - the name users know from other attention calls
    scale: float | None = None,
) -> torch.Tensor:
    """Softmax attention, forward only.

    Args:
        q: ``(b, g * h, t_q, d)``, floating point, any strides; ``d`` is 16, 32, 64 or 128.
        k: ``(b, h, t_k, d)``, the dtype of ``q``, any strides; ``g`` query heads share a head.
        v: ``(b, h, t_k, d)``, the dtype of ``q``, any strides.
        causal: Let query ``i`` see the keys up to ``i + t_k - t_q`` only, so that the last query
            sees every key. A query that sees none gives zeros.
        scale: Factor of the scores, above 0; ``1 / sqrt(d)`` when absent.

    Returns:
        ``(b, g * h, t_q, d)``, the dtype of ``q``.

    Raises:
        ValueError: If ``scale`` is not above 0.
    """
    batch, heads, seq_q, d = q.shape
    seq_k = k.shape[2]
    out = torch.empty_like(q)
    if out.numel() == 0:
        return out
    if scale is None:
        scale = 1.0 / math.sqrt(d)
    if scale <= 0.0:
        raise ValueError(f"scale must be above 0, not {scale}")

    def grid(meta: dict[str, Any]) -> tuple[int]:
        return (triton.cdiv(seq_q, meta["BLOCK_M"]) * batch * heads,)

    _flash_attention_kernel[grid](
        q,
        k,
        v,
        out,
        *q.stride(),
        *k.stride(),
        *v.stride(),
        *out.stride(),
        heads,
        heads // k.shape[1],
        seq_q,
        seq_k,
        triton.next_power_of_2(seq_q),
        triton.next_power_of_2(seq_k),
        scale * LOG2_E,
        D=d,
        CAUSAL=causal,
    )
    return out
