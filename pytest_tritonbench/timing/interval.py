"""Interval of a ratio of medians, by the bootstrap.

Two sources of error are told apart. Within one pair of processes, timings scatter from block to
block; resampling shows how much. A pair of processes as a whole is off by a constant as well (its
allocations, its luck with caches and memory channels), which no number of samples in the same pair
reveals: it is seen by restarting, and where there were few restarts it is assumed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
RESAMPLES = 2000
PAIR_BIAS = 0.0025
"""Standard deviation of the logarithm of the ratio from one pair of processes to the next."""

PAIR_BIAS_WEIGHT = 4
"""Restarts that the assumption about ``PAIR_BIAS`` is worth.

Few, because kernels differ in it: what 31 of them showed against their copies on an H200 is best
described by a variance that scatters from kernel to kernel as one of two to four restarts does.
"""

_WAITING_BIAS = 0.15
_SEED = 20250214
_REPEATED = 0.5

Draws = npt.NDArray[np.float64]
Timings = Sequence[float] | Draws


@dataclass(frozen=True)
class Interval:
    """A ratio and where it lies."""

    value: float
    low: float
    high: float
    level: float
    """Share of such intervals that hold the true ratio."""

    samples: int
    """Timings of the side that has fewer."""

    floor: float = 0.0
    """Half of the width over the value that would be left with any number of samples."""

    @property
    def half_width(self) -> float:
        """Half of its width over its value: 0.01 is one percent."""
        return (self.high - self.low) / (2 * self.value)

    def floor_after(self, pairs: int, more: int) -> float:
        """What ``floor``, which is that of so many pairs of processes, will be after ``more``."""
        quantiles = [student(self.level, PAIR_BIAS_WEIGHT + n - 1) for n in (pairs, more)]
        return self.floor * math.sqrt(pairs / more) * quantiles[1] / quantiles[0]

    @property
    def reciprocal(self) -> Interval:
        """The interval of the inverse ratio."""
        return Interval(
            1 / self.value, 1 / self.high, 1 / self.low, self.level, self.samples, self.floor
        )

    def __contains__(self, ratio: float) -> bool:
        return self.low <= ratio <= self.high

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "level": self.level,
            "samples": self.samples,
        }


@dataclass(frozen=True)
class Block:
    """Timings that were taken close together, half of the reference's on each side (ABBA)."""

    reference: Timings
    candidate: Timings
    pair: int = 0
    """Which pair of processes took them: one number for each restart."""


def of_medians(
    reference: Timings,
    candidate: Timings,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = _SEED,
) -> Interval:
    """Interval of the median of ``reference`` over that of ``candidate``.

    It takes timings for independent and says nothing of what a restart would change: for samples
    that were taken in blocks, :func:`of_blocks` is the honest one.

    Args:
        reference: Timings in any unit, all above 0.
        candidate: Timings in the same unit.
        level: Share of such intervals that are to hold the true ratio.
        resamples: Resamples of each list.
        seed: One seed and the same timings give the same interval.

    Raises:
        ValueError: If a list is empty, or a timing is not above 0.
    """
    ours, theirs = _checked(reference), _checked(candidate)
    rng = np.random.default_rng(seed)
    drawn = _log_ratio_draws(ours, theirs, resamples, rng)
    value = math.log(float(np.median(ours)) / float(np.median(theirs)))
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    z = statistics.NormalDist().inv_cdf((1 + level) / 2)
    extra = z * _rounding(ours, theirs)
    return Interval(
        math.exp(value),
        math.exp(value - math.hypot(max(0.0, value - low), extra)),
        math.exp(value + math.hypot(max(0.0, high - value), extra)),
        level,
        min(len(ours), len(theirs)),
    )


def of_blocks(
    blocks: Sequence[Block],
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = _SEED,
    pair_bias: float = PAIR_BIAS,
) -> Interval:
    """Interval of the reference's time over the candidate's, of timings in paired blocks.

    The estimate is the geometric mean over the blocks of the ratio of their medians, each pair of
    processes counting alike: drift that both sides of a block share cancels. Blocks are resampled
    within their pair, and the interval is expanded for their small number (Hesterberg 2015, "What
    Teachers Should Know About the Bootstrap"). The scatter between pairs is their own,
    moderated by what is assumed of it (Smyth 2004), so that one pair is no claim to perfection.

    Args:
        blocks: Their timings in one unit, all above 0.
        level: Share of such intervals that are to hold the true ratio.
        resamples: Resamples of the blocks.
        seed: One seed and the same timings give the same interval.
        pair_bias: Scatter of the ratio that is assumed between pairs of processes; 0 for timings
            that were all taken in one process.

    Raises:
        ValueError: If there is no block, a block lacks a side, or a timing is not above 0.
    """
    if not blocks:
        raise ValueError("there is no block of timings")
    rng = np.random.default_rng(seed)
    pairs: dict[int, list[tuple[Draws, Draws]]] = {}
    for block in blocks:
        sides = _checked(block.reference), _checked(block.candidate)
        pairs.setdefault(block.pair, []).append(sides)
    drawn, means = [], []
    for sides_of in pairs.values():
        ratios = np.array([math.log(np.median(a) / np.median(b)) for a, b in sides_of])
        means.append(float(ratios.mean()))
        if len(ratios) == 1:
            drawn.append(_log_ratio_draws(*sides_of[0], resamples, rng))
        else:
            taken = rng.integers(0, len(ratios), (resamples, len(ratios)))
            # A resample of n values scatters less than n values do.
            stretch = math.sqrt(len(ratios) / (len(ratios) - 1))
            drawn.append(means[-1] + stretch * (ratios[taken].mean(axis=1) - means[-1]))
    count = len(pairs)
    value = statistics.fmean(means)
    within = np.mean(drawn, axis=0)
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(within, [tail, 100 - tail])
    z = statistics.NormalDist().inv_cdf((1 + level) / 2)
    freedom = len(blocks) - count
    expanded = student(level, freedom) / z if freedom else 1.0
    between = student(level, PAIR_BIAS_WEIGHT + count - 1) * _between(means, drawn, pair_bias)
    pooled = [np.concatenate([s[side] for p in pairs.values() for s in p]) for side in (0, 1)]
    extra = math.hypot(between, z * _rounding(*pooled))
    return Interval(
        math.exp(value),
        math.exp(value - math.hypot(expanded * max(0.0, value - low), extra)),
        math.exp(value + math.hypot(expanded * max(0.0, high - value), extra)),
        level,
        min(len(side) for side in pooled),
        between,
    )


