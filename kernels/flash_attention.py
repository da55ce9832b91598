"""Attention in one pass over the keys, without the matrix of scores.

A program owns a tile of queries and walks over tiles of keys and values with an online softmax:
a running row maximum and row sum rescale what was accumulated whenever the maximum grows. Scores
live in registers only. Only the tiles on the causal diagonal and the ragged last one pay for a
mask. Tiles of keys and values come through tensor descriptors: Hopper's copy engine fetches them
while the program computes. Under a causal mask the last queries see the most keys: their programs
start first, and the short ones fill the gaps at the end.

Sources: Dao, "FlashAttention-2", https://arxiv.org/abs/2307.08691; Milakov and Gimelshein,
"Online normalizer calculation for softmax", https://arxiv.org/abs/1805.02867; Ainslie et al.,
"GQA", https://arxiv.org/abs/2305.13245.
"""

import math

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

LOG2_E = math.log2(math.e)

# Of a causal problem, programs that run together share keys and values of this many bytes: they
# stay in the L2 cache of an H100 or H200.
SHARED_BYTES = 32 * 2**20


def _tile(q: torch.Tensor, seq_k: int, *, causal: bool) -> dict[str, int]:
    """Queries and keys of a tile, its warps, and how many tiles are on their way."""
    seq_q, d = q.shape[2:]
    long = min(seq_q, seq_k) >= 2048
    # The fastest on an H200 at half precision: larger tiles pay where rows are long.
    block_m, block_n, stages = 64, 64, 2
    if q.element_size() > 2:
        # A float32 product runs on the FMA units, with both operands in registers.
        block_n = 32
    elif d <= 64:
        block_n = 128 if long and not causal else 64
    elif long:
        # Every warp owns 32 queries: a tile of keys is read from shared memory half as often.
        block_m = 128
    else:
        stages = 3
    # No tile towers over a small problem, and a product's sides are 16 or more.
    block_m = min(block_m, max(16, triton.next_power_of_2(seq_q)))
    block_n = min(block_n, max(16, triton.next_power_of_2(seq_k)))
    return {"BLOCK_M": block_m, "BLOCK_N": block_n, "num_warps": 4, "num_stages": stages}


