"""What a call takes where a program makes many of them in a row."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Protocol

_BURST_SECONDS = 0.03
_BURST_CALLS = (16, 512)
_BURST_REPEATS = 3


class Burst(Protocol):
    """Some calls in a row, in seconds."""

    @property
    def seconds(self) -> float:
        """For all of them, until the device had done them."""

    @property
    def host(self) -> float:
        """The host's for one call."""


class Bursts(Protocol):
    """Whoever can be called some times in a row."""

    def burst(self, count: int) -> Burst:
        """Make so many calls, and wait for the device once."""


@dataclass(frozen=True)
class InARow:
    """What one of many calls in a row takes, in seconds."""

    wall: float
    """By the parent's clock: the longer of what the device and what the host takes."""

    host: float
    """What the host takes to ask for it."""


def in_a_row(side: Bursts, seconds: float) -> InARow:
    """Time calls in a row, as a program makes them.

    Args:
        side: Ready.
        seconds: What a call takes, about.
    """
    few, most = _BURST_CALLS
    many = max(4 * few, min(most, int(_BURST_SECONDS / seconds)))
    if seconds > _BURST_SECONDS / few:
        few, many = 1, 5
    # What else the machine does only adds: the shortest of each length is the truest.
    found = {n: [side.burst(n) for _ in range(_BURST_REPEATS)] for n in (few, many)}
    shortest = {count: min(one.seconds for one in made) for count, made in found.items()}
    host = statistics.median(one.host for one in found[few])
    return InARow((shortest[many] - shortest[few]) / (many - few), host)
