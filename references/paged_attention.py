"""Single-query attention over a paged key and value cache."""

import torch
from torch.nn import functional as F  # noqa: N812 - the name PyTorch's documentation uses

from pytest_tritonbench import choice, derived, dim, task, tensor


def _lengths(g: torch.Generator, b: int, w: int, p: int) -> torch.Tensor:
    return torch.randint(0, w * p + 1, (b,), generator=g, dtype=torch.int32)


def _tables(
    g: torch.Generator, b: int, w: int, p: int, n: int, context_lens: torch.Tensor
) -> torch.Tensor:
    tables = torch.randint(0, n, (b, w), generator=g, dtype=torch.int32)
    behind = torch.arange(w) * p >= context_lens[:, None]
    return tables.masked_fill(behind, -1)


def _moved(
    q: torch.Tensor,
    k_cache: torch.Tensor,
    context_lens: torch.Tensor,
    block_tables: torch.Tensor,
) -> int:
    """Pages that no sequence uses are not read, and those that several share are read once."""
    pages = block_tables[block_tables >= 0].unique().numel()
    tables = context_lens.nbytes + block_tables.nbytes
    return int(2 * q.nbytes + tables + 2 * pages * k_cache[0].nbytes)


def _by_sequence(
    q: torch.Tensor,
    k_cache: torch.Tensor,
    v_cache: torch.Tensor,
    context_lens: torch.Tensor,
    block_tables: torch.Tensor,
    scale: float | None = None,
) -> torch.Tensor:
    """The same, one sequence after the other: in float64 the contexts of all of them are large."""
    rows = [slice(b, b + 1) for b in range(q.shape[0])]
    parts = [
        paged_attention(q[b], k_cache, v_cache, context_lens[b], block_tables[b], scale)
        for b in rows
    ]
    return torch.cat(parts)


@task(
    inputs={
        "q": tensor("b", "g*h", "d"),
        "k_cache": tensor("n", "p", "h", "d"),
        "v_cache": tensor("n", "p", "h", "d"),
        "context_lens": derived(_lengths),
        "block_tables": derived(_tables),
        "scale": choice(None, 0.25),
    },
    dims={
        "b": dim(1, 4),
        "g": dim(1, 5),
        "h": dim(1, 3),
        "d": dim(16, 128, power_of_two=True),
        "n": dim(1, 20),
        "p": dim(1, 33),
        "w": dim(1, 9),
    },
    moved=_moved,
    patterns=("normal", "uniform", "tiny", "spike", "integers"),
    cases=[
        {"b": 3, "g": 2, "h": 2, "d": 32, "n": 9, "p": 16, "w": 3},
        {"b": 2, "g": 1, "h": 1, "d": 64, "n": 20, "p": 16, "w": 17},
        {"b": 2, "g": 5, "h": 1, "d": 16, "n": 7, "p": 5, "w": 4, "k_cache": "transposed"},
        {"b": 3, "g": 2, "h": 1, "d": 32, "n": 20, "p": 32, "w": 16, "dtype": "float32"},
    ],
    sweep=[
        {"b": b, "g": 4, "h": 8, "d": 128, "n": b * w, "p": 16, "w": w, "dtype": "bfloat16"}
        for b in (1, 16, 64)
        for w in (64, 256, 1024)
    ],
    oracle=_by_sequence,
    flops=lambda b, g, h, d, p, w: 4 * b * g * h * d * w * p / 2,
)
def paged_attention(
    q: torch.Tensor,
    k_cache: torch.Tensor,
    v_cache: torch.Tensor,
    context_lens: torch.Tensor,
    block_tables: torch.Tensor,
    scale: float | None = None,
) -> torch.Tensor:
    """Attend from one query per sequence to the context that its pages hold.

    Token ``i`` of sequence ``b`` lies in slot ``i % p`` of page ``block_tables[b, i // p]``.

    Args:
        q: ``(b, g * h, d)``, floating point, any strides; query head ``i`` reads head ``i // g``.
        k_cache: ``(n, p, h, d)``, ``n`` pages of ``p`` tokens, the dtype of ``q``, any strides.
        v_cache: ``(n, p, h, d)``, the dtype of ``q``, any strides.
        context_lens: ``(b,)``, int32: tokens of each context, from 0 to ``w * p``.
        block_tables: ``(b, w)``, int32: the pages of each context; -1 behind its last page.
        scale: Factor of the scores, above 0; ``1 / sqrt(d)`` when absent.

    Returns:
        ``(b, g * h, d)``, the dtype of ``q``; zeros where the context is empty.
    """
    pages = block_tables.long().clamp(min=0)
    group = q.shape[1] // k_cache.shape[2]
    k, v = (
        cache[pages].flatten(1, 2).transpose(1, 2).repeat_interleave(group, dim=1)
        for cache in (k_cache, v_cache)
    )
    held = torch.arange(k.shape[2], device=q.device) < context_lens[:, None]
    rows = q[:, :, None].contiguous()
    mask = held[:, None, None]
    return F.scaled_dot_product_attention(rows, k, v, attn_mask=mask, scale=scale)[:, :, 0]
