"""Value patterns: the data that a tensor argument is filled with."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

# Large enough that exp overflows float32 and small differences cancel, small enough that a sum of
# a few hundred products still fits the dtype.
_LARGE = {torch.float16: 60.0, torch.float8_e4m3fn: 100.0, torch.float8_e5m2: 100.0}
_LARGE_ELSEWHERE = 300.0
_SPIKE = {torch.float16: 100.0, torch.float8_e4m3fn: 200.0, torch.float8_e5m2: 200.0}
_SPIKE_ELSEWHERE = 1000.0

Shape = tuple[int, ...]


def draw(pattern: str, shape: Shape, dtype: torch.dtype, g: torch.Generator) -> torch.Tensor:
    """Draw values for a floating point tensor.

    Args:
        pattern: One of :data:`pytest_tritonbench.task.case.PATTERNS`.
        shape: Extents.
        dtype: The dtype that the values will be rounded to; it sets what large and tiny mean.
        g: A CPU generator.

    Returns:
        A float64 tensor of ``shape`` whose values are finite in ``dtype``, but for ``special``
        (some ±inf and NaN) and ``masked`` (whole rows of -inf).
    """
    values = _DRAWS[pattern](shape, dtype, g)
    if pattern in ("special", "masked"):
        return values
    limit = torch.finfo(dtype).max
    return values.clamp_(-limit, limit)


def _normal(shape: Shape, _: torch.dtype, g: torch.Generator) -> torch.Tensor:
    return torch.randn(shape, generator=g).double()


def _uniform(shape: Shape, _: torch.dtype, g: torch.Generator) -> torch.Tensor:
    return torch.rand(shape, generator=g).double() * 2 - 1


def _large(shape: Shape, dtype: torch.dtype, g: torch.Generator) -> torch.Tensor:
    return _normal(shape, dtype, g) * _LARGE.get(dtype, _LARGE_ELSEWHERE)


def _tiny(shape: Shape, dtype: torch.dtype, g: torch.Generator) -> torch.Tensor:
    # Around the smallest normal number: about half of the values are denormal.
    return _normal(shape, dtype, g) * torch.finfo(dtype).smallest_normal


def _constant(shape: Shape, _: torch.dtype, g: torch.Generator) -> torch.Tensor:
    value = torch.rand((), generator=g).double() * 2 - 1
    return value.expand(shape).clone()


def _spike(shape: Shape, dtype: torch.dtype, g: torch.Generator) -> torch.Tensor:
    values = _normal(shape, dtype, g)
    if values.numel():
        where = int(torch.randint(values.numel(), (), generator=g))
        values.view(-1)[where] = _SPIKE.get(dtype, _SPIKE_ELSEWHERE)
    return values


def _integers(shape: Shape, _: torch.dtype, g: torch.Generator) -> torch.Tensor:
    return torch.randint(-3, 4, shape, generator=g).double()


def _special(shape: Shape, dtype: torch.dtype, g: torch.Generator) -> torch.Tensor:
    values = _normal(shape, dtype, g)
    for value in (math.inf, -math.inf, math.nan):
        if values.numel():
            where = torch.randint(values.numel(), (1 + values.numel() // 50,), generator=g)
            values.view(-1)[where] = value
    return values


def _masked(shape: Shape, dtype: torch.dtype, g: torch.Generator) -> torch.Tensor:
    values = _normal(shape, dtype, g)
    if values.dim() and values.numel():
        rows = values.view(-1, shape[-1])
        rows[torch.rand(len(rows), generator=g) < 0.25] = -math.inf
        # A row that only begins masked: the running maximum starts at -inf and must recover.
        rows[int(torch.randint(len(rows), (), generator=g)), : shape[-1] // 2] = -math.inf
    return values


_DRAWS: dict[str, Callable[[Shape, torch.dtype, torch.Generator], torch.Tensor]] = {
    "normal": _normal,
    "uniform": _uniform,
    "large": _large,
    "tiny": _tiny,
    "constant": _constant,
    "spike": _spike,
    "integers": _integers,
    "special": _special,
    "masked": _masked,
}
