"""Takes samples of several sides in alternating blocks until their ratio is known well enough.

It knows neither processes nor devices: a side is whatever times one call when it is told to.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Protocol

from .interval import Block, Interval, assumed_pair_bias, of_blocks
from .stopping import Rule, Stop

_HALF_SECONDS = 0.02
_MOST_CALLS = 5
_LARGEST_SPACER = 1 << 22
_SPACER_UNIT = 4096
_MOST_TRIES = 3
_GAPS_THAT_COUNT = 10


class Timed(Protocol):
    """Times of one call, in seconds."""

    @property
    def device(self) -> float:
        """Of the device."""

    @property
    def late(self) -> float:
        """How much longer the device was at work on something nobody waited for."""

    @property
    def gap(self) -> bool:
        """Whether the device may have waited for the host in between."""


class Side(Protocol):
    """One of those that are compared."""

    def time(self, *, held: bool) -> Timed:
        """Time one call on fresh inputs; ``held`` as ``Stopwatch.time`` has it."""

    def move(self, spacer: int) -> None:
        """Let its inputs lie elsewhere, behind so many bytes."""


class Watches(Protocol):
    """Watches what else happens on the device."""

    def before(self) -> None:
        """A block of calls begins."""

    def after(self) -> str | None:
        """It has ended; why its samples are void, if they are."""


@dataclass
class Series:
    """What was measured of one side, in seconds."""

    device: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """Of the calls that were not held, which are no samples."""

    blocks: list[tuple[float, ...]] = field(default_factory=list)
    """Device times, block by block."""

    gaps: int = 0
    """Samples in which the device may have waited for the host."""

    @property
    def waits(self) -> bool:
        """Whether the median is of calls with the host's time in it."""
        return 2 * self.gaps > len(self.device)


@dataclass(frozen=True)
class Sampled:
    """All that was measured."""

    series: Mapping[str, Series]
    blocks: int
    """Of samples, each with the inputs at another place."""

    pairs: Sequence[int]
    """How many of them each pair of processes took, one pair after the other."""

    stopped: Stop
    void: int
    """Blocks that were not counted."""

    why_void: str | None
    """Why the last of them was not."""

    seconds: float

    def interval(self, reference: str, candidate: str) -> Interval:
        """Interval of one side's time over another's."""
        return _interval(self.series, self.pairs, reference, candidate)


class UndisturbedError(RuntimeError):
    """There was no block without a disturbance; the message says what disturbed."""


def sample(
    sides: Mapping[str, Side],
    rule: Rule,
    *,
    watch: Watches | None = None,
    rng: random.Random | None = None,
    clock: Callable[[], float] = time.monotonic,
    earlier: Sampled | None = None,
) -> Sampled:
    """Sample until every ratio to the last side is known well enough, or time is up.

    A block has each side's calls in two halves, in the order of ``sides`` and then in the reverse
    order (ABBA), so that a drift which is steady over a block meets all sides alike; who is first
    changes from block to block. After each block the inputs of all sides are moved: where they lie
    makes a constant difference that no number of samples shows.

    Args:
        sides: By name, the candidate last.
        rule: When to stop.
        watch: Says which blocks are void.
        rng: Where the places and the calls that are not held come from.
        clock: Seconds.
        earlier: What the sides' former processes gave, where these are new ones.

    Raises:
        UndisturbedError: If every block was void.
    """
    rng = rng or random.SystemRandom()
    began = clock() - (0.0 if earlier is None else earlier.seconds)
    calls = max(1, min(_MOST_CALLS, int(_HALF_SECONDS / _slowest(sides))))
    series = _going_on(sides, earlier)
    former = [] if earlier is None else [*earlier.pairs]
    tries = {name: _Tries() for name in sides}
    blocks = 0
    candidate = [*sides][-1]
    void, why = (0, None) if earlier is None else (earlier.void, earlier.why_void)
    look, stopped = rule.next_look(0), None
    while stopped is None:
        if former or blocks or void:
            _move(sides, rng)
        if watch is not None:
            watch.before()
        block = _block(_in_turn(sides, blocks + void), calls, rng, tries)
        disturbed = None if watch is None else watch.after()
        spent = clock() - began
        if disturbed is not None:
            void, why = void + 1, disturbed
            if spent >= rule.budget:
                stopped = Stop.BUDGET
            continue
        for name, found in block.items():
            kept = series[name]
            kept.device += found.device
            kept.late += found.late
            kept.gaps += found.gaps
            kept.blocks.append(tuple(found.device))
        blocks += 1
        intervals = []
        if blocks >= look:
            look = rule.next_look(blocks)
            intervals = [
                _interval(series, [*former, blocks], name, candidate)
                for name in sides
                if name != candidate
            ]
        stopped = rule.stop(intervals, blocks=blocks, spent=spent, pairs=len(former) + 1)
    pairs = [*former, blocks] if blocks else former
    if not pairs:
        raise UndisturbedError(f"none of {void} blocks of samples counts: {why}")
    return Sampled(series, sum(pairs), pairs, stopped, void, why, clock() - began)


