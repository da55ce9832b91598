"""Differentiable attention that keeps no matrix of scores.

The forward pass walks tiles of keys with an online softmax and keeps two numbers a row: its
maximum and the reciprocal of its sum. (Their usual union, the log-sum-exp, is one number, but its
rounding becomes a relative error of the whole row when scores are large.) The backward pass
recomputes the probabilities from them, twice: one kernel owns query tiles and sums ``dq`` over the
keys, the other owns key tiles and sums ``dk`` and ``dv`` over the queries of every head of the
group. Neither needs an atomic, so gradients are the same from run to run. The forward pass gets its
tiles of keys and values through tensor descriptors: Hopper's copy engine fetches them while the
program computes.

Sources: Dao, "FlashAttention-2", https://arxiv.org/abs/2307.08691; Rabe and Staats,
"Self-attention Does Not Need O(n^2) Memory", https://arxiv.org/abs/2112.05682.
"""

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable
from triton.tools.tensor_descriptor import TensorDescriptor

LOG2_E = math.log2(math.e)


def _configs(rows: tuple[int, ...], columns: tuple[int, ...]) -> list[triton.Config]:
    return [
        triton.Config(
            {"BLOCK_M": m, "BLOCK_N": n},
            num_warps=8 if m * n > 64 * 64 else 4,
            num_stages=3 if m * n <= 64 * 64 else 2,
        )
        for m in rows
        for n in columns
    ]


def _fitting(
    configs: list[triton.Config], named_args: dict[str, Any], **meta: Any
) -> list[triton.Config]:
    """Keep the tiles that neither tower over the problem nor spill its registers."""

    def usual(length: int) -> set[int]:
        return {32, 64, 128} if length > 64 else {max(16, triton.next_power_of_2(length))}

    rows, columns = usual(named_args["seq_q"]), usual(named_args["seq_k"])
    fits = [c for c in configs if c.kwargs["BLOCK_M"] in rows and c.kwargs["BLOCK_N"] in columns]
    area = 128 * 128
    if named_args["q_ptr"].element_size() > 2:
        # A float32 product runs on the FMA units, with both operands in registers.
        area = 32 * 32 if meta["D"] > 64 else 64 * 32
    small = [c for c in fits if c.kwargs["BLOCK_M"] * c.kwargs["BLOCK_N"] <= area]
    return small or fits[:1]


def _forward_tile(q: torch.Tensor, seq_k: int, *, causal: bool) -> dict[str, int]:
    """Queries and keys of the forward pass's tiles, and how many tiles are on their way."""
    seq_q, d = q.shape[2:]
    float32 = q.element_size() > 2
    # The fastest on an H200 at half precision and d = 64: wide tiles pay where rows are long and no
    # diagonal cuts through them.
    block_m, block_n, stages = 64, 64, 2
    if not float32 and min(seq_q, seq_k) >= 2048:
        if causal:
            stages = 3
        elif d <= 64:
            block_n = 128
    if float32:
        # A float32 product runs on the FMA units, with both operands in registers.
        block_n = 32
    # No tile towers over a small problem, and a product's sides are 16 or more.
    block_m = min(block_m, max(16, triton.next_power_of_2(seq_q)))
    block_n = min(block_n, max(16, triton.next_power_of_2(seq_k)))
    return {"BLOCK_M": block_m, "BLOCK_N": block_n, "num_stages": stages}


