"""Scatter new keys and values into a cache and gather a context from it."""

import torch

from pytest_tritonbench import dim, index, task, tensor


@task(
    inputs={
        "key": tensor("t", "h", "d"),
        "value": tensor("t", "h", "d"),
        "key_cache": tensor("s", "h", "d"),
        "value_cache": tensor("s", "h", "d"),
        "destination": index("t", high="s", unique=True, also=(-1,)),
        "context": index("c", high="s"),
    },
    dims={
        "t": dim(0, 24),
        "c": dim(0, 40),
        "s": dim(1, 48),
        "h": dim(1, 5),
        "d": dim(1, 130),
    },
    where=lambda t, s: t <= s,
    cases=[
        {"t": 5, "c": 12, "s": 16, "h": 2, "d": 64},
        {"t": 9, "c": 3, "s": 9, "h": 3, "d": 33, "key": "transposed", "value_cache": "gap"},
        {"t": 2, "c": 4, "s": 7, "h": 9, "d": 128, "key_cache": "transposed"},
        {"t": 0, "c": 2, "s": 3, "h": 1, "d": 8},
    ],
    sweep=[
        {"t": t, "c": 4096, "s": 65536, "h": 8, "d": 128, "dtype": "bfloat16"}
        for t in (1, 16, 256, 4096)
    ],
    # The new tokens and the context are read and written; the rest of the cache stays where it is.
    moved=lambda t, c, h, d: (t + c) * (8 + 2 * 2 * 2 * h * d),
    mutates=("key_cache", "value_cache"),
    exact=True,
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
        destination: ``(t,)``, int64, a different slot in ``[0, s)`` for every token, or -1 for a
            padding token, which is not written.
        context: ``(c,)``, int64, slots in ``[0, s)``, repeats allowed.

    Returns:
        The keys and the values in the slots of ``context`` after the writes, each ``(c, h, d)``.
    """
    written = destination >= 0
    key_cache[destination[written]] = key[written]
    value_cache[destination[written]] = value[written]
    return key_cache[context], value_cache[context]
