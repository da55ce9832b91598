"""Causal linear attention, in chunks.

Without a softmax, attention is a recurrence: a state ``S <- decay * S + k v^T`` of ``d_k`` by
``d_v`` numbers a head, read by ``o = q S``. Taken in chunks it becomes matrix products. The first
kernel walks over the tokens, a tile at a time, and leaves the state before each chunk of several
tiles; the second, parallel over tiles, adds what the earlier chunks contribute through that state
to what the chunk's own tiles contribute one by one. The longer a chunk, the fewer of the states,
which are larger than its keys and values, go through memory.

Sources: Katharopoulos et al., "Transformers are RNNs", https://arxiv.org/abs/2006.16236; Sun et
al., "Retentive Network", https://arxiv.org/abs/2307.08621 (decay); Yang et al., "Gated Linear
Attention Transformers with Hardware-Efficient Training", https://arxiv.org/abs/2312.06635 (chunks).
"""

from typing import Any

import torch
import triton
import triton.language as tl

TILE = 64  # tokens that are taken at a time
TILES = 2  # of a chunk


def _configs(sizes: tuple[tuple[int, int, int, int], ...]) -> list[triton.Config]:
    return [
        triton.Config({"BLOCK_K": k, "BLOCK_V": v}, num_warps=warps, num_stages=stages)
        for k, v, warps, stages in sizes
    ]


