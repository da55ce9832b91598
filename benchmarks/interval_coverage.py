"""How often the interval of a speedup is right, on synthetic timings whose truth is known.

    python benchmarks/interval_coverage.py [--runs N]

Each kind of noise is drawn N times for two sides of the same speed and for a candidate that takes
3 % longer. For each way to make an interval the table shows how many of the 95 % intervals hold the
truth, how wide they are, how often two equal sides are called faster or slower, and how often the
3 % are called slower. "one after the other" takes all timings of one side before the other's, as a
loop over `do_bench` does; the others time in ABBA blocks.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_tritonbench.timing import verdict
from pytest_tritonbench.timing.interval import Block, Interval, of_blocks, of_medians
from pytest_tritonbench.timing.stopping import Rule

_SLOWDOWN = 1.03
_BLOCKS = 20
_SIDE = 10
_TYPICAL = 50e-6

Values = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Values]
"""Draws that many factors of consecutive calls of one process."""


@dataclass(frozen=True)
class Kind:
    """A kind of noise."""

    name: str
    noise: Noise
    bias: float = 0.0
    """Standard deviation of what is constant in a pair of processes."""

    clock: float = 0.0
    """Step of the clock, in seconds."""


def _skewed(rng: np.random.Generator, count: int) -> Values:
    return 1 + rng.gamma(1.0, 0.02, count)


def _hiccups(rng: np.random.Generator, count: int) -> Values:
    return _skewed(rng, count) * np.where(rng.random(count) < 0.03, 3.0, 1.0)


def _drifting(rng: np.random.Generator, count: int) -> Values:
    line = np.linspace(0, rng.normal(0, 0.05), count)
    walk = np.cumsum(rng.normal(0, 0.001, count))
    return np.exp(line + walk) * _skewed(rng, count)


def _bimodal(rng: np.random.Generator, count: int) -> Values:
    return _skewed(rng, count) * np.where(rng.random(count) < 0.4, 1.04, 1.0)


def _sticky(rng: np.random.Generator, count: int) -> Values:
    """Two clocks of the device, each kept for some 40 calls: both sides of a block share them."""
    high = np.cumsum(rng.random(count) < 1 / 40) % 2
    return _skewed(rng, count) * np.where(high == 1, 1.04, 1.0)


KINDS = (
    Kind("skewed", _skewed),
    Kind("hiccups", _hiccups),
    Kind("drifting", _drifting),
    Kind("bimodal", _bimodal),
    Kind("two clocks", _sticky),
    Kind("coarse clock", _skewed, clock=0.5e-6),
    Kind("pairs differ 0.3 %", _skewed, bias=0.003),
    Kind("pairs differ 0.6 %", _skewed, bias=0.006),
)


def _taken(
    kind: Kind, ratio: float, rng: np.random.Generator, *, blocks: int, pairs: int
) -> list[Block]:
    """Timings in ABBA blocks: half of the reference's before the candidate's, half after."""
    found = []
    for pair in range(pairs):
        count = blocks // pairs
        factors = kind.noise(rng, count * 2 * _SIDE).reshape(count, 2 * _SIDE) * _TYPICAL
        off = math.exp(rng.normal(0, kind.bias)) if kind.bias else 1.0
        half = _SIDE // 2
        reference = _read(np.hstack([factors[:, :half], factors[:, -half:]]), kind.clock)
        candidate = _read(factors[:, half:-half] * ratio * off, kind.clock)
        found += [Block(a, b, pair) for a, b in zip(reference, candidate, strict=True)]
    return found


def _one_after_the_other(kind: Kind, ratio: float, rng: np.random.Generator) -> Interval:
    count = _BLOCKS * _SIDE
    factors = kind.noise(rng, 2 * count) * _TYPICAL
    off = math.exp(rng.normal(0, kind.bias)) if kind.bias else 1.0
    sides = _read(factors[:count], kind.clock), _read(factors[count:] * ratio * off, kind.clock)
    return of_medians(*sides)


def _pooled(kind: Kind, ratio: float, rng: np.random.Generator) -> Interval:
    blocks = _taken(kind, ratio, rng, blocks=_BLOCKS, pairs=1)
    reference = np.concatenate([block.reference for block in blocks])
    return of_medians(reference, np.concatenate([block.candidate for block in blocks]))


def _adaptive(kind: Kind, ratio: float, rng: np.random.Generator) -> Interval:
    """Stops at a half-width of 1 %."""
    rule = Rule()
    blocks = _taken(kind, ratio, rng, blocks=rule.most, pairs=1)
    count = 0
    while True:
        count = rule.next_look(count)
        interval = of_blocks(blocks[:count])
        if rule.stop([interval], blocks=count, spent=0.0):
            return interval


WAYS: dict[str, Callable[[Kind, float, np.random.Generator], Interval]] = {
    "one after the other": _one_after_the_other,
    "pooled": _pooled,
    "blocks, one pair": lambda kind, ratio, rng: of_blocks(
        _taken(kind, ratio, rng, blocks=_BLOCKS, pairs=1)
    ),
    "blocks, 2 pairs": lambda kind, ratio, rng: of_blocks(
        _taken(kind, ratio, rng, blocks=_BLOCKS, pairs=2)
    ),
    "blocks, 4 pairs": lambda kind, ratio, rng: of_blocks(
        _taken(kind, ratio, rng, blocks=_BLOCKS, pairs=4)
    ),
    "blocks, adaptive": _adaptive,
}


def _read(seconds: Values, step: float) -> Values:
    return np.asarray(np.maximum(step, np.round(seconds / step) * step) if step else seconds)


@dataclass(frozen=True)
class Row:
    """What became of one way on one kind of noise; shares of the runs."""

    covered: float
    half_width: float
    samples: float
    alarms: float
    same: float
    found: float


def measure(kind: Kind, way: str, runs: int, seed: int = 1) -> Row:
    """Draw, and look at what the intervals say."""
    rng = np.random.default_rng(seed)
    equal = [WAYS[way](kind, 1.0, rng) for _ in range(runs)]
    slower = [WAYS[way](kind, _SLOWDOWN, rng) for _ in range(runs)]
    verdicts = [verdict.of(interval) for interval in equal]
    wrong = (verdict.Verdict.FASTER, verdict.Verdict.SLOWER)
    held = [1.0 in one for one in equal] + [1 / _SLOWDOWN in one for one in slower]
    return Row(
        covered=sum(held) / len(held),
        half_width=float(np.median([interval.half_width for interval in equal])),
        samples=float(np.mean([interval.samples for interval in equal])),
        alarms=sum(one in wrong for one in verdicts) / runs,
        same=sum(one is verdict.Verdict.SAME for one in verdicts) / runs,
        found=sum(verdict.of(one) is verdict.Verdict.SLOWER for one in slower) / runs,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000, help="draws of each kind")
    runs = parser.parse_args().runs
    print(f"{runs} runs of each truth; {_BLOCKS} blocks of {_SIDE} timings a side")
    print(
        "| noise | interval | covers | half-width | timings | A/A alarms | A/A same | 3 % found |"
    )
    print("|---|---|---|---|---|---|---|---|")
    began = time.perf_counter()
    for kind in KINDS:
        for way in WAYS:
            row = measure(kind, way, runs)
            print(
                f"| {kind.name} | {way} | {row.covered:.1%} | {row.half_width:.2%} "
                f"| {row.samples:.0f} | {row.alarms:.2%} | {row.same:.1%} | {row.found:.1%} |",
                flush=True,
            )
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
