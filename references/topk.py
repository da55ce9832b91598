"""The k largest elements of every row."""

from typing import Any

import torch

from pytest_tritonbench import dim, integer, task, tensor


def values_twice(
    inputs: dict[str, Any], output: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The values, the elements that the positions point at, and whether no position comes twice."""
    values, indices = output
    distinct = (indices.sort(-1).values.diff(dim=-1) != 0).all(-1)
    return values, inputs["x"].gather(-1, indices), distinct


@task(
    inputs={"x": tensor("m", "n"), "k": integer(1, "n")},
    dims={"m": dim(0, 64)},
    patterns=("normal", "large", "tiny", "constant", "spike", "integers", "special", "masked"),
    cases=[
        {"m": 4, "n": 64, "k": 8},
        {"m": 3, "n": 257, "k": 5, "x": "transposed", "pattern": "special"},
        {"m": 1, "n": 2500, "k": 3},
        {"m": 2, "n": 9001, "k": 5},
        {"m": 5, "n": 10, "k": 10, "pattern": "integers"},
    ],
    sweep=[{"m": 4096, "n": 128, "k": 8, "dtype": "float32"}]
    + [{"m": 64, "n": 131072, "k": k, "dtype": "bfloat16"} for k in (1, 8, 64)],
    canonical=values_twice,
)
def topk(x: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The ``k`` largest elements along the last dimension, largest first.

    Args:
        x: ``(m, n)``, floating point, any strides.
        k: From 1 to ``n``.

    Returns:
        The values, ``(m, k)``, of the dtype of ``x``, and their positions, int64. NaN counts as
        larger than everything; the order of equal values is free.
    """
    # PyTorch's sort on a GPU puts a NaN with its sign bit set last; one without comes first.
    values, indices = torch.topk(torch.where(x.isnan(), torch.nan, x), k)
    return values, indices