def _pruning(widest: int) -> dict[str, Any]:
    """Keep the blocks that are as wide as the state, 64 by ``widest`` at most, or half as wide."""

    def usual(width: int, most: int) -> set[int]:
        full = min(max(16, triton.next_power_of_2(width)), most)
        return {full, max(16, full // 2)} if width > 32 else {full}

    def fitting(
        configs: list[triton.Config], named_args: dict[str, Any], **_meta: Any
    ) -> list[triton.Config]:
        # float32 takes registers and shared memory twice, and its products are not for wide blocks.
        most = min(widest, 256 // named_args["k_ptr"].element_size())
        k, v = usual(named_args["d_k"], 64), usual(named_args["d_v"], most)
        return [c for c in configs if c.kwargs["BLOCK_K"] in k and c.kwargs["BLOCK_V"] in v]

    return {"early_config_prune": fitting}


NARROW = ((64, 16, 4, 2), (32, 16, 4, 2), (16, 64, 4, 2), (16, 32, 4, 2), (16, 16, 4, 2))
STATE_CONFIGS = _configs(
    (
        (64, 64, 4, 3),
        (64, 64, 4, 4),
        (64, 32, 4, 3),
        (32, 64, 4, 3),
        (32, 32, 4, 3),
        *NARROW,
    )
)
OUTPUT_CONFIGS = _configs(
    (
        (64, 128, 4, 2),
        (64, 128, 8, 2),
        (64, 64, 4, 2),
        (64, 64, 4, 3),
        (64, 32, 4, 2),
        (32, 128, 4, 2),
        (32, 64, 4, 2),
        (32, 32, 4, 2),
        (16, 128, 4, 2),
        *NARROW,
    )
)


@triton.autotune(configs=STATE_CONFIGS, key=["d_k", "d_v"], prune_configs_by=_pruning(64))
@triton.jit
def _state_kernel(
    k_ptr,
    v_ptr,
    decay_ptr,
    states_ptr,
    final_ptr,
    stride_kb,
    stride_kh,
    stride_kt,
    stride_kd,
    stride_vb,
    stride_vh,
    stride_vt,
    stride_vd,
    stride_decay,
    heads,
    length,
    d_k,
    d_v,
    DECAYS: tl.constexpr,
    TILE: tl.constexpr,
    TILES: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_V: tl.constexpr,
):
    """Walk over the tokens with a part of the state, and store it before each chunk."""
    parts_k = tl.cdiv(d_k, BLOCK_K)
    parts_v = tl.cdiv(d_v, BLOCK_V)
    pid = tl.program_id(0)
    row = (pid // (parts_k * parts_v)).to(tl.int64)
    batch = row // heads
    head = row % heads
    offs_k = pid // parts_v % parts_k * BLOCK_K + tl.arange(0, BLOCK_K)
    offs_v = pid % parts_v * BLOCK_V + tl.arange(0, BLOCK_V)
    offs_t = tl.arange(0, TILE)
    in_k = offs_k < d_k
    in_v = offs_v < d_v
    in_state = in_k[:, None] & in_v[None, :]

    k_head = k_ptr + batch * stride_kb + head * stride_kh
    v_head = v_ptr + batch * stride_vb + head * stride_vh
    part = offs_k[:, None] * d_v + offs_v[None, :]
    size = tl.cast(d_k, tl.int64) * d_v
    chunks = tl.cdiv(length, TILE * TILES)
    log_decay = 0.0
    if DECAYS:
        log_decay = tl.log2(tl.load(decay_ptr + head * stride_decay).to(tl.float32))

    state = tl.zeros((BLOCK_K, BLOCK_V), dtype=tl.float32)
    for tile in range(tl.cdiv(length, TILE)):
        if tile % TILES == 0:
            # The other way round than it is delivered: a TF32 product reads its second operand so.
            turned = offs_v[None, :] * d_k + offs_k[:, None]
            tl.store(states_ptr + (row * chunks + tile // TILES) * size + turned, state, in_state)
        start = tile * TILE
        held = tl.minimum(length - start, TILE)
        in_tile = offs_t < held
        k_tile = k_head + tl.cast(start, tl.int64) * stride_kt
        v_tile = v_head + tl.cast(start, tl.int64) * stride_vt
        k_ptrs = k_tile + offs_k[:, None] * stride_kd + offs_t[None, :] * stride_kt
        v_ptrs = v_tile + offs_t[:, None] * stride_vt + offs_v[None, :] * stride_vd
        k = tl.load(k_ptrs, mask=in_k[:, None] & in_tile[None, :], other=0.0)
        v = tl.load(v_ptrs, mask=in_tile[:, None] & in_v[None, :], other=0.0)
        if DECAYS:
            # What is left, at the tile's end, of a token and of the state before the tile.
            lag = tl.maximum(held - 1 - offs_t, 0)
            k = (k.to(tl.float32) * tl.exp2(lag * log_decay)[None, :]).to(v.dtype)
            state *= tl.exp2(held * log_decay)
        state = tl.dot(k, v, state, input_precision="ieee")
    tl.store(final_ptr + row * size + part, state, mask=in_state)


@triton.autotune(configs=OUTPUT_CONFIGS, key=["d_k", "d_v"], prune_configs_by=_pruning(128))
@triton.jit
def _output_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    decay_ptr,
    states_ptr,
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
    stride_decay,
    heads,
    length,
    d_k,
    d_v,
    DECAYS: tl.constexpr,
    STATE_PRECISION: tl.constexpr,
    TILE: tl.constexpr,
    TILES: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_V: tl.constexpr,
):
    """One tile of the output: through the state before its chunk, and from the chunk's tiles."""
    parts_v = tl.cdiv(d_v, BLOCK_V)
    tiles = tl.cdiv(length, TILE)
    pid = tl.program_id(0)
    row = (pid // (parts_v * tiles)).to(tl.int64)
    tile = pid // parts_v % tiles
    chunk = tile // TILES
    batch = row // heads
    head = row % heads
    start = (tile * TILE).to(tl.int64)
    offs_v = pid % parts_v * BLOCK_V + tl.arange(0, BLOCK_V)
    offs_t = tl.arange(0, TILE)
    in_v = offs_v < d_v
    in_tile = start + offs_t < length

    q_tile = q_ptr + batch * stride_qb + head * stride_qh + start * stride_qt
    k_head = k_ptr + batch * stride_kb + head * stride_kh
    v_head = v_ptr + batch * stride_vb + head * stride_vh
    out_tile = out_ptr + batch * stride_ob + head * stride_oh + start * stride_ot
    state = states_ptr + (row * tl.cdiv(tiles, TILES) + chunk) * d_k * d_v

    out = tl.zeros((TILE, BLOCK_V), dtype=tl.float32)
    for first in range(0, d_k, BLOCK_K):
        offs_k = first + tl.arange(0, BLOCK_K)
        in_k = offs_k < d_k
        q_ptrs = q_tile + offs_t[:, None] * stride_qt + offs_k[None, :] * stride_qd
        state_ptrs = state + offs_v[None, :] * d_k + offs_k[:, None]
        q = tl.load(q_ptrs, mask=in_tile[:, None] & in_k[None, :], other=0.0)
        s = tl.load(state_ptrs, mask=in_k[:, None] & in_v[None, :], other=0.0)
        out = tl.dot(q.to(tl.float32), s, out, input_precision=STATE_PRECISION)

    log_decay = 0.0
    if DECAYS:
        log_decay = tl.log2(tl.load(decay_ptr + head * stride_decay).to(tl.float32))
        since = tile % TILES * TILE + offs_t + 1  # the chunk's beginning
        out *= tl.exp2(since * log_decay)[:, None]
    for key_tile in range(tile - tile % TILES, tile + 1):
        at = tl.cast(key_tile * TILE, tl.int64)
        in_keys = at + offs_t < length
        weights = tl.zeros((TILE, TILE), dtype=tl.float32)
        for first in range(0, d_k, BLOCK_K):
            offs_k = first + tl.arange(0, BLOCK_K)
            in_k = offs_k < d_k
            q_ptrs = q_tile + offs_t[:, None] * stride_qt + offs_k[None, :] * stride_qd
            k_ptrs = k_head + offs_k[:, None] * stride_kd + (at + offs_t)[None, :] * stride_kt
            q = tl.load(q_ptrs, mask=in_tile[:, None] & in_k[None, :], other=0.0)
            k = tl.load(k_ptrs, mask=in_k[:, None] & in_keys[None, :], other=0.0)
            weights = tl.dot(q, k, weights, input_precision="ieee")
        lag = (tile - key_tile) * TILE + offs_t[:, None] - offs_t[None, :]
        if DECAYS:
            weights *= tl.exp2(tl.maximum(lag, 0) * log_decay)
        weights = tl.where(lag >= 0, weights, 0.0)
        v_ptrs = v_head + (at + offs_t)[:, None] * stride_vt + offs_v[None, :] * stride_vd
        v = tl.load(v_ptrs, mask=in_keys[:, None] & in_v[None, :], other=0.0)
        out = tl.dot(weights.to(v.dtype), v, out, input_precision="ieee")
    out_ptrs = out_tile + offs_t[:, None] * stride_ot + offs_v[None, :] * stride_od
    tl.store(out_ptrs, out, mask=in_tile[:, None] & in_v[None, :])


def linear_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, decay: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Causal linear attention and the state it ends in.

    Args:
        q: ``(b, h, t, d_k)``, floating point, any strides.
        k: ``(b, h, t, d_k)``, the dtype of ``q``, any strides.
        v: ``(b, h, t, d_v)``, the dtype of ``q``, any strides.
        decay: ``(h,)``, floating point, above 0 and at most 1: what a step leaves of the state;
            all of it when absent.

    Returns:
        The output ``(b, h, t, d_v)``, the dtype of ``q``, with
        ``out[t] = sum(decay**(t - s) * (q[t] @ k[s]) * v[s] for s <= t)``, and the state after the
        last token, ``(b, h, d_k, d_v)``, float32.
    """
    batch, heads, length, d_k = q.shape
    d_v = v.shape[-1]
    out = torch.empty_like(v)
    final = torch.zeros((batch, heads, d_k, d_v), dtype=torch.float32, device=q.device)
    if out.numel() == 0 or final.numel() == 0:
        return out.zero_(), final
    tile = min(TILE, max(16, triton.next_power_of_2(length)))
    chunks = triton.cdiv(length, tile * TILES)
    states = final.new_empty((batch, heads, chunks, d_v, d_k))
    factors, stride_decay = (q, 0) if decay is None else (decay, decay.stride(0))

    def state_grid(meta: dict[str, Any]) -> tuple[int]:
        parts = triton.cdiv(d_k, meta["BLOCK_K"]) * triton.cdiv(d_v, meta["BLOCK_V"])
        return (batch * heads * parts,)

    def output_grid(meta: dict[str, Any]) -> tuple[int]:
        return (batch * heads * triton.cdiv(length, tile) * triton.cdiv(d_v, meta["BLOCK_V"]),)

    _state_kernel[state_grid](
        k,
        v,
        factors,
        states,
        final,
        *k.stride(),
        *v.stride(),
        stride_decay,
        heads,
        length,
        d_k,
        d_v,
        DECAYS=decay is not None,
        TILE=tile,
        TILES=TILES,
    )
    _output_kernel[output_grid](
        q,
        k,
        v,
        factors,
        states,
        out,
        *q.stride(),
        *k.stride(),
        *v.stride(),
        *out.stride(),
        stride_decay,
        heads,
        length,
        d_k,
        d_v,
        DECAYS=decay is not None,
        # A float16 or bfloat16 query is exact in TF32, and the state keeps float32's range there.
        STATE_PRECISION="ieee" if q.dtype == torch.float32 else "tf32",
        TILE=tile,
        TILES=TILES,
    )
    return out, final
