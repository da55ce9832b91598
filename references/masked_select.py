"""Elements where a mask is true."""

import torch

from pytest_tritonbench import dim, task, tensor


@task(
    inputs={
        "x": tensor("m", "n", broadcast=True),
        "mask": tensor("m", "n", dtype="bool", broadcast=True),
    },
    dims={"m": dim(0, 200), "n": dim(0, 200)},
    cases=[
        {"m": 4, "n": 128},
        {"m": 33, "n": 257, "x": "transposed"},
        {"m": 70, "n": 65, "mask": "contiguous/0"},
        {"m": 0, "n": 5},
    ],
    sweep=[{"m": 1024, "n": 2**k, "dtype": "float32"} for k in range(8, 17)],
    exact=True,
)
def masked_select(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Elements of ``x`` where ``mask`` is true, in row-major order.

    Args:
        x: ``(m, n)``, either of which may be 1 instead, any strides.
        mask: bool, ``(m, n)``, either of which may be 1 instead, any strides.

    Returns:
        One dimension, as long as there are true elements in the broadcast mask, the dtype of ``x``.
    """
    return torch.masked_select(x, mask)
