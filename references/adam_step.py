"""One step of Adam, in place."""

import math

import torch

from pytest_tritonbench import choice, dim, integer, task, tensor

# A tensor that is written has a place of its own for each element.
WRITABLE = ("contiguous", "transposed", "gap", "strided", "offset")


@task(
    inputs={
        "param": tensor("m", "n", layouts=WRITABLE),
        "grad": tensor("m", "n"),
        "exp_avg": tensor("m", "n", layouts=WRITABLE),
        "exp_avg_sq": tensor("m", "n", layouts=WRITABLE, values=torch.square),
        "step": integer(1, 1000),
        "lr": choice(1e-3, 0.1),
        "beta1": choice(0.9, 0.0),
        "beta2": choice(0.999, 0.95),
        "eps": choice(1e-8, 1e-4),
        "weight_decay": choice(0.0, 0.01),
        "l2_penalty": choice(0.0, 0.01),
    },
    dims={"m": dim(1, 60), "n": dim(1, 300)},
    cases=[
        {"m": 4, "n": 128, "step": 1},
        {"m": 33, "n": 47, "step": 7, "l2_penalty": 0.01},
        {"m": 1, "n": 1025, "step": 100, "weight_decay": 0.01},
        {"m": 5, "n": 9, "step": 3, "param": "transposed", "grad": "gap"},
    ],
    sweep=[{"m": 2**p, "n": 4096, "step": 10, "dtype": "float32"} for p in range(6, 14)],
    flops=lambda m, n: 15 * m * n,
    mutates=("param", "exp_avg", "exp_avg_sq"),
)
def adam_step(  # noqa: PLR0913, PLR0917 - the optimiser's hyperparameters
    param: torch.Tensor,
    grad: torch.Tensor,
    exp_avg: torch.Tensor,
    exp_avg_sq: torch.Tensor,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    l2_penalty: float = 0.0,
) -> None:
    """Update a parameter and its moments in place, computing in float32.

    Args:
        param: The parameter, floating point, any strides. Overwritten.
        grad: The gradient, with the shape and dtype of ``param``.
        exp_avg: Running mean of the gradient, likewise. Overwritten.
        exp_avg_sq: Running mean of the squared gradient, likewise. Overwritten.
        step: How many steps there are with this one, from 1; corrects the moments' bias to zero.
        lr: Learning rate.
        beta1: Decay rate of ``exp_avg``.
        beta2: Decay rate of ``exp_avg_sq``.
        eps: Added to the denominator.
        weight_decay: Subtracted from the parameter as ``lr * weight_decay * param``, outside the
            moments (AdamW).
        l2_penalty: Added to the gradient as ``l2_penalty * param`` (what Adam calls weight decay).
    """
    p, g, avg, avg_sq = (t.float() for t in (param, grad, exp_avg, exp_avg_sq))
    g = g + l2_penalty * p
    avg = beta1 * avg + (1 - beta1) * g
    avg_sq = beta2 * avg_sq + (1 - beta2) * g * g
    denominator = avg_sq.sqrt() / math.sqrt(1 - beta2**step) + eps
    decayed = p * (1 - lr * weight_decay)
    param.copy_(decayed - lr / (1 - beta1**step) * avg / denominator)
    exp_avg.copy_(avg)
    exp_avg_sq.copy_(avg_sq)
