"""Conversion to float8 with a scale."""

import torch

from pytest_tritonbench import dim, task, tensor, uniform


@task(
    inputs={
        "x": tensor("m", "n"),
        "scale": tensor("m", dtype="float32", values=uniform(0.1, 300.0), broadcast=True),
    },
    dims={"m": dim(1, 60), "n": dim(1, 300)},
    cases=[{"m": 4, "n": 128}, {"m": 3, "n": 1025}, {"m": 33, "n": 3}],
    sweep=[{"m": 4096, "n": 2**p, "dtype": "bfloat16"} for p in range(8, 15)],
    flops=lambda m, n: 2 * m * n,
    exact=True,
)
def cast_fp8(x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Multiply by a scale and convert to float8 (e4m3fn), saturating at its largest value, 448.

    Args:
        x: ``(m, n)``, floating point, any strides.
        scale: ``(1,)`` for one scale or ``(m,)`` for one a row, float32.

    Returns:
        ``(m, n)``, float8_e4m3fn: ``x * scale`` in float32, clamped to [-448, 448] and rounded to
        nearest, ties to even. NaN stays NaN.
    """
    return (x.float() * scale[:, None]).clamp(-448, 448).to(torch.float8_e4m3fn)
