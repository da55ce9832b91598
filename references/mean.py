"""Mean over a dimension."""

import torch

from pytest_tritonbench import choice, task, tensor


@task(
    inputs={
        "x": tensor("a", "b", "c"),
        "dim": choice(-1, 0, 1),
        "keepdim": choice(False, True),  # noqa: FBT003 - the values of a flag
    },
    cases=[
        {"a": 3, "b": 5, "c": 64},
        {"a": 2, "b": 2, "c": 5000, "x": "gap"},
        {"a": 2, "b": 130, "c": 21, "dim": 1, "x": "transposed", "keepdim": True},
        {"a": 70, "b": 3, "c": 5, "dim": 0},
        {"a": 1, "b": 1, "c": 20011},
    ],
    sweep=[{"a": 1, "b": 2 ** (24 - k), "c": 2**k, "dtype": "float16"} for k in range(8, 25, 4)]
    + [{"a": 64, "b": 1024, "c": 1024, "dim": d, "dtype": "float32"} for d in (0, 1)],
    flops=lambda a, b, c: a * b * c,
)
def mean(x: torch.Tensor, dim: int, keepdim: bool = False) -> torch.Tensor:  # noqa: FBT001, FBT002 - torch's signature
    """Mean over ``dim``.

    Args:
        x: ``(a, b, c)``, floating point, any strides.
        dim: The dimension that is averaged.
        keepdim: Whether the result keeps ``dim`` with size one.

    Returns:
        The shape of ``x`` without ``dim`` (or with size one there), the dtype of ``x``; added up in
        float32 at least.
    """
    return torch.mean(x, dim, keepdim)
