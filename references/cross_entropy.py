"""Cross-entropy of logits against class labels."""

import torch
from torch.nn import functional as F  # noqa: N812 - the name PyTorch's documentation uses

from pytest_tritonbench import choice, derived, dim, task, tensor


def labels(g: torch.Generator, m: int, n: int, ignore_index: int) -> torch.Tensor:
    """Class labels of which about one in eight is to be ignored."""
    drawn = torch.randint(0, n, (m,), generator=g)
    return drawn.masked_fill(torch.rand(m, generator=g) < 0.125, ignore_index)


@task(
    inputs={
        "logits": tensor("m", "n"),
        "target": derived(labels),
        "ignore_index": choice(-100, 0),
        "label_smoothing": choice(0.0, 0.1, 1.0),
        "reduction": choice("mean", "sum", "none"),
    },
    dims={"m": dim(0, 100)},
    cases=[
        {"m": 6, "n": 128},
        {"m": 17, "n": 257, "label_smoothing": 0.1, "logits": "transposed"},
        {"m": 2, "n": 4500, "reduction": "none", "pattern": "large"},
        {"m": 40, "n": 10, "reduction": "sum", "ignore_index": 0},
        {"m": 0, "n": 5},
    ],
    sweep=[{"m": 4096, "n": 2**k, "dtype": "bfloat16"} for k in range(10, 18)],
    flops=lambda m, n: 6 * m * n,
    gradients=("logits",),
)
def cross_entropy(
    logits: torch.Tensor,
    target: torch.Tensor,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> torch.Tensor:
    """Cross-entropy between rows of logits and integer class labels.

    Args:
        logits: ``(m, n)``, floating point, any strides.
        target: ``(m,)``, int64, labels in ``[0, n)`` or ``ignore_index``.
        ignore_index: Rows with this label add nothing to the loss and get a zero gradient.
        label_smoothing: Weight in ``[0, 1]`` of the uniform distribution in the wanted one.
        reduction: ``"mean"`` over the rows that are not ignored, ``"sum"`` or ``"none"``.

    Returns:
        A scalar, or ``(m,)`` for ``"none"``, the dtype of ``logits``, computed in float32 at least;
        differentiable in ``logits``.
    """
    loss = F.cross_entropy(
        logits.float(),
        target,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    return loss.to(logits.dtype)
