"""When there are enough samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from .interval import Interval

HALF_WIDTH = 0.01
MOST_PAIRS = 4
_MARGIN = 1.3
_SETTLED = 1.15
_IN_REACH = 0.9


class Stop(StrEnum):
    """Why sampling ended."""

    PRECISE = "precise"
    """The interval is as narrow as was asked for."""

    SETTLED = "settled"
    """More samples would hardly make it narrower: what is left is how processes differ."""

    PAIR = "pair"
    """Another pair of processes would make it narrower; no more is to be had of this one."""

    BUDGET = "budget"
    """The time is spent."""

    FULL = "full"
    """There are as many blocks as are of use."""


@dataclass(frozen=True)
class Rule:
    """Ends sampling by the width of the interval, never by where it lies.

    A rule that looked at the verdict would go on until chance gave it the one it waits for. The
    width is looked at once in a while for the same reason: each look is a chance to stop at a
    moment in which the scatter merely seems small.
    """

    half_width: float = HALF_WIDTH
    """Half of the interval's width over its value."""

    budget: float = 5.0
    """Seconds."""

    fewest: int = 8
    """Blocks before the first look."""

    most: int = 200
    """Blocks at which sampling ends in any case."""

    pairs: int = 1
    """Most pairs of processes."""

    growth: float = _MARGIN
    """Blocks at one look over those at the look before."""

    def next_look(self, blocks: int) -> int:
        """Number of blocks at which the interval is worth computing again."""
        due = self.fewest
        while due <= blocks:
            due = max(due + 1, round(due * self.growth))
        return min(due, self.most)

    def stop(
        self, interval: Interval | None, *, blocks: int, spent: float, pairs: int = 1
    ) -> Stop | None:
        """Decide after a block.

        Args:
            interval: Of all samples so far; ``None`` where it was not computed after this block.
            blocks: Blocks of this pair of processes so far.
            spent: Seconds so far.
            pairs: Pairs of processes so far.

        Returns:
            Why to end, or ``None`` to go on. With fewer than two blocks the budget is overdrawn:
            nothing can be said of one.
        """
        if (
            interval is not None
            and blocks >= self.fewest
            and interval.half_width <= self.half_width
        ):
            return Stop.PRECISE
        if (
            interval is not None
            and blocks >= self.fewest
            and interval.half_width <= _SETTLED * interval.floor
        ):
            more = spent < self.budget and self._another(interval, pairs)
            return Stop.PAIR if more else Stop.SETTLED
        if blocks >= self.most:
            return Stop.FULL
        if spent >= self.budget and blocks >= 2:
            return Stop.BUDGET
        return None

    def _another(self, interval: Interval, pairs: int) -> bool:
        """Whether it is worth another pair: the last one allowed would bring the precision."""
        at_best = interval.floor * math.sqrt(pairs / self.pairs)
        return pairs < self.pairs and at_best <= _IN_REACH * self.half_width
