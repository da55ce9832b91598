"""Position of the largest element along a dimension."""

from typing import Any

import torch

from pytest_tritonbench import choice, task, tensor


def value_there(inputs: dict[str, Any], output: torch.Tensor) -> torch.Tensor:
    """The elements that an answer points at: equal ones are equally right."""
    x: torch.Tensor = inputs["x"]
    dim = inputs["dim"]
    return x.gather(dim, output.unsqueeze(dim)).squeeze(dim)


@task(
    inputs={"x": tensor("a", "b", "c"), "dim": choice(-1, 0, 1)},
    patterns=("normal", "large", "tiny", "constant", "spike", "integers", "special", "masked"),
    cases=[
        {"a": 3, "b": 5, "c": 64},
        {"a": 2, "b": 2, "c": 5000, "pattern": "special"},
        {"a": 2, "b": 130, "c": 21, "dim": 1, "x": "transposed"},
        {"a": 70, "b": 3, "c": 5, "dim": 0, "pattern": "integers"},
        {"a": 1, "b": 130, "c": 40, "dim": 1, "pattern": "special"},
        {"a": 1, "b": 1, "c": 20011},
    ],
    sweep=[{"a": 1, "b": m, "c": 131072, "dtype": "bfloat16"} for m in (1, 8, 64, 512)]
    + [{"a": 64, "b": 1024, "c": 1024, "dim": d, "dtype": "float32"} for d in (0, 1, -1)],
    canonical=value_there,
)
def argmax(x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Position of the largest element along ``dim``.

    Args:
        x: ``(a, b, c)``, floating point, any strides.
        dim: The dimension that is reduced.

    Returns:
        int64, the shape of ``x`` without ``dim``: a position of the largest element. NaN counts as
        larger than everything.
    """
    return torch.argmax(x, dim)
