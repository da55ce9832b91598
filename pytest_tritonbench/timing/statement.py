"""Times in the words of a record: medians, spread, interval, verdict."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import verdict
from .interval import Interval
from .sampler import Sampled, Series


def times(series: Series, host: float) -> dict[str, Any]:
    """Median and spread of one side, in milliseconds.

    Args:
        series: Its samples.
        host: Seconds that the host takes for one of many calls in a row.
    """
    low, high = np.percentile(series.device, [10, 90])
    return {
        "median_ms": 1e3 * statistics.median(series.device),
        "p10_ms": 1e3 * float(low),
        "p90_ms": 1e3 * float(high),
        "host_ms": 1e3 * host,
        "samples": len(series.device),
        "gaps": series.gaps,
    }


def ratio(interval: Interval) -> dict[str, Any]:
    """A ratio, its interval and what that allows to say."""
    return {
        "speedup": interval.value,
        "interval": interval.as_json(),
        "verdict": str(verdict.of(interval)),
    }


def statement(
    sampled: Sampled, hosts: Mapping[str, float], candidate: str, reference: str
) -> dict[str, Any]:
    """What a record says of one case.

    Args:
        sampled: All that was measured.
        hosts: Seconds of the host for one of many calls in a row, by side.
        candidate: Name of the side that is judged.
        reference: Name of the side that it is compared with first.
    """
    own = times(sampled.series[candidate], hosts[candidate])
    theirs = times(sampled.series[reference], hosts[reference])
    del theirs["samples"], theirs["gaps"]
    return {
        **own,
        "reference_ms": theirs.pop("median_ms"),
        **{f"reference_{name}": value for name, value in theirs.items()},
        **ratio(sampled.interval(reference, candidate)),
        "stopped": str(sampled.stopped),
        "blocks": sampled.blocks,
        "pairs": len(sampled.pairs),
        "void": {"blocks": sampled.void, "why": sampled.why_void},
        "launch_bound": own["host_ms"] > own["median_ms"],
    }


def beside(
    sampled: Sampled, hosts: Mapping[str, float], names: Sequence[str], candidate: str
) -> Mapping[str, dict[str, Any]]:
    """Each of some further sides: its times, and its time over the candidate's."""
    return {
        name: {
            **times(sampled.series[name], hosts[name]),
            **ratio(sampled.interval(name, candidate)),
        }
        for name in names
    }