def assumed_pair_bias(seconds: float, waiting: int = 0) -> float:
    """What to assume of the scatter between pairs of processes for a call that takes so long.

    A share of the time, and some nanoseconds of every call: on an H200 the medians of 18 processes
    with the same kernel scattered by 0.13 us at 6 us as at 29 us. It goes with the process:
    kernels that are loaded anew or write elsewhere keep it, and it halves where the L2 is warm.
    Both are above what fits 31 kernels best (0.1 to 0.2 % and 80 to 100 ns). A call that waits for
    the device takes the host's time as well, in which processes differ by much more: by 10 % and
    24 % in two tries.

    Args:
        seconds: Median device time of the call.
        waiting: How many of the two sides' calls wait for the device.
    """
    return math.hypot(PAIR_BIAS, 1.2e-7 / seconds, _WAITING_BIAS * math.sqrt(waiting))


def student(level: float, freedom: int) -> float:
    """The two-sided quantile of Student's distribution.

    Exact for one and two degrees of freedom, else by the expansion of Cornish and Fisher; within
    1 % of the table for levels up to 0.95.
    """
    p = (1 + level) / 2
    if freedom == 1:
        return math.tan(math.pi * (p - 0.5))
    if freedom == 2:
        return (2 * p - 1) * math.sqrt(2 / (4 * p * (1 - p)))
    z, n = statistics.NormalDist().inv_cdf(p), freedom
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )


def _between(means: Sequence[float], drawn: Sequence[Draws], assumed: float) -> float:
    """Standard error of the mean of ``means``, without what resampling shows of it already."""
    count = len(means)
    if assumed == 0 and count == 1:
        return 0.0
    inside = statistics.fmean(float(draws.var()) for draws in drawn)
    seen = statistics.variance(means) if count > 1 else 0.0
    weight = PAIR_BIAS_WEIGHT
    total = (weight * (assumed**2 + inside) + (count - 1) * seen) / (weight + count - 1)
    return math.sqrt(max(0.0, total - inside) / count)


def _checked(timings: Timings) -> Draws:
    data = np.sort(np.asarray(timings, dtype=np.float64))
    if not len(data):
        raise ValueError("there are no timings")
    if not (data[0] > 0 and math.isfinite(data[-1])):
        raise ValueError(f"a timing is a number above 0, not {data[0]:g} or {data[-1]:g}")
    return data


def _log_ratio_draws(
    reference: Draws, candidate: Draws, resamples: int, rng: np.random.Generator
) -> Draws:
    ours, theirs = (_median_draws(side, resamples, rng) for side in (reference, candidate))
    return np.asarray(np.log(ours / theirs))


def _median_draws(ordered: Draws, resamples: int, rng: np.random.Generator) -> Draws:
    """Medians of resamples of a sorted list, without making the resamples.

    The k-th smallest of n numbers drawn from 0 to 1 is Beta(k, n - k + 1), and the one above it
    lies Beta(1, n - k) of the rest higher; scaled to n, they are positions in the list. This is
    the bootstrap's own distribution, not an approximation of it.
    """
    count = len(ordered)
    if count == 1:
        return np.repeat(ordered, resamples)
    k = (count + 1) // 2
    lower = rng.beta(k, count - k + 1, resamples)
    drawn = ordered[_positions(lower, count)]
    if count % 2:
        return drawn
    upper = lower + (1 - lower) * rng.beta(1, count - k, resamples)
    return np.asarray((drawn + ordered[_positions(upper, count)]) / 2)


def _positions(shares: Draws, count: int) -> npt.NDArray[np.int64]:
    return np.minimum((shares * count).astype(np.int64), count - 1)


def _rounding(reference: Draws, candidate: Draws) -> float:
    """Standard error that the clock's steps give the logarithm of the ratio.

    The median of timings that are all multiples of a step is one as well, however many they are.
    """
    return math.hypot(*(_step(side) / math.sqrt(12) for side in (reference, candidate)))


def _step(timings: Draws) -> float:
    """Step of the clock over the median, where its values repeat; 0 where it is too fine to see."""
    values = np.unique(timings)
    if len(values) == 1 or len(values) > _REPEATED * len(timings):
        return 0.0
    # The closest two values, apart from the rounding of the numbers themselves.
    gaps = np.diff(values)
    gaps = gaps[gaps > 1e-6 * values[-1]]
    return float(gaps.min() / np.median(timings)) if len(gaps) else 0.0
