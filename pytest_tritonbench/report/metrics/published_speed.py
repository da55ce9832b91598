"""Speedup and GPU efficiency as upstream computes them: A100 results, cut-offs and all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_tritonbench.report.metrics.speedup import Dropped
from pytest_tritonbench.report.metrics.timings import Size, Timed

A100_GBS = 2039
"""Bandwidth of an A100 with 80 GB, on whatever GPU was measured."""

A100_TFLOPS = 312
"""Its dense float16 tensor peak, for every dtype."""

FASTEST = 10
"""A task is dropped from this speedup on; the paper does not say so."""

SLOWEST = 0.1
"""T alone: dropped down to this speedup."""

Channel = Literal["G", "T"]


@dataclass(frozen=True)
class PublishedSpeed:
    """Upstream's averages for one model."""

    speedup: float | None
    """Arithmetic mean over tasks, of two decimals."""

    efficiency: float | None
    """G alone, in percent."""

    speedups: Mapping[str, float] = field(default_factory=dict)
    efficiencies: Mapping[str, float] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    """Tasks that leave the average without a word in upstream's output."""

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "speedup": self.speedup,
            "efficiency": self.efficiency,
            "speedups": dict(self.speedups),
            "efficiencies": dict(self.efficiencies),
            "dropped": [dropped.as_json() for dropped in self.dropped],
        }


def published_speed(
    channel: Channel,
    timings: Iterable[Timed],
    executed: Iterable[str],
    golden: Mapping[str, Sequence[Size]],
) -> PublishedSpeed:
    """Average as ``eval_G/2_efficiency.py`` or ``eval_T/2_efficiency.py`` does.

    Args:
        channel: Which of the two.
        timings: Times of a model's answers.
        executed: Tasks that execution accuracy, as published, counts.
        golden: Upstream's A100 times.
    """
    kept = set(executed)
    speedups: dict[str, float] = {}
    efficiencies: dict[str, float] = {}
    dropped: list[Dropped] = []
    for timed in timings:
        if timed.task not in kept:
            dropped.append(Dropped(timed.task, "not executed correctly, as published"))
            continue
        try:
            ratio = _ratio(channel, timed.sizes, golden.get(timed.task))
            if channel == "G":
                efficiencies[timed.task] = _efficiency(timed.sizes)
            speedups[timed.task] = ratio
        except _DroppedError as e:
            dropped.append(Dropped(timed.task, str(e)))
    return PublishedSpeed(
        _average(speedups), _average(efficiencies), speedups, efficiencies, tuple(dropped)
    )


class _DroppedError(Exception):
    """A task leaves the average; the message says why."""


def _ratio(channel: Channel, sizes: Sequence[Size], golden: Sequence[Size] | None) -> float:
    if golden is None:
        raise _DroppedError("upstream has no A100 times of it")
    if channel == "T" and len(golden) != len(sizes):
        timed = [size.input_size for size in sizes]
        golden = [size for size in golden if size.input_size in timed]
    if len(golden) != len(sizes):
        raise _DroppedError(f"{len(sizes)} sizes were timed, the A100 file has {len(golden)}")
    total = sum(size.ms for size in sizes)
    if not total:
        raise _DroppedError("nothing was timed")
    ratio = round(sum(size.ms for size in golden) / total, 4)
    if ratio >= FASTEST:
        raise _DroppedError(f"speedup {ratio:g} is at or above the cut-off of {FASTEST}")
    if channel == "T" and ratio <= SLOWEST:
        raise _DroppedError(f"speedup {ratio:g} is at or below the cut-off of {SLOWEST}")
    return ratio


def _efficiency(sizes: Sequence[Size]) -> float:
    bandwidths = [size.gbs for size in sizes if size.gbs is not None]
    arithmetic = [size.tflops for size in sizes if size.tflops is not None]
    if len(bandwidths) != len(sizes) or len(arithmetic) != len(sizes):
        raise _DroppedError("bytes or operations were not counted")
    share = max(
        round(max(bandwidths) * 100 / A100_GBS, 4), round(max(arithmetic) * 100 / A100_TFLOPS, 4)
    )
    if share >= 100:
        raise _DroppedError(f"efficiency {share:g} % is at or above the cut-off of 100 %")
    return share


def _average(values: Mapping[str, float]) -> float | None:
    return round(sum(values.values()) / len(values), 2) if values else None
