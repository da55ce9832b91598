"""Move keys and values between packed tokens and the slots of a cache.

Serving engines keep the cache as one pool of slots and give every new token a slot number: the new
keys and values are scattered there, and a context is gathered back in its own order. Both ways are
the same copy of ``heads * dim`` numbers with an index on one side. The layout is that of paged
attention: Kwon et al., "Efficient Memory Management for Large Language Model Serving with
PagedAttention" (arXiv:2309.06180).
"""

import torch
import triton
import triton.language as tl


@triton.jit
def _copy(
    key_from,
    value_from,
    key_to,
    value_to,
    index,
    kf_token,
    kf_head,
    kf_dim,
    vf_token,
    vf_head,
    vf_dim,
    kt_token,
    kt_head,
    kt_dim,
    vt_token,
    vt_head,
    vt_dim,
    count,
    heads,
    dim,
    SCATTER: tl.constexpr,
    TOKENS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    tokens = tl.program_id(0).to(tl.int64) * TOKENS + tl.arange(0, TOKENS)
    flat = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    slots = tl.load(index + tokens, mask=tokens < count, other=-1).to(tl.int64)
    inside = (slots[:, None] >= 0) & (flat[None, :] < heads * dim)
    head = (flat // dim).to(tl.int64)[None, :]
    lane = (flat % dim).to(tl.int64)[None, :]
    source = slots[:, None]
    target = tokens[:, None]
    if SCATTER:
        source = tokens[:, None]
        target = slots[:, None]

    key = tl.load(key_from + source * kf_token + head * kf_head + lane * kf_dim, mask=inside)
    value = tl.load(value_from + source * vf_token + head * vf_head + lane * vf_dim, mask=inside)
    tl.store(key_to + target * kt_token + head * kt_head + lane * kt_dim, key, mask=inside)
    tl.store(value_to + target * vt_token + head * vt_head + lane * vt_dim, value, mask=inside)


def _launch(
    pair_from: tuple[torch.Tensor, torch.Tensor],
    pair_to: tuple[torch.Tensor, torch.Tensor],
    index: torch.Tensor,
    scatter: bool,  # noqa: FBT001 - the direction of one copy
) -> None:
    count = index.shape[0]
    _, heads, dim = pair_from[0].shape
    if not count * heads * dim:
        return
    block = min(triton.next_power_of_2(heads * dim), 1024)
    tokens = max(1, min(16, 1024 // block))
    _copy[(triton.cdiv(count, tokens), triton.cdiv(heads * dim, block))](
        *pair_from,
        *pair_to,
        index.contiguous(),
        *pair_from[0].stride(),
        *pair_from[1].stride(),
        *pair_to[0].stride(),
        *pair_to[1].stride(),
        count,
        heads,
        dim,
        SCATTER=scatter,
        TOKENS=tokens,
        BLOCK=block,
    )


def kv_cache_copy(
    key: torch.Tensor,
    value: torch.Tensor,
    key_cache: torch.Tensor,
    value_cache: torch.Tensor,
    destination: torch.Tensor,
    context: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Write new keys and values into their cache slots, then read a context back.

    Args:
        key: ``(t, h, d)``, the keys of new tokens, any strides.
        value: ``(t, h, d)``, their values, any strides.
        key_cache: ``(s, h, d)``, changed in place: slot ``destination[i]`` becomes ``key[i]``.
        value_cache: ``(s, h, d)``, changed in place likewise.
        destination: ``(t,)``, a different slot in ``[0, s)`` for every token, or -1 for a padding
            token, which is not written.
        context: ``(c,)``, slots in ``[0, s)``, repeats allowed.

    Returns:
        The keys and the values in the slots of ``context`` after the writes, each ``(c, h, d)``.
    """
    _launch((key, value), (key_cache, value_cache), destination, scatter=True)
    shape = (context.shape[0], *key_cache.shape[1:])
    keys = torch.empty(shape, dtype=key_cache.dtype, device=key_cache.device)
    values = torch.empty(shape, dtype=value_cache.dtype, device=value_cache.device)
    _launch((key_cache, value_cache), (keys, values), context, scatter=False)
    return keys, values
