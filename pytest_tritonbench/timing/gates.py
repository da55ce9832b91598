"""Gates: what a run's timings must fulfil for it to pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .interval import Interval


class BaselineError(ValueError):
    """A baseline says nothing about this run; the message says why and what to do."""


class Outcome(StrEnum):
    """What a gate found."""

    PASSED = "passed"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"
    UNCOMPARED = "uncompared"
    """There is nothing that the case could have become slower than."""


@dataclass(frozen=True)
class Finding:
    """What a gate found, and why."""

    outcome: Outcome
    message: str

    def fails(self, *, strict: bool) -> bool:
        """Whether the test fails: ambiguous timings do so only where timing is strict."""
        return self.outcome is Outcome.FAILED or (strict and self.outcome is Outcome.AMBIGUOUS)


@dataclass(frozen=True)
class Measured:
    """A speedup and where it was measured."""

    speedup: Interval
    """Of the candidate over the reference, which was timed beside it."""

    gpu: str
    """Name of the GPU's model, as the driver gives it."""

    source: str = ""
    """File or revision that it is from, for messages."""


def min_speedup(speedup: Interval, least: float) -> Finding:
    """The candidate is at least ``least`` times as fast as the reference.

    Passes on the lower bound of the interval, fails on the upper one, and is ambiguous between.
    """
    seen = f"speedup {speedup} of at least {least:g}"
    if speedup.low >= least:
        return Finding(Outcome.PASSED, seen)
    if speedup.high < least:
        return Finding(Outcome.FAILED, f"too slow: {seen} is excluded")
    return Finding(Outcome.AMBIGUOUS, f"{seen} is neither shown nor excluded")


def max_regression(now: Measured, then: Measured, most: float, *, any_gpu: bool = False) -> Finding:
    """The candidate's time grew by at most ``most`` since a saved baseline.

    Speedups over the reference are compared, not times: the reference was timed beside the
    candidate both times, so that the machine's mood and its clocks of that day cancel.

    Args:
        now: Of this run.
        then: Of the baseline.
        most: Share of the time: 0.02 is two percent.
        any_gpu: Compare different models of GPU.

    Raises:
        BaselineError: If the baseline is of another model of GPU.
    """
    if now.gpu != then.gpu and not any_gpu:
        source = f" ({then.source})" if then.source else ""
        raise BaselineError(
            f"the baseline{source} was measured on {then.gpu}, and this is {now.gpu}: what is "
            f"faster on one need not be on the other; save a baseline on {now.gpu}"
        )
    grown = quotient(then.speedup, now.speedup)
    return regression(grown, most, then.source or "the baseline")


def regression(grown: Interval, most: float, since: str) -> Finding:
    """The time grew by at most ``most``.

    Args:
        grown: Interval of the time now over the time then.
        most: Share of the time: 0.02 is two percent.
        since: What it is compared with, for the message.
    """
    low, high = (f"{bound - 1:+.1%}" for bound in (grown.low, grown.high))
    seen = f"{grown.value - 1:+.1%} of time [{low}, {high}] since {since}"
    if grown.high <= 1 + most:
        return Finding(Outcome.PASSED, seen)
    if grown.low > 1 + most:
        return Finding(Outcome.FAILED, f"regression: {seen}, allowed {most:+.1%}")
    return Finding(
        Outcome.AMBIGUOUS, f"{seen}: more than {most:+.1%} is neither shown nor excluded"
    )


def quotient(over: Interval, under: Interval) -> Interval:
    """Interval of the quotient of two ratios that were measured independently of each other.

    Errors of logarithms add up in quadrature, the lower side of one with the upper of the other.
    """
    value = over.value / under.value
    down = math.hypot(math.log(over.value / over.low), math.log(under.high / under.value))
    up = math.hypot(math.log(over.high / over.value), math.log(under.value / under.low))
    return Interval(
        value,
        value * math.exp(-down),
        value * math.exp(up),
        min(over.level, under.level),
        min(over.samples, under.samples),
    )


def interval_from_json(data: Mapping[str, float]) -> Interval:
    """Read what :meth:`Interval.as_json` wrote.

    Raises:
        BaselineError: If a field is missing, or the bounds are not around the value.
    """
    try:
        value, low, high = (float(data[name]) for name in ("value", "low", "high"))
        found = Interval(value, low, high, float(data["level"]), int(data["samples"]))
    except (KeyError, TypeError, ValueError) as e:
        raise BaselineError(
            f"a saved interval lacks or garbles {e}; save the baseline anew"
        ) from None
    if not 0 < low <= value <= high < math.inf:
        raise BaselineError(f"a saved interval is none: {found}; save the baseline anew")
    return found
