"""Proportions: k of n, with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

Z95 = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


@dataclass(frozen=True)
class Proportion:
    """``k`` of ``n``."""

    k: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.k <= self.n:
            raise ValueError(f"{self.k} of {self.n} is no proportion")

    @property
    def value(self) -> float | None:
        """The proportion, 0 to 1; ``None`` of nothing."""
        return self.k / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval; (0, 1) of nothing."""
        return wilson(self.k, self.n)

    def as_json(self) -> dict[str, Any]:
        """Plain data: k, n, the percentage and its interval in percent."""
        low, high = self.interval
        percent = None if self.value is None else round(100 * self.value, 4)
        return {
            "k": self.k,
            "n": self.n,
            "percent": percent,
            "low": round(100 * low, 4),
            "high": round(100 * high, 4),
        }


def wilson(k: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (E. B. Wilson, 1927), without continuity correction.

    Args:
        k: Successes.
        n: Trials.
        z: Point of the normal distribution; the default gives 95 %.

    Returns:
        Bounds within 0 and 1; (0, 1) where there were no trials.
    """
    if not n:
        return 0.0, 1.0
    share = k / n
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # Rounding must not push a bound past what it bounds.
    low = 0.0 if k == 0 else max(0.0, centre - half)
    return low, 1.0 if k == n else min(1.0, centre + half)
