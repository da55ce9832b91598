"""Causal linear attention with an optional decay."""

import torch

from pytest_tritonbench import dim, task, tensor


def _by_head(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, decay: torch.Tensor | None = None
) -> tuple[torch.Tensor, ...]:
    """The same, one head after the other: in float64 the scores of all of them are large."""
    heads = [slice(h, h + 1) for h in range(q.shape[1])]
    parts = [
        linear_attention(q[:, h], k[:, h], v[:, h], None if decay is None else decay[h])
        for h in heads
    ]
    return tuple(torch.cat(part, dim=1) for part in zip(*parts, strict=True))


@task(
    inputs={
        "q": tensor("b", "h", "t", "d_k"),
        "k": tensor("b", "h", "t", "d_k"),
        "v": tensor("b", "h", "t", "d_v"),
        "decay": tensor("h", dtype="float32", values=torch.sigmoid, optional=True),
    },
    dims={
        "b": dim(1, 2),
        "h": dim(1, 3),
        "t": dim(1, 600),
        "d_k": dim(1, 80),
        "d_v": dim(1, 80),
    },
    patterns=("normal", "uniform", "tiny", "constant", "spike", "integers"),
    cases=[
        # A last tile of two tokens only: the state before it is not yet forgotten.
        {"b": 1, "h": 2, "t": 514, "d_k": 32, "d_v": 16},
        {"b": 2, "h": 1, "t": 65, "d_k": 20, "d_v": 70, "decay": None, "q": "transposed"},
        {"b": 1, "h": 3, "t": 7, "d_k": 64, "d_v": 64},
    ],
    sweep=[
        {"b": 4, "h": 16, "t": 2**n, "d_k": 128, "d_v": 128, "dtype": "bfloat16"}
        for n in range(9, 14)
    ],
    oracle=_by_head,
    flops=lambda b, h, t, d_k, d_v: 2 * b * h * t * (2 * d_k * d_v + 32 * (d_k + d_v)),
)
def linear_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, decay: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Causal linear attention and the state it ends in.

    The output at step ``t`` is the sum over ``s <= t`` of ``decay**(t - s) * (q[t] @ k[s]) * v[s]``
    and the state is the sum over all ``s`` of ``decay**(t_last - s) * outer(k[s], v[s])``.

    Args:
        q: ``(b, h, t, d_k)``, floating point, any strides.
        k: ``(b, h, t, d_k)``, the dtype of ``q``, any strides.
        v: ``(b, h, t, d_v)``, the dtype of ``q``, any strides.
        decay: ``(h,)``, float32, above 0 and at most 1; 1 when absent.

    Returns:
        The output ``(b, h, t, d_v)`` in the dtype of ``q``, and the state after the last token,
        ``(b, h, d_k, d_v)``, float32.
    """
    if decay is None:
        decay = torch.ones(q.shape[1], device=q.device)
    step = torch.arange(q.shape[2], device=q.device)
    lag = (step[:, None] - step).clamp(min=0)
    left = decay.float()[:, None, None] ** lag
    scores = ((q @ k.mT) * left).tril().to(q.dtype)
    faded = (k * left[:, -1, :, None]).to(k.dtype)
    return scores @ v, (faded.mT @ v).float()
