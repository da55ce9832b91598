"""From values to pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_TICKS = 5


@dataclass(frozen=True)
class Vertical:
    """Values upwards, from 0, or between powers of ten."""

    low: float
    high: float
    ticks: tuple[float, ...]
    top: float
    bottom: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Where a value lies; what is outside lies on the edge."""
        if self.logarithmic:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.bottom - (self.bottom - self.top) * min(1.0, max(0.0, share)), 2)


def from_zero(highest: float, top: float, bottom: float) -> Vertical:
    """Scale for rates: from 0 to a round number not below the highest value."""
    rough = highest / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(s for s in _STEPS if s * power >= rough * (1 - 1e-9))
    count = math.ceil(highest / step - 1e-9)
    ticks = tuple(step * i for i in range(count + 1))
    return Vertical(0.0, ticks[-1], ticks, top, bottom)


def by_decades(lowest: float, highest: float, top: float, bottom: float) -> Vertical:
    """Scale for times: whole powers of ten around all values."""
    first = math.floor(math.log10(lowest) + 1e-9)
    last = max(first + 1, math.ceil(math.log10(highest) - 1e-9))
    every = max(1, (last - first) // _TICKS)
    ticks = tuple(10.0**power for power in range(first, last + 1, every))
    return Vertical(10.0**first, 10.0**last, ticks, top, bottom, logarithmic=True)


@dataclass(frozen=True)
class Horizontal:
    """Sizes from the left, each doubling the same way; or places side by side."""

    low: float
    high: float
    left: float
    right: float
    logarithmic: bool

    def at(self, x: float) -> float:
        """Where a size lies."""
        if self.logarithmic:
            share = math.log(x / self.low) / math.log(self.high / self.low)
        else:
            share = (x - self.low) / (self.high - self.low)
        return round(self.left + (self.right - self.left) * share, 2)


def along(places: Sequence[float], left: float, right: float, *, doubling: bool) -> Horizontal:
    """Scale of a panel.

    Args:
        places: From the left; at least one.
        left: Pixels.
        right: Pixels.
        doubling: Whether they are sizes of a curve, at least two and all above 0.
    """
    if doubling:
        # Points do not sit on the frame.
        margin = (places[-1] / places[0]) ** 0.04
        return Horizontal(places[0] / margin, places[-1] * margin, left, right, logarithmic=True)
    return Horizontal(-0.5, len(places) - 0.5, left, right, logarithmic=False)


def readable(positions: Sequence[float], width: float) -> tuple[int, ...]:
    """Numbers of the labels of a width that do not run into each other; the last is one of them."""
    kept: list[int] = []
    for number in reversed(range(len(positions))):
        if not kept or positions[kept[-1]] - positions[number] >= width:
            kept.append(number)
    return tuple(reversed(kept))
