"""How a sweep's numbers are written."""

from __future__ import annotations

import math
from typing import Any

THIN = "\N{NARROW NO-BREAK SPACE}"
TIMES = "\N{MULTIPLICATION SIGN}"

_KIBI = 1024


def rate(value: float) -> str:
    """Three digits, or all of them before the point: 4,022, 83.2, 0.046."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def duration(ms: float) -> str:
    """A time with the unit that suits it."""
    if ms >= 1000:
        return f"{rate(ms / 1000)}{THIN}s"
    return f"{rate(ms)}{THIN}ms" if ms >= 1 else f"{rate(1000 * ms)}{THIN}µs"


def percent(share: float) -> str:
    """A share in percent, with two digits."""
    if share < 0.001:
        return f"<{THIN}0.1{THIN}%"
    return f"{100 * share:.{0 if share >= 0.1 else 1}f}{THIN}%"


def ratio(value: float) -> str:
    """A ratio, as 1.93 times."""
    return f"{value:.2f}{TIMES}" if value < 100 else f"{value:,.0f}{TIMES}"


def exact(value: Any) -> str:
    """A parameter's value, as it is."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def size(value: float) -> str:
    """A size below the axis: 4096, 16k, 1M; a multiple of 1024 is shortened from 10,000 on."""
    if not isinstance(value, int) or value < 10_000 or value % _KIBI:
        return exact(value)
    thousands = value // _KIBI
    if thousands % _KIBI == 0:
        return f"{thousands // _KIBI}M"
    return f"{thousands}k"