@triton.jit
def _attend(
    acc,
    row_max,
    shift,
    row_sum,
    q,
    k_desc,
    v_desc,
    batch,
    head,
    first,
    last,
    columns_before,
    scale_log2,
    D: tl.constexpr,
    BLOCK_N: tl.constexpr,
    MASKED: tl.constexpr,
):
    """Take the keys from ``first`` to ``last`` into the running softmax of a query tile."""
    offs_n = tl.arange(0, BLOCK_N)
    for start in range(first, last, BLOCK_N):
        # Rows past the last key are zeros.
        k = k_desc.load([batch, head, start, 0]).reshape(BLOCK_N, D)
        scores = tl.dot(q, k.T, input_precision="ieee")
        if MASKED:
            visible = offs_n[None, :] < (columns_before - start)[:, None]
            scores = tl.where(visible, scores, -float("inf"))
        tile_max = tl.max(scores, axis=1)
        row_max = tl.maximum(row_max, tile_max)
        # In the exponent's unit: always row_max * scale_log2, rounded. The rounding gives every
        # term of a row the same factor, and the fused product below rounds nothing else.
        new_shift = tl.maximum(shift, tile_max * scale_log2)
        # A row that has seen no key yet has the maximum -inf, and -inf - -inf is not a number.
        finite = new_shift
        if MASKED:
            finite = tl.where(new_shift == -float("inf"), 0.0, new_shift)
        p = tl.exp2(tl.fma(scores, scale_log2, -finite[:, None]))
        correction = tl.exp2(shift - finite)
        row_sum = row_sum * correction + tl.sum(p, axis=1)
        acc = acc * correction[:, None]
        v = v_desc.load([batch, head, start, 0]).reshape(BLOCK_N, D)
        acc = tl.dot(p.to(v.dtype), v, acc, input_precision="ieee")
        shift = new_shift
    return acc, row_max, shift, row_sum


@triton.jit
def _forward_kernel(
    q_ptr,
    k_desc,
    v_desc,
    out_ptr,
    max_ptr,
    norm_ptr,
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
    seq_q,
    seq_k,
    scale_log2,
    D: tl.constexpr,
    CAUSAL: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    RAGGED: tl.constexpr,
):
    tiles = tl.cdiv(seq_q, BLOCK_M)
    pid = tl.program_id(0)
    # Neighbouring programs share a head, hence its keys in L2.
    tile = pid % tiles
    batch = pid // tiles // heads
    head = pid // tiles % heads
    if CAUSAL:
        # The last rows see the most keys: start them first.
        tile = tiles - 1 - tile
    start_m = tile * BLOCK_M

    q_head = q_ptr + batch.to(tl.int64) * stride_qb + head.to(tl.int64) * stride_qh
    out_tile = out_ptr + batch.to(tl.int64) * stride_ob + head.to(tl.int64) * stride_oh
    out_tile += start_m.to(tl.int64) * stride_ot

    offs_m = tl.arange(0, BLOCK_M)
    offs_d = tl.arange(0, D)
    in_rows = start_m + offs_m < seq_q
    q_ptrs = q_head + start_m.to(tl.int64) * stride_qt
    q_ptrs += offs_m[:, None] * stride_qt + offs_d[None, :] * stride_qd
    q = tl.load(q_ptrs, mask=in_rows[:, None], other=0.0)

    acc = tl.zeros((BLOCK_M, D), dtype=tl.float32)
    row_max = tl.full((BLOCK_M,), -float("inf"), dtype=tl.float32)
    shift = row_max
    row_sum = tl.zeros((BLOCK_M,), dtype=tl.float32)

    columns_before = tl.zeros((BLOCK_M,), dtype=tl.int32) + seq_k
    unmasked = seq_k
    last = seq_k
    if CAUSAL:
        # Row i sees the keys before i + 1 + (seq_k - seq_q): the last query sees every key.
        columns_before = start_m + offs_m + 1 + seq_k - seq_q
        unmasked = tl.minimum(seq_k, tl.maximum(start_m + 1 + seq_k - seq_q, 0))
        last = tl.minimum(seq_k, tl.maximum(start_m + BLOCK_M + seq_k - seq_q, 0))
    unmasked = unmasked // BLOCK_N * BLOCK_N
    acc, row_max, shift, row_sum = _attend(
        acc,
        row_max,
        shift,
        row_sum,
        q,
        k_desc,
        v_desc,
        batch,
        head // group,
        0,
        unmasked,
        columns_before,
        scale_log2,
        D,
        BLOCK_N,
        MASKED=False,
    )
    if CAUSAL or RAGGED:
        acc, row_max, shift, row_sum = _attend(
            acc,
            row_max,
            shift,
            row_sum,
            q,
            k_desc,
            v_desc,
            batch,
            head // group,
            unmasked,
            last,
            columns_before,
            scale_log2,
            D,
            BLOCK_N,
            MASKED=True,
        )

    # A row that sees no key is zero, here and in the backward pass.
    empty = row_sum == 0.0
    row_sum = tl.where(empty, 1.0, row_sum)
    out = acc / row_sum[:, None]
    out_ptrs = out_tile + offs_m[:, None] * stride_ot + offs_d[None, :] * stride_od
    tl.store(out_ptrs, out, mask=in_rows[:, None])
    # The backward pass wants the maximum itself and the sum relative to it: the factor that its
    # rounded product with the scale left in every term goes.
    row_max = tl.where(empty, 0.0, row_max)
    shift = tl.where(empty, 0.0, shift)
    row_sum = row_sum / tl.exp2(tl.fma(row_max, scale_log2, -shift))
    row_statistics = (batch.to(tl.int64) * heads + head) * seq_q + start_m
    tl.store(max_ptr + row_statistics + offs_m, row_max, mask=in_rows)
    tl.store(norm_ptr + row_statistics + offs_m, tl.where(empty, 0.0, 1.0 / row_sum), mask=in_rows)