def _going_on(sides: Mapping[str, Side], earlier: Sampled | None) -> dict[str, Series]:
    """Where the samples go: behind the earlier ones, which stay as they are."""
    return {name: Series() if earlier is None else deepcopy(earlier.series[name]) for name in sides}


def _slowest(sides: Mapping[str, Side]) -> float:
    """Seconds of a call of the slowest side, after a call of each that is not counted."""
    times = []
    for side in sides.values():
        side.time(held=True)
        times.append(side.time(held=True).device)
    return max(*times, 1e-9)


class _Tries:
    """Has a call made again whose queue was not held for long enough.

    A call that waits for the device itself outlasts every hold: after a while that is accepted.
    """

    def __init__(self) -> None:
        self._calls = 0
        self._gaps = 0

    def held(self, side: Side) -> Timed:
        """A call without a gap, if there is one."""
        for _ in range(_MOST_TRIES):
            timed = side.time(held=True)
            self._calls += 1
            self._gaps += timed.gap
            if not timed.gap or self._always:
                break
        return timed

    @property
    def _always(self) -> bool:
        return self._gaps >= _GAPS_THAT_COUNT and 2 * self._gaps > self._calls


def _in_turn(sides: Mapping[str, Side], number: int) -> Mapping[str, Side]:
    """The sides in the order of a block."""
    return sides if number % 2 == 0 else {name: sides[name] for name in reversed([*sides])}


def _block(
    sides: Mapping[str, Side], calls: int, rng: random.Random, tries: Mapping[str, _Tries]
) -> dict[str, Series]:
    found = {name: Series() for name in sides}
    for name in (*sides, *reversed([*sides])):
        side, series = sides[name], found[name]
        # One more, somewhere among them, shows what goes on outside of the call's own stream.
        unheld = rng.randrange(calls + 1)
        for number in range(calls + 1):
            if number == unheld:
                series.late.append(side.time(held=False).late)
                continue
            timed = tries[name].held(side)
            series.gaps += timed.gap
            series.device.append(timed.device)
    return found


def _move(sides: Mapping[str, Side], rng: random.Random) -> None:
    for side in sides.values():
        side.move(_SPACER_UNIT * rng.randrange(_LARGEST_SPACER // _SPACER_UNIT))


def _interval(
    series: Mapping[str, Series], pairs: Sequence[int], reference: str, candidate: str
) -> Interval:
    ours, theirs = series[reference], series[candidate]
    numbers = [number for number, blocks in enumerate(pairs) for _ in range(blocks)]
    blocks = [
        Block(one, other, pair)
        for one, other, pair in zip(ours.blocks, theirs.blocks, numbers, strict=True)
    ]
    shorter = min(statistics.median(ours.device), statistics.median(theirs.device))
    bias = assumed_pair_bias(shorter, ours.waits + theirs.waits)
    return of_blocks(blocks, pair_bias=bias)
