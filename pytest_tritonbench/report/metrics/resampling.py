"""Means with a bootstrap interval over tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 4000
_SEED = 20250214


@dataclass(frozen=True)
class Estimate:
    """A mean over tasks and its 95 % interval."""

    value: float
    low: float
    high: float
    tasks: int

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "value": round(self.value, 6),
            "low": round(self.low, 6),
            "high": round(self.high, 6),
            "tasks": self.tasks,
        }


def mean(values: Sequence[float]) -> Estimate | None:
    """Average values, one a task.

    Returns:
        The mean with its percentile bootstrap interval (4000 resamples of tasks, with a fixed
        seed, so that one set of records gives one interval); ``None`` of nothing.
    """
    if not values:
        return None
    data = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(_SEED).integers(0, len(data), (RESAMPLES, len(data)))
    low, high = np.percentile(data[drawn].mean(axis=1), [2.5, 97.5])
    return Estimate(float(data.mean()), float(low), float(high), len(data))


def geometric_mean(values: Sequence[float]) -> Estimate | None:
    """Average ratios: the exponential of the mean of their logarithms, with its interval.

    Args:
        values: Positive ratios, one a task.
    """
    found = mean([math.log(value) for value in values])
    if found is None:
        return None
    return Estimate(math.exp(found.value), math.exp(found.low), math.exp(found.high), found.tasks)
