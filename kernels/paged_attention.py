"""Attention of one new query per sequence over keys and values kept in pages.

A sequence's cache is a list of pages of a shared pool, found through its row of the block table.
One program takes all query heads of a group, so that each page is read once, and one span of the
context, so that a small batch still fills the device; a second kernel joins the spans by their
running maxima and sums.

Sources: Kwon et al., "Efficient Memory Management for Large Language Model Serving with
PagedAttention", https://arxiv.org/abs/2309.06180; Dao et al., "Flash-Decoding for long-context
inference", https://pytorch.org/blog/flash-decoding.
"""

import math

import torch
import triton
import triton.language as tl

LOG2_E = math.log2(math.e)

# Programs that fill a device of 132 multiprocessors, and the shortest span that is worth it.
ENOUGH = 264
SHORT_SPAN = 128
# As contexts differ in length, more programs with longer spans leave none idle at the end.
PLENTY = 4224
LONG_SPAN = 1024
MOST_SPANS = 64


@triton.jit
def _span_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    lens_ptr,
    tables_ptr,
    out_ptr,
    max_ptr,
    sum_ptr,
    stride_qb,
    stride_qh,
    stride_qd,
    stride_kn,
    stride_kp,
    stride_kh,
    stride_kd,
    stride_vn,
    stride_vp,
    stride_vh,
    stride_vd,
    stride_lb,
    stride_tb,
    stride_tw,
    stride_ob,
    stride_oh,
    stride_os,
    stride_od,
    heads_k,
    group,
    span,
    scale_log2,
    D: tl.constexpr,
    PAGE: tl.constexpr,
    BLOCK_G: tl.constexpr,
    BLOCK_N: tl.constexpr,
    ONE_SPAN: tl.constexpr,
):
    batch = (tl.program_id(0) // heads_k).to(tl.int64)
    head_k = (tl.program_id(0) % heads_k).to(tl.int64)
    part = tl.program_id(1)

    offs_g = tl.arange(0, BLOCK_G)
    offs_n = tl.arange(0, BLOCK_N)
    offs_d = tl.arange(0, D)
    in_group = offs_g < group
    heads = head_k * group + offs_g
    q_ptrs = q_ptr + batch * stride_qb + heads[:, None] * stride_qh + offs_d[None, :] * stride_qd
    q = tl.load(q_ptrs, mask=in_group[:, None], other=0.0)

    length = tl.load(lens_ptr + batch * stride_lb).to(tl.int32)
    table = tables_ptr + batch * stride_tb
    k_head = k_ptr + head_k * stride_kh
    v_head = v_ptr + head_k * stride_vh

    acc = tl.zeros((BLOCK_G, D), dtype=tl.float32)
    row_max = tl.full((BLOCK_G,), -float("inf"), dtype=tl.float32)
    row_sum = tl.zeros((BLOCK_G,), dtype=tl.float32)
    first = part * span
    last = tl.minimum(length, first + span)
    for start in range(first, last, BLOCK_N):
        token = start + offs_n
        exists = token < last
        # Behind the context the table holds anything, so it is not read there.
        page = tl.load(table + token // PAGE * stride_tw, mask=exists, other=0).to(tl.int64)
        slot = token % PAGE
        k_rows = k_head + page * stride_kn + slot * stride_kp
        v_rows = v_head + page * stride_vn + slot * stride_vp
        k_ptrs = k_rows[None, :] + offs_d[:, None] * stride_kd
        v_ptrs = v_rows[:, None] + offs_d[None, :] * stride_vd
        k = tl.load(k_ptrs, mask=exists[None, :], other=0.0)
        v = tl.load(v_ptrs, mask=exists[:, None], other=0.0)
        scores = tl.dot(q, k, input_precision="ieee")
        scores = tl.where(exists[None, :], scores, -float("inf"))
        # Every tile holds one token at least, so the maximum is a number from the first one on.
        new_max = tl.maximum(row_max, tl.max(scores, axis=1))
        # Scaled after the subtraction, large scores lose no digits in the product.
        p = tl.exp2((scores - new_max[:, None]) * scale_log2)
        correction = tl.exp2((row_max - new_max) * scale_log2)
        row_sum = row_sum * correction + tl.sum(p, axis=1)
        acc = acc * correction[:, None]
        acc = tl.dot(p.to(v.dtype), v, acc, input_precision="ieee")
        row_max = new_max

    out_rows = out_ptr + batch * stride_ob + heads * stride_oh + part * stride_os
    out_ptrs = out_rows[:, None] + offs_d[None, :] * stride_od
    if ONE_SPAN:
        # An empty context gives zeros.
        acc = acc / tl.where(row_sum == 0.0, 1.0, row_sum)[:, None]
    else:
        statistics = (batch * heads_k * group + heads) * tl.num_programs(1) + part
        tl.store(max_ptr + statistics, row_max, mask=in_group)
        tl.store(sum_ptr + statistics, row_sum, mask=in_group)
    tl.store(out_ptrs, acc, mask=in_group[:, None])


@triton.jit
def _join_kernel(
    parts_ptr,
    max_ptr,
    sum_ptr,
    out_ptr,
    stride_ob,
    stride_oh,
    stride_od,
    heads,
    spans,
    scale_log2,
    D: tl.constexpr,
    BLOCK_S: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    offs_s = tl.arange(0, BLOCK_S)
    offs_d = tl.arange(0, D)
    in_spans = offs_s < spans
    maxima = tl.load(max_ptr + row * spans + offs_s, mask=in_spans, other=-float("inf"))
    sums = tl.load(sum_ptr + row * spans + offs_s, mask=in_spans, other=0.0)
    part_ptrs = parts_ptr + (row * spans + offs_s[:, None]) * D + offs_d[None, :]
    parts = tl.load(part_ptrs, mask=in_spans[:, None], other=0.0)

    largest = tl.max(maxima, axis=0)
    # Spans behind the context have the maximum -inf; with an empty context all of them do.
    shift = tl.where(largest == -float("inf"), 0.0, largest)
    weights = tl.exp2((maxima - shift) * scale_log2)
    total = tl.sum(weights * sums, axis=0)
    out = tl.sum(weights[:, None] * parts, axis=0) / tl.where(total == 0.0, 1.0, total)
    out_row = out_ptr + row // heads * stride_ob + row % heads * stride_oh
    tl.store(out_row + offs_d * stride_od, out)


def paged_attention(
    q: torch.Tensor,
    k_cache: torch.Tensor,
    v_cache: torch.Tensor,
    context_lens: torch.Tensor,
    block_tables: torch.Tensor,
    scale: float | None = None,
) -> torch.Tensor:
    """Attend from one query per sequence to its paged context.

    Args:
        q: ``(b, g * h, d)``, floating point, any strides; ``d`` is 16, 32, 64, 128 or 256.
        k_cache: ``(n, p, h, d)``, ``n`` pages of ``p`` tokens, the dtype of ``q``, any strides.
        v_cache: ``(n, p, h, d)``, the dtype of ``q``, any strides.
        context_lens: ``(b,)``, int32 or int64: tokens of each context; at most ``w * p``.
        block_tables: ``(b, w)``, int32 or int64: the pages of each context, in order. Entries
            behind the context are not read.
        scale: Factor of the scores, above 0; ``1 / sqrt(d)`` when absent.

    Returns:
        ``(b, g * h, d)``, the dtype of ``q``; zeros where the context is empty.

    Raises:
        ValueError: If ``scale`` is not above 0.
    """
    batch, heads, d = q.shape
    page, heads_k = k_cache.shape[1:3]
    out = torch.empty_like(q)
    if out.numel() == 0:
        return out
    if scale is None:
        scale = 1.0 / math.sqrt(d)
    if scale <= 0.0:
        raise ValueError(f"scale must be above 0, not {scale}")

    # The lengths stay on the device: the longest context that the table admits sets the spans.
    longest = max(1, block_tables.shape[1] * page)
    widest = 64 if d * q.element_size() <= 256 else 32
    block_n = min(max(16, triton.next_power_of_2(longest)), widest)
    spans = max(
        min(triton.cdiv(ENOUGH, batch * heads_k), triton.cdiv(longest, SHORT_SPAN)),
        min(triton.cdiv(PLENTY, batch * heads_k), triton.cdiv(longest, LONG_SPAN)),
    )
    spans = min(spans, MOST_SPANS)
    span = triton.cdiv(triton.cdiv(longest, spans), block_n) * block_n
    spans = triton.cdiv(longest, span)

    parts, part_strides = out, (out.stride(0), out.stride(1), 0, out.stride(2))
    maxima = sums = out
    if spans > 1:
        parts = torch.empty((batch, heads, spans, d), dtype=torch.float32, device=q.device)
        part_strides = parts.stride()
        maxima = torch.empty((batch, heads, spans), dtype=torch.float32, device=q.device)
        sums = torch.empty_like(maxima)
    _span_kernel[(batch * heads_k, spans)](
        q,
        k_cache,
        v_cache,
        context_lens,
        block_tables,
        parts,
        maxima,
        sums,
        *q.stride(),
        *k_cache.stride(),
        *v_cache.stride(),
        *context_lens.stride(),
        *block_tables.stride(),
        *part_strides,
        heads_k,
        heads // heads_k,
        span,
        scale * LOG2_E,
        D=d,
        PAGE=page,
        BLOCK_G=max(16, triton.next_power_of_2(heads // heads_k)),
        BLOCK_N=block_n,
        ONE_SPAN=spans == 1,
        num_warps=4,
        num_stages=3 if q.element_size() == 2 else 2,
    )
    if spans > 1:
        _join_kernel[(batch * heads,)](
            parts,
            maxima,
            sums,
            out,
            *out.stride(),
            heads,
            spans,
            scale * LOG2_E,
            D=d,
            BLOCK_S=triton.next_power_of_2(spans),
        )
    return out
