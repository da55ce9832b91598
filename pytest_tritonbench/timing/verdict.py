"""What an interval allows to say: faster, slower, the same, or nothing yet."""

from __future__ import annotations

from enum import StrEnum

from .interval import Interval

THRESHOLD = 0.01


class Verdict(StrEnum):
    """How a candidate's time stands to the reference's."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"
    AMBIGUOUS = "ambiguous"


def of(speedup: Interval, threshold: float = THRESHOLD) -> Verdict:
    """Say what the whole interval says.

    Args:
        speedup: Interval of the reference's time over the candidate's.
        threshold: What counts as a difference: 0.01 is one percent.

    Returns:
        ``FASTER`` where every ratio of the interval is above ``1 + threshold``, ``SLOWER`` where
        every one is below its inverse, ``SAME`` where none is outside of the two. An interval
        that lies on one of these borders is ``AMBIGUOUS``: more samples may decide it.
    """
    above, below = 1 + threshold, 1 / (1 + threshold)
    if speedup.low > above:
        return Verdict.FASTER
    if speedup.high < below:
        return Verdict.SLOWER
    if below <= speedup.low and speedup.high <= above:
        return Verdict.SAME
    return Verdict.AMBIGUOUS


def told(speedup: Interval, threshold: float = THRESHOLD) -> str:
    """One line for people: the verdict and what it rests on."""
    verdict = of(speedup, threshold)
    text = f"{verdict}: {speedup} at {speedup.level:.0%}, {speedup.samples} samples"
    if verdict is Verdict.AMBIGUOUS:
        text += f"; a difference of {threshold:.2g} is neither shown nor excluded"
    return text
