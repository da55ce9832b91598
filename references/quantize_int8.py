"""Row-wise quantisation to int8."""

from typing import Any

import torch

from pytest_tritonbench import dim, task, tensor


def wrong(inputs: dict[str, Any], output: tuple[torch.Tensor, torch.Tensor]) -> str | None:
    """Judge by what defines the answer: a code that is half-way may be rounded either way."""
    x = inputs["x"].double().cpu()
    q, scale = (o.double().cpu() for o in output)
    tiny = torch.finfo(torch.float32).tiny
    ideal = (x.abs().amax(dim=1) / 127).clamp_min(tiny)
    # A few roundings to float32.
    off = (scale - ideal).abs()
    if not bool((off <= ideal * 2**-21).all()):
        return f"a scale is {float(off.max()):.3g} off the row's largest magnitude over 127"
    if not bool((q.abs() <= 127).all()):
        return "a code is outside [-127, 127]"
    distance = (x / scale[:, None] - q).abs()
    if not bool((distance <= 0.5 + 127 * 2**-22).all()):
        return f"a code is {float(distance.max()):.3g} steps away from its value"
    return None


@task(
    inputs={"x": tensor("m", "n")},
    dims={"n": dim(1, 300)},
    cases=[{"m": 4, "n": 128}, {"m": 3, "n": 257}, {"m": 2, "n": 1}, {"m": 1, "n": 17001}],
    sweep=[{"m": 4096, "n": 2**p, "dtype": "float16"} for p in range(8, 16)],
    flops=lambda m, n: 4 * m * n,
    check=wrong,
)
def quantize_int8(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Quantise each row of a matrix to int8, symmetrically, with a scale of its own.

    Args:
        x: ``(m, n)``, floating point, finite, any strides.

    Returns:
        ``q``: ``(m, n)``, int8 in [-127, 127], the integers nearest to ``x / scale``.
        ``scale``: ``(m,)``, float32: the row's largest magnitude over 127, at least the smallest
        normal float32, so that a row of zeros gives zeros.
    """
    largest = x.float().abs().amax(dim=1)
    scale = (largest / 127).clamp_min(torch.finfo(torch.float32).tiny)
    q = (x.float() / scale[:, None]).round().clamp(-127, 127)
    return q.to(torch.int8), scale