@triton.jit
def _flash_attention_kernel(
    q_ptr,
    k_desc,
    v_desc,
    out_ptr,
    stride_qb,
    stride_qh,
    stride_qt,
    stride_qd,
    stride_ob,
    stride_oh,
    stride_ot,
    stride_od,
    heads,
    group,
    section,
    seq_q,
    seq_k,
    scale_log2,
    D: tl.constexpr,
    CAUSAL: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    MASKED: tl.constexpr,
):
    tiles = tl.cdiv(seq_q, BLOCK_M)
    pid = tl.program_id(0)
    # Programs that start together share a section of the heads, hence keys in L2. A section goes
    # through its heads tile by tile.
    first_head = pid // (section * tiles) * section
    together = tl.minimum(section, tl.num_programs(0) // tiles - first_head)
    within = pid - first_head * tiles
    tile = within // together
    batch = (first_head + within % together) // heads
    head = (first_head + within % together) % heads
    if CAUSAL:
        # The last rows see the most keys: start them first, in every head.
        tile = tiles - 1 - tile
    start_m = tile * BLOCK_M

    q_head = q_ptr + batch.to(tl.int64) * stride_qb + head.to(tl.int64) * stride_qh

    offs_m = tl.arange(0, BLOCK_M)
    offs_d = tl.arange(0, D)
    in_rows = start_m + offs_m < seq_q
    q_ptrs = q_head + start_m.to(tl.int64) * stride_qt
    q_ptrs += offs_m[:, None] * stride_qt + offs_d[None, :] * stride_qd
    q = tl.load(q_ptrs, mask=in_rows[:, None], other=0.0)

    acc = tl.zeros((BLOCK_M, D), dtype=tl.float32)
    row_max = tl.full((BLOCK_M,), -float("inf"), dtype=tl.float32)
    row_sum = tl.zeros((BLOCK_M,), dtype=tl.float32)

    columns_before = tl.zeros((BLOCK_M,), dtype=tl.int32) + seq_k
    unmasked = seq_k
    last = seq_k
    if CAUSAL:
        # Row i sees the keys before i + 1 + (seq_k - seq_q): the last query sees every key.
        columns_before = start_m + offs_m + 1 + seq_k - seq_q
        unmasked = tl.minimum(seq_k, start_m + 1 + seq_k - seq_q)
        last = tl.minimum(seq_k, start_m + BLOCK_M + seq_k - seq_q)
    kv_head = head // group
    offs_n = tl.arange(0, BLOCK_N)
    for start in range(0, last, BLOCK_N):
        # Rows past the last key are zeros.
        k = k_desc.load([batch, kv_head, start, 0]).reshape(BLOCK_N, D)
        scores = tl.dot(q, k.T, input_precision="ieee")
        if MASKED and start + BLOCK_N > unmasked:
            visible = offs_n[None, :] < (columns_before - start)[:, None]
            scores = tl.where(visible, scores, -float("inf"))
        # The maximum is kept in the exponent's unit. Its rounding does not matter: every term of
        # the row gets the same factor from it, and the fused product rounds nothing else.
        new_max = tl.maximum(row_max, tl.max(scores, axis=1) * scale_log2)
        shift = new_max
        if CAUSAL:
            # A row that has seen no key yet has the maximum -inf, and -inf - -inf is not a number.
            shift = tl.where(new_max == -float("inf"), 0.0, new_max)
        p = tl.exp2(tl.fma(scores, scale_log2, -shift[:, None]))
        correction = tl.exp2(row_max - shift)
        row_sum = row_sum * correction + tl.sum(p, axis=1)
        acc = acc * correction[:, None]
        v = v_desc.load([batch, kv_head, start, 0]).reshape(BLOCK_N, D)
        acc = tl.dot(p.to(v.dtype), v, acc, input_precision="ieee")
        row_max = new_max

    # A row that sees no key is zero. One division for a row, not one for every value.
    out = acc * (1.0 / tl.where(row_sum == 0.0, 1.0, row_sum))[:, None]
    out_tile = out_ptr + batch.to(tl.int64) * stride_ob + head.to(tl.int64) * stride_oh
    out_tile += start_m.to(tl.int64) * stride_ot
    out_ptrs = out_tile + offs_m[:, None] * stride_ot + offs_d[None, :] * stride_od
    tl.store(out_ptrs, out, mask=in_rows[:, None])


def _described(x: torch.Tensor, rows: int) -> TensorDescriptor:
    """Describe tiles of ``rows`` rows of the last two dimensions."""
    apart = [stride * x.element_size() for stride in x.stride()[:-1]]
    if x.stride(-1) != 1 or x.data_ptr() % 16 or any(n <= 0 or n % 16 for n in apart):
        # A descriptor wants rows without gaps, and everything at multiples of 16 bytes.
        x = x.clone(memory_format=torch.contiguous_format)
    return TensorDescriptor.from_tensor(x, [1, 1, rows, x.shape[-1]])


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
    if seq_k == 0:
        return out.zero_()

    tile = _tile(q, seq_k, causal=causal)
    group = heads // k.shape[1]
    section = 1
    if causal:
        section = SHARED_BYTES // (2 * seq_k * d * k.element_size()) * group
        section = max(1, min(section, batch * heads))
    _flash_attention_kernel[(triton.cdiv(seq_q, tile["BLOCK_M"]) * batch * heads,)](
        q,
        _described(k, tile["BLOCK_N"]),
        _described(v, tile["BLOCK_N"]),
        out,
        *q.stride(),
        *out.stride(),
        heads,
        group,
        section,
        seq_q,
        seq_k,
        scale * LOG2_E,
        D=d,
        CAUSAL=causal,
        MASKED=causal or seq_k % tile["BLOCK_N"] != 0,
        **tile,
    )
    return out
