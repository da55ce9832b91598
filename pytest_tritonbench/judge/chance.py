"""Exact and bounded tests of chance: how unlikely a count or a sample is if all is right."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

# A right candidate is refused in at most about this share of all seeds.
REFUSED = 1e-4
# The same in standard deviations of a normal distribution, two-sided.
DEVIATIONS = 3.9


def counted(successes: int, trials: Iterable[tuple[int, float]]) -> bool:
    """Whether a number of successes is likely enough.

    Args:
        successes: In all trials together.
        trials: How many trials there were with which probability of success.
    """
    trials = [(n, p) for n, p in trials if n > 0]
    total = sum(n for n, _ in trials)
    mean = sum(n * p for n, p in trials)
    variance = sum(n * p * (1 - p) for n, p in trials)
    if total > 2000:
        return abs(successes - mean) <= DEVIATIONS * math.sqrt(variance) + 0.5
    chances = torch.ones(1, dtype=torch.float64)
    for n, p in trials:
        chances = _added(chances, _binomial(n, p))
    below, above = float(chances[: successes + 1].sum()), float(chances[successes:].sum())
    return min(below, above) >= REFUSED / 2


def _binomial(n: int, p: float) -> torch.Tensor:
    k = torch.arange(n + 1, dtype=torch.float64)
    ways = math.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    p = min(max(p, 1e-300), 1 - 1e-16)
    return torch.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))


def _added(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The distribution of the sum of two independent counts."""
    sums = torch.zeros(len(a) + len(b) - 1, dtype=torch.float64)
    for k, chance in enumerate(b.tolist()):
        sums[k : k + len(a)] += chance * a
    return sums


def uniform_sample(values: torch.Tensor) -> str | None:
    """Why values in [0, 1] are no uniform sample; ``None`` if they may be one.

    Kolmogorov and Smirnov's bound on the distribution, and no trend from each value to the next.

    Args:
        values: float64, one dim, in the order in which they stand.
    """
    n = values.numel()
    if n < 2:
        return None
    if bool((values == values[0]).all()):
        return "all values are the same"
    places = torch.arange(1, n + 1, dtype=torch.float64) / n
    ordered = values.sort().values
    gap = float(torch.maximum(places - ordered, ordered - places + 1 / n).max())
    # 2 exp(-2 n gap^2) bounds the chance (Massart's constant).
    if 2 * math.exp(-2 * n * gap * gap) < REFUSED:
        return f"the values are not uniform: their distribution is off by {gap:.3g}"
    if n >= 30:
        centred = values - 0.5
        trend = float((centred[1:] * centred[:-1]).mean()) * 12
        if abs(trend) * math.sqrt(n) > DEVIATIONS + 1:
            return f"each value depends on the one before it (correlation {trend:.3g})"
    return None
