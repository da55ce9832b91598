"""Largest element along a dimension and its position."""

from typing import Any

import torch

from pytest_tritonbench import choice, task, tensor


def values_twice(
    inputs: dict[str, Any], output: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The values, and the elements that the positions point at: equal ones are equally right."""
    values, indices = output
    dim = inputs["dim"]
    return values, inputs["x"].gather(dim, indices.unsqueeze(dim)).squeeze(dim)


@task(
    inputs={"x": tensor("a", "b", "c"), "dim": choice(-1, 0, 1)},
    patterns=("normal", "large", "tiny", "constant", "spike", "integers", "special", "masked"),
    cases=[
        {"a": 3, "b": 5, "c": 64},
        {"a": 2, "b": 2, "c": 5000, "pattern": "special"},
        {"a": 2, "b": 130, "c": 21, "dim": 1, "x": "transposed"},
        {"a": 1, "b": 130, "c": 40, "dim": 1, "pattern": "special"},
        {"a": 70, "b": 3, "c": 5, "dim": 0, "pattern": "masked"},
    ],
    sweep=[{"a": 1, "b": 8192, "c": 2**k, "dtype": "bfloat16"} for k in range(8, 15)]
    + [{"a": 64, "b": 1024, "c": 1024, "dim": d, "dtype": "float32"} for d in (0, 1)],
    canonical=values_twice,
)
def max(  # noqa: A001 - the name that torch gives this operator
    x: torch.Tensor, dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Largest elements along ``dim`` and their positions.

    Args:
        x: ``(a, b, c)``, floating point, any strides.
        dim: The dimension that is reduced.

    Returns:
        The values, of the dtype of ``x``, and their positions, int64, both of the shape of ``x``
        without ``dim``. NaN counts as larger than everything.
    """
    values, indices = torch.max(x, dim)
    return values, indices
