"""Rotary position embedding of queries and keys in one launch.

Every pair ``(x[i], x[i + r])`` of a head is turned by an angle that grows with the token's
position, so that the dot product of a query and a key depends on their distance alone. The pairs
are the two halves of the rotated part, as in GPT-NeoX and Llama; what lies behind it is copied.

Source: Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding",
https://arxiv.org/abs/2104.09864.
"""

import torch
import triton
import triton.language as tl


@triton.jit
def _rotate_heads(
    x_ptr,
    out_ptr,
    stride_xh,
    stride_xd,
    stride_oh,
    stride_od,
    cos,
    sin,
    heads,
    head_offsets,
    half_offsets,
    rest_offsets,
    R: tl.constexpr,
    D: tl.constexpr,
):
    head = head_offsets[:, None]
    # The last block of heads and a wide gap between heads can both be large: 64-bit offsets.
    x_row = x_ptr + head.to(tl.int64) * stride_xh
    out_row = out_ptr + head.to(tl.int64) * stride_oh

    column = half_offsets[None, :]
    mask = (head < heads) & (column < R)
    first = tl.load(x_row + column * stride_xd, mask=mask, other=0.0).to(tl.float32)
    second = tl.load(x_row + (column + R) * stride_xd, mask=mask, other=0.0).to(tl.float32)
    turned_first = first * cos[None, :] - second * sin[None, :]
    turned_second = second * cos[None, :] + first * sin[None, :]
    tl.store(out_row + column * stride_od, turned_first, mask=mask)
    tl.store(out_row + (column + R) * stride_od, turned_second, mask=mask)

    if 2 * R < D:
        column = 2 * R + rest_offsets[None, :]
        mask = (head < heads) & (column < D)
        rest = tl.load(x_row + column * stride_xd, mask=mask, other=0.0)
        tl.store(out_row + column * stride_od, rest, mask=mask)


@triton.jit
def _rotary_kernel(
    q_ptr,
    k_ptr,
    q_out_ptr,
    k_out_ptr,
    cos_ptr,
    sin_ptr,
    positions_ptr,
    tokens,
    heads_q,
    heads_k,
    stride_qb,
    stride_qt,
    stride_qh,
    stride_qd,
    stride_kb,
    stride_kt,
    stride_kh,
    stride_kd,
    stride_qob,
    stride_qot,
    stride_qoh,
    stride_qod,
    stride_kob,
    stride_kot,
    stride_koh,
    stride_kod,
    stride_cp,
    stride_cr,
    stride_sp,
    stride_sr,
    stride_pb,
    stride_pt,
    R: tl.constexpr,
    D: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_R: tl.constexpr,
    BLOCK_REST: tl.constexpr,
):
    pid = tl.program_id(0)
    batch = (pid // tokens).to(tl.int64)
    token = (pid % tokens).to(tl.int64)
    block = tl.program_id(1)
    q_blocks = tl.cdiv(heads_q, BLOCK_H)

    half_offsets = tl.arange(0, BLOCK_R)
    rest_offsets = tl.arange(0, BLOCK_REST)
    position = tl.load(positions_ptr + batch * stride_pb + token * stride_pt).to(tl.int64)
    in_half = half_offsets < R
    cos = tl.load(
        cos_ptr + position * stride_cp + half_offsets * stride_cr, mask=in_half, other=0.0
    )
    sin = tl.load(
        sin_ptr + position * stride_sp + half_offsets * stride_sr, mask=in_half, other=0.0
    )
    cos = cos.to(tl.float32)
    sin = sin.to(tl.float32)

    # Queries and keys share the table row: the first programs of a token take the query heads.
    if block < q_blocks:
        _rotate_heads(
            q_ptr + batch * stride_qb + token * stride_qt,
            q_out_ptr + batch * stride_qob + token * stride_qot,
            stride_qh,
            stride_qd,
            stride_qoh,
            stride_qod,
            cos,
            sin,
            heads_q,
            block * BLOCK_H + tl.arange(0, BLOCK_H),
            half_offsets,
            rest_offsets,
            R,
            D,
        )
    else:
        _rotate_heads(
            k_ptr + batch * stride_kb + token * stride_kt,
            k_out_ptr + batch * stride_kob + token * stride_kot,
            stride_kh,
            stride_kd,
            stride_koh,
            stride_kod,
            cos,
            sin,
            heads_k,
            (block - q_blocks) * BLOCK_H + tl.arange(0, BLOCK_H),
            half_offsets,
            rest_offsets,
            R,
            D,
        )


def rotary_embedding(
    q: torch.Tensor,
    k: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    positions: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rotate queries and keys by their positions.

    Args:
        q: ``(b, t, h_q, d)``, floating point, any strides.
        k: ``(b, t, h_k, d)``, the dtype of ``q``, any strides.
        cos: ``(p, r)`` with ``2 * r <= d``: the cosine of every position's angles.
        sin: ``(p, r)``: the sines.
        positions: ``(b, t)``, int64 or int32: each token's row in the tables.

    Returns:
        The rotated queries and keys, new tensors of the shapes and dtype of ``q`` and ``k``. The
        first ``2 * r`` columns of a head are rotated, the others are copied.
    """
    batch, tokens, heads_q, d = q.shape
    heads_k = k.shape[2]
    r = cos.shape[1]
    q_out, k_out = torch.empty_like(q), torch.empty_like(k)
    if q_out.numel() + k_out.numel() == 0:
        return q_out, k_out
    block_r = triton.next_power_of_2(max(r, 1))
    # Eight heads a program, more of short ones: of small programs a multiprocessor has many, whose
    # loads are on the way together.
    block_h = min(triton.next_power_of_2(max(heads_q, heads_k)), max(8, 256 // block_r))
    grid = (batch * tokens, triton.cdiv(heads_q, block_h) + triton.cdiv(heads_k, block_h))
    _rotary_kernel[grid](
        q,
        k,
        q_out,
        k_out,
        cos,
        sin,
        positions,
        tokens,
        heads_q,
        heads_k,
        *q.stride(),
        *k.stride(),
        *q_out.stride(),
        *k_out.stride(),
        *cos.stride(),
        *sin.stride(),
        *positions.stride(),
        R=r,
        D=d,
        BLOCK_H=block_h,
        BLOCK_R=block_r,
        BLOCK_REST=triton.next_power_of_2(max(d - 2 * r, 1)),
        num_warps=2 if block_h * block_r >= 256 else 1,
    )
    return q_out, k_out
