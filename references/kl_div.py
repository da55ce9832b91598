"""Kullback-Leibler divergence of rows."""

import torch
from torch.nn import functional as F  # noqa: N812 - the name PyTorch's documentation uses

from pytest_tritonbench import choice, dim, task, tensor


@task(
    inputs={
        "log_q": tensor("m", "n", values=lambda z: torch.log_softmax(z, -1)),
        "target": tensor("m", "n", values=lambda z: torch.softmax(z, -1)),
        "reduction": choice("batchmean", "sum", "row"),
        "log_target": choice(False, True),  # noqa: FBT003 - the values of a flag
    },
    dims={"m": dim(1, 100)},
    cases=[
        {"m": 6, "n": 128},
        {"m": 17, "n": 257, "log_target": True, "target": "transposed"},
        {"m": 2, "n": 4500, "reduction": "row"},
        {"m": 40, "n": 10, "reduction": "sum", "log_q": "strided"},
    ],
    sweep=[{"m": 4096, "n": 2**k, "dtype": "bfloat16"} for k in range(10, 18)],
    flops=lambda m, n: 4 * m * n,
    gradients=("log_q", "target"),
)
def kl_div(
    log_q: torch.Tensor,
    target: torch.Tensor,
    reduction: str = "batchmean",
    log_target: bool = False,  # noqa: FBT001, FBT002 - the signature of torch.nn.functional.kl_div
) -> torch.Tensor:
    """KL divergence of ``exp(log_q)`` from ``target``, row by row.

    Args:
        log_q: ``(m, n)``, log-probabilities, floating point, any strides.
        target: ``(m, n)``, probabilities, or log-probabilities if ``log_target``, any strides.
        reduction: ``"batchmean"`` (the sum over everything divided by ``m``), ``"sum"``, or
            ``"row"`` for one value a row.
        log_target: Whether ``target`` is given as logarithms.

    Returns:
        A scalar, or ``(m,)`` for ``"row"``, the dtype of ``log_q``, computed in float32 at least;
        differentiable in both tensors.
    """
    terms = F.kl_div(log_q.float(), target.float(), reduction="none", log_target=log_target)
    rows = terms.sum(-1)
    if reduction == "batchmean":
        rows = rows.sum() / rows.shape[0]
    elif reduction == "sum":
        rows = rows.sum()
    return rows.to(log_q.dtype)
