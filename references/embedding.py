"""Embedding lookup."""

import torch
from torch.nn import functional as F  # noqa: N812 - the name PyTorch's documentation uses

from pytest_tritonbench import choice, dim, index, task, tensor


def _moved(indices: torch.Tensor, weight: torch.Tensor) -> int:
    """The rows that are looked up are read once each, not the whole table."""
    rows = int(indices.unique().numel()) + indices.numel()
    return int(indices.nbytes) + rows * weight.shape[1] * weight.itemsize


@task(
    inputs={
        "indices": index("b", "s", high="v"),
        "weight": tensor("v", "d"),
        "padding_idx": choice(None, 0, -1),
    },
    dims={"b": dim(0, 16), "s": dim(0, 40)},
    cases=[
        {"b": 3, "s": 5, "v": 20, "d": 64},
        {"b": 2, "s": 9, "v": 4, "d": 129, "padding_idx": 0, "weight": "transposed"},
        {"b": 1, "s": 3, "v": 7, "d": 2100, "padding_idx": -1, "indices": "strided"},
        {"b": 0, "s": 3, "v": 7, "d": 5},
    ],
    sweep=[{"b": 8, "s": 2048, "v": 2**k, "d": 1024, "dtype": "bfloat16"} for k in range(12, 18)],
    moved=_moved,
    gradients=("weight",),
)
def embedding(
    indices: torch.Tensor, weight: torch.Tensor, padding_idx: int | None = None
) -> torch.Tensor:
    """Look up rows of a table.

    Args:
        indices: ``(b, s)``, int64, in ``[0, v)``, any strides.
        weight: ``(v, d)``, floating point, any strides.
        padding_idx: A row whose gradient stays zero; negative counts from the end.

    Returns:
        ``(b, s, d)``, the dtype of ``weight``; differentiable in ``weight``.
    """
    return F.embedding(indices, weight, padding_idx)
