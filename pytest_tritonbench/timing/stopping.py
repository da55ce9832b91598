"""When there are enough samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .interval import Interval

HALF_WIDTH = 0.01
MOST_PAIRS = 6
_USUALLY_ENOUGH = 4
_MARGIN = 1.3
_SETTLED = 1.15
_IN_REACH = 0.9
_FAR = 5.0
_NEAR = 0.05
_CONFIRMS = 3


class Stop(StrEnum):
    """Why sampling ended."""

    PRECISE = "precise"
    """The interval is as narrow as was asked for."""

    SETTLED = "settled"
    """More samples would hardly make it narrower: what is left is how processes differ."""

    PAIR = "pair"
    """Another pair of processes would tell more; no more is to be had of this one."""

    BUDGET = "budget"
    """The time is spent."""

    FULL = "full"
    """There are as many blocks as are of use."""


@dataclass(frozen=True)
class Rule:
    """Ends the samples of a pair of processes by the interval's width, never by where it lies.

    A rule that looked at the verdict would go on until chance gave it the one it waits for. The
    width is looked at once in a while for the same reason: each look is a chance to stop at a
    moment in which the scatter merely seems small. Only whether new processes are worth their
    start depends on the ratio as well: what processes differ by moves none to 1 that is many
    half-widths away from it, and a small difference that one pair shows has to show in others,
    for some kernels' processes differ by more than is assumed.
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

    everywhere: bool = False
    """Whether a ratio far from 1 is worth further pairs of processes too."""

    growth: float = _MARGIN
    """Blocks at one look over those at the look before."""

    def next_look(self, blocks: int) -> int:
        """Number of blocks at which the interval is worth computing again."""
        due = self.fewest
        while due <= blocks:
            due = max(due + 1, round(due * self.growth))
        return min(due, self.most)

    def stop(
        self, intervals: Sequence[Interval], *, blocks: int, spent: float, pairs: int = 1
    ) -> Stop | None:
        """Decide after a block.

        Args:
            intervals: Of all samples so far, one for each ratio; none where they were not computed
                after this block.
            blocks: Blocks of this pair of processes so far.
            spent: Seconds so far.
            pairs: Pairs of processes so far.

        Returns:
            Why to end, or ``None`` to go on. With fewer than two blocks the budget is overdrawn:
            nothing can be said of one.
        """
        if intervals and blocks >= self.fewest:
            wide = [one for one in intervals if one.half_width > self.half_width]
            if not wide:
                doubted = any(self._unconfirmed(one, pairs) for one in intervals)
                return Stop.PAIR if doubted and spent < self.budget else Stop.PRECISE
            if all(one.half_width <= _SETTLED * one.floor for one in wide):
                worth = any(self._another(one, pairs) for one in wide)
                return Stop.PAIR if worth and spent < self.budget else Stop.SETTLED
        if blocks >= self.most:
            return Stop.FULL
        if spent >= self.budget and blocks >= 2:
            return Stop.BUDGET
        return None

    def _unconfirmed(self, interval: Interval, pairs: int) -> bool:
        """Whether it excludes 1, by little and on the word of too few pairs."""
        near = not interval.low <= 1 <= interval.high and abs(math.log(interval.value)) < _NEAR
        return near and pairs < min(_CONFIRMS, self.pairs)

    def _another(self, interval: Interval, pairs: int) -> bool:
        """Whether it is worth another pair: a few would bring the precision.

        Once there is a second one, it goes on: pairs that seem to be further apart than was
        assumed may be so by chance, and more of them tell.
        """
        if pairs > 1 or pairs == self.pairs:
            return pairs < self.pairs
        at_best = interval.floor_after(1, min(_USUALLY_ENOUGH, self.pairs))
        far = abs(math.log(interval.value)) > _FAR * interval.half_width
        return at_best <= _IN_REACH * self.half_width and (self.everywhere or not far)