def _described(x: torch.Tensor, rows: int) -> TensorDescriptor:
    """Describe tiles of ``rows`` rows of the last two dimensions."""
    apart = [stride * x.element_size() for stride in x.stride()[:-1]]
    if x.stride(-1) != 1 or x.data_ptr() % 16 or any(n <= 0 or n % 16 for n in apart):
        # A descriptor wants rows without gaps, and everything at multiples of 16 bytes.
        x = x.clone(memory_format=torch.contiguous_format)
    return TensorDescriptor.from_tensor(x, [1, 1, rows, x.shape[-1]])


@triton.autotune(
    configs=_configs((16, 32, 64, 128), (16, 32, 64)),
    key=["bucket_q", "bucket_k", "D", "CAUSAL"],
    prune_configs_by={"early_config_prune": _fitting},
)
@triton.jit
def _backward_q_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    out_ptr,
    dout_ptr,
    max_ptr,
    norm_ptr,
    delta_ptr,
    dq_ptr,
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
    stride_gb,
    stride_gh,
    stride_gt,
    stride_gd,
    stride_dqb,
    stride_dqh,
    stride_dqt,
    stride_dqd,
    heads,
    group,
    seq_q,
    seq_k,
    bucket_q,  # noqa: ARG001 - only a key of the autotuner
    bucket_k,  # noqa: ARG001 - only a key of the autotuner
    scale,
    scale_log2,
    D: tl.constexpr,
    CAUSAL: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Sum the gradient of a query tile over the keys, and leave delta for the other kernel."""
    tiles = tl.cdiv(seq_q, BLOCK_M)
    pid = tl.program_id(0)
    batch = (pid // tiles // heads).to(tl.int64)
    head = (pid // tiles % heads).to(tl.int64)
    start_m = (tiles - 1 - pid % tiles) * BLOCK_M
    row = start_m.to(tl.int64)

    offs_m = tl.arange(0, BLOCK_M)
    offs_n = tl.arange(0, BLOCK_N)
    offs_d = tl.arange(0, D)
    in_rows = start_m + offs_m < seq_q

    q_tile = q_ptr + batch * stride_qb + head * stride_qh + row * stride_qt
    out_tile = out_ptr + batch * stride_ob + head * stride_oh + row * stride_ot
    dout_tile = dout_ptr + batch * stride_gb + head * stride_gh + row * stride_gt
    q_ptrs = q_tile + offs_m[:, None] * stride_qt + offs_d[None, :] * stride_qd
    out_ptrs = out_tile + offs_m[:, None] * stride_ot + offs_d[None, :] * stride_od
    dout_ptrs = dout_tile + offs_m[:, None] * stride_gt + offs_d[None, :] * stride_gd
    q = tl.load(q_ptrs, mask=in_rows[:, None], other=0.0)
    out = tl.load(out_ptrs, mask=in_rows[:, None], other=0.0)
    dout = tl.load(dout_ptrs, mask=in_rows[:, None], other=0.0)

    row_statistics = (batch * heads + head) * seq_q + start_m
    row_max = tl.load(max_ptr + row_statistics + offs_m, mask=in_rows, other=0.0)
    norm = tl.load(norm_ptr + row_statistics + offs_m, mask=in_rows, other=0.0)
    # A softmax that one key takes whole does not move; dp - delta would be rounding errors alone.
    moves = tl.where(norm == 1.0, 0.0, 1.0)
    # sum_j p_ij (dout_i . v_j) = dout_i . out_i: the softmax's gradient needs no pass of its own.
    delta = tl.sum(out.to(tl.float32) * dout.to(tl.float32), axis=1) * moves
    tl.store(delta_ptr + row_statistics + offs_m, delta, mask=in_rows)

    k_head = k_ptr + batch * stride_kb + head // group * stride_kh
    v_head = v_ptr + batch * stride_vb + head // group * stride_vh
    columns_before = tl.zeros((BLOCK_M,), dtype=tl.int32) + seq_k
    last = seq_k
    if CAUSAL:
        columns_before = tl.minimum(start_m + offs_m + 1 + seq_k - seq_q, seq_k)
        last = tl.minimum(seq_k, tl.maximum(start_m + BLOCK_M + seq_k - seq_q, 0))

    dq = tl.zeros((BLOCK_M, D), dtype=tl.float32)
    for start in range(0, last, BLOCK_N):
        k_tile = k_head + tl.cast(start, tl.int64) * stride_kt
        v_tile = v_head + tl.cast(start, tl.int64) * stride_vt
        exists = start + offs_n < seq_k
        k_ptrs = k_tile + offs_n[:, None] * stride_kt + offs_d[None, :] * stride_kd
        v_ptrs = v_tile + offs_d[:, None] * stride_vd + offs_n[None, :] * stride_vt
        k = tl.load(k_ptrs, mask=exists[:, None], other=0.0)
        v = tl.load(v_ptrs, mask=exists[None, :], other=0.0)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee")
        visible = start + offs_n[None, :] < columns_before[:, None]
        scores = tl.where(visible, scores, -float("inf"))
        p = tl.exp2((scores - row_max[:, None]) * scale_log2) * norm[:, None]
        dp = tl.dot(dout, v, input_precision="ieee")
        ds = p * (dp * moves[:, None] - delta[:, None])
        dq = tl.dot(ds.to(k.dtype), k, dq, input_precision="ieee")

    dq_tile = dq_ptr + batch * stride_dqb + head * stride_dqh + row * stride_dqt
    dq_ptrs = dq_tile + offs_m[:, None] * stride_dqt + offs_d[None, :] * stride_dqd
    tl.store(dq_ptrs, dq * scale, mask=in_rows[:, None])


@triton.autotune(
    configs=_configs((16, 32, 64), (16, 32, 64, 128)),
    key=["bucket_q", "bucket_k", "D", "CAUSAL"],
    prune_configs_by={"early_config_prune": _fitting},
)
@triton.jit
def _backward_kv_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    dout_ptr,
    max_ptr,
    norm_ptr,
    delta_ptr,
    dk_ptr,
    dv_ptr,
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
    stride_gb,
    stride_gh,
    stride_gt,
    stride_gd,
    stride_dkb,
    stride_dkh,
    stride_dkt,
    stride_dkd,
    stride_dvb,
    stride_dvh,
    stride_dvt,
    stride_dvd,
    heads_k,
    group,
    seq_q,
    seq_k,
    bucket_q,  # noqa: ARG001 - only a key of the autotuner
    bucket_k,  # noqa: ARG001 - only a key of the autotuner
    scale,
    scale_log2,
    D: tl.constexpr,
    CAUSAL: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Sum the gradients of a key tile over the queries of every head that reads it."""
    tiles = tl.cdiv(seq_k, BLOCK_N)
    pid = tl.program_id(0)
    batch = (pid // tiles // heads_k).to(tl.int64)
    head_k = (pid // tiles % heads_k).to(tl.int64)
    # The first keys are seen by the most queries when the mask is causal: they go first.
    start_n = pid % tiles * BLOCK_N
    column = start_n.to(tl.int64)

    offs_m = tl.arange(0, BLOCK_M)
    offs_n = tl.arange(0, BLOCK_N)
    offs_d = tl.arange(0, D)
    in_columns = start_n + offs_n < seq_k

    k_tile = k_ptr + batch * stride_kb + head_k * stride_kh + column * stride_kt
    v_tile = v_ptr + batch * stride_vb + head_k * stride_vh + column * stride_vt
    k_ptrs = k_tile + offs_n[:, None] * stride_kt + offs_d[None, :] * stride_kd
    v_ptrs = v_tile + offs_n[:, None] * stride_vt + offs_d[None, :] * stride_vd
    k = tl.load(k_ptrs, mask=in_columns[:, None], other=0.0)
    v = tl.load(v_ptrs, mask=in_columns[:, None], other=0.0)

    first = 0
    if CAUSAL:
        # The first query that sees the tile's first key.
        first = tl.maximum(start_n + seq_q - seq_k, 0) // BLOCK_M * BLOCK_M

    dk = tl.zeros((BLOCK_N, D), dtype=tl.float32)
    dv = tl.zeros((BLOCK_N, D), dtype=tl.float32)
    for member in range(group):
        head = head_k * group + member
        q_head = q_ptr + batch * stride_qb + head * stride_qh
        dout_head = dout_ptr + batch * stride_gb + head * stride_gh
        row_statistics = (batch * heads_k * group + head) * seq_q
        for start in range(first, seq_q, BLOCK_M):
            q_tile = q_head + tl.cast(start, tl.int64) * stride_qt
            dout_tile = dout_head + tl.cast(start, tl.int64) * stride_gt
            in_rows = start + offs_m < seq_q
            q_ptrs = q_tile + offs_m[:, None] * stride_qt + offs_d[None, :] * stride_qd
            dout_ptrs = dout_tile + offs_m[:, None] * stride_gt + offs_d[None, :] * stride_gd
            q = tl.load(q_ptrs, mask=in_rows[:, None], other=0.0)
            dout = tl.load(dout_ptrs, mask=in_rows[:, None], other=0.0)
            statistics = row_statistics + start + offs_m
            # The factor 0 makes the probabilities of rows past the end zero.
            row_max = tl.load(max_ptr + statistics, mask=in_rows, other=0.0)
            norm = tl.load(norm_ptr + statistics, mask=in_rows, other=0.0)
            moves = tl.where(norm == 1.0, 0.0, 1.0)
            delta = tl.load(delta_ptr + statistics, mask=in_rows, other=0.0)
            # Keys down, queries across: both sums over queries are then plain products.
            scores = tl.dot(k, tl.trans(q), input_precision="ieee")
            if CAUSAL:
                seen = start_n + offs_n[:, None] + seq_q - seq_k <= start + offs_m[None, :]
                scores = tl.where(seen, scores, -float("inf"))
            p = tl.exp2((scores - row_max[None, :]) * scale_log2) * norm[None, :]
            dv = tl.dot(p.to(dout.dtype), dout, dv, input_precision="ieee")
            dp = tl.dot(v, tl.trans(dout), input_precision="ieee")
            ds = p * (dp * moves[None, :] - delta[None, :])
            dk = tl.dot(ds.to(q.dtype), q, dk, input_precision="ieee")

    dk_tile = dk_ptr + batch * stride_dkb + head_k * stride_dkh + column * stride_dkt
    dv_tile = dv_ptr + batch * stride_dvb + head_k * stride_dvh + column * stride_dvt
    dk_ptrs = dk_tile + offs_n[:, None] * stride_dkt + offs_d[None, :] * stride_dkd
    dv_ptrs = dv_tile + offs_n[:, None] * stride_dvt + offs_d[None, :] * stride_dvd
    tl.store(dk_ptrs, dk * scale, mask=in_columns[:, None])
    tl.store(dv_ptrs, dv, mask=in_columns[:, None])


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *options: bool | float
    ) -> torch.Tensor:
        causal, scale = options
        batch, heads, seq_q, d = q.shape
        heads_k, seq_k = k.shape[1:3]
        out = torch.empty_like(q)
        row_max = torch.empty((batch, heads, seq_q), dtype=torch.float32, device=q.device)
        norm = torch.empty_like(row_max)
        ctx.save_for_backward(q, k, v, out, row_max, norm)
        ctx.causal, ctx.scale = causal, scale
        if out.numel() == 0:
            return out
        if seq_k == 0:
            row_max.zero_()
            norm.zero_()
            return out.zero_()
        tile = _forward_tile(q, seq_k, causal=causal)
        _forward_kernel[(triton.cdiv(seq_q, tile["BLOCK_M"]) * batch * heads,)](
            q,
            _described(k, tile["BLOCK_N"]),
            _described(v, tile["BLOCK_N"]),
            out,
            row_max,
            norm,
            *q.stride(),
            *out.stride(),
            heads,
            heads // heads_k,
            seq_q,
            seq_k,
            scale * LOG2_E,
            D=d,
            CAUSAL=causal,
            RAGGED=seq_k % tile["BLOCK_N"] != 0,
            **tile,
            num_warps=4,
        )
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        q, k, v, out, row_max, norm = ctx.saved_tensors
        batch, heads, seq_q, d = q.shape
        heads_k, seq_k = k.shape[1:3]
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        if dq.numel() == 0 or dk.numel() == 0:
            return dq.zero_(), dk.zero_(), dv.zero_(), None, None
        delta = torch.empty_like(row_max)
        sizes = (
            heads // heads_k,
            seq_q,
            seq_k,
            triton.next_power_of_2(seq_q),
            triton.next_power_of_2(seq_k),
            ctx.scale,
            ctx.scale * LOG2_E,
        )
        _backward_q_kernel[lambda meta: (triton.cdiv(seq_q, meta["BLOCK_M"]) * batch * heads,)](
            q,
            k,
            v,
            out,
            dout,
            row_max,
            norm,
            delta,
            dq,
            *q.stride(),
            *k.stride(),
            *v.stride(),
            *out.stride(),
            *dout.stride(),
            *dq.stride(),
            heads,
            *sizes,
            D=d,
            CAUSAL=ctx.causal,
        )
        _backward_kv_kernel[lambda meta: (triton.cdiv(seq_k, meta["BLOCK_N"]) * batch * heads_k,)](
            q,
            k,
            v,
            dout,
            row_max,
            norm,
            delta,
            dk,
            dv,
            *q.stride(),
            *k.stride(),
            *v.stride(),
            *dout.stride(),
            *dk.stride(),
            *dv.stride(),
            heads_k,
            *sizes,
            D=d,
            CAUSAL=ctx.causal,
        )
        return dq, dk, dv, None, None


def attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    causal: bool = False,  # noqa: FBT001, FBT002 - the name users know from other attention calls
    scale: float | None = None,
) -> torch.Tensor:
    """Softmax attention that autograd can pass through once.

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
    if scale is None:
        scale = 1.0 / math.sqrt(q.shape[-1])
    if scale <= 0.0:
        raise ValueError(f"scale must be above 0, not {scale}")
    result: torch.Tensor = _Attention.apply(q, k, v, causal, scale)
    return result
