"""Backward of selecting rows by index."""

import torch

from pytest_tritonbench import dim, index, integer, task, tensor


@task(
    inputs={
        "grad": tensor("m", "d"),
        "index": index("m", high="v"),
        "num_rows": integer("v", "v"),
    },
    dims={"m": dim(0, 200), "d": dim(1, 200), "v": dim(1, 64)},
    cases=[
        {"m": 24, "d": 64, "v": 16, "num_rows": 16},
        {"m": 70, "d": 33, "v": 3, "num_rows": 3, "grad": "transposed"},
        {"m": 5, "d": 600, "v": 9, "num_rows": 9},
        {"m": 0, "d": 5, "v": 4, "num_rows": 4},
    ],
    sweep=[
        {"m": 2**k, "d": 1024, "v": 4096, "num_rows": 4096, "dtype": "bfloat16"}
        for k in range(10, 18)
    ],
    flops=lambda m, d: m * d,
)
def index_select_backward(grad: torch.Tensor, index: torch.Tensor, num_rows: int) -> torch.Tensor:
    """Gradient of ``x`` in ``y = x[index]``, given the gradient of ``y``.

    Args:
        grad: ``(m, d)``, floating point, any strides.
        index: ``(m,)``, int64, in ``[0, num_rows)``, repeats allowed.
        num_rows: The number of rows of ``x``.

    Returns:
        ``(num_rows, d)``, the dtype of ``grad``: row ``r`` is the sum of ``grad[i]`` over all ``i``
        with ``index[i] == r``, added up in float32 at least.
    """
    out = torch.zeros((num_rows, grad.shape[1]), dtype=torch.float32, device=grad.device)
    return out.index_add(0, index, grad.float()).to(grad.dtype)
