"""GPU efficiency: how near an answer comes to what its GPU can do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from pytest_tritonbench.report.metrics.resampling import Estimate, mean
from pytest_tritonbench.report.metrics.speedup import Dropped
from pytest_tritonbench.report.metrics.timings import Size, Timed

_TENSOR = "float16"


@dataclass(frozen=True)
class Peaks:
    """What a GPU can do at most."""

    name: str
    gbs: float
    """Memory bandwidth in GB/s (1e9 bytes)."""

    tflops: Mapping[str, float]
    """Dense arithmetic by dtype, in 1e12 operations a second."""

    source: str

    def arithmetic(self, dtype: str | None) -> float | None:
        """The peak for a dtype; bfloat16's is float16's, and so is that of an untold dtype."""
        name = _TENSOR if dtype in (None, "bfloat16") else str(dtype)
        return self.tflops.get(name, self.tflops.get(_TENSOR))


@cache
def datasheets() -> tuple[tuple[tuple[str, ...], Peaks], ...]:
    """Read ``peaks.json``: words of a device's name, and the GPU's datasheet."""
    text = resources.files(__package__).joinpath("peaks.json").read_text(encoding="utf-8")
    return tuple(
        (
            tuple(entry["words"]),
            Peaks(entry["name"], entry["gbs"], entry["tflops"], entry["source"]),
        )
        for entry in json.loads(text)["gpus"]
    )


def datasheet(device: str) -> Peaks | None:
    """Find the datasheet of a GPU by the name that its driver gives it.

    Returns:
        The first entry all of whose words are in the name; ``None`` for a GPU that is not listed.
    """
    words = device.upper().replace("-", " ").split()
    return next((peaks for need, peaks in datasheets() if set(need) <= set(words)), None)


@dataclass(frozen=True)
class Efficiency:
    """GPU efficiency of one model, in percent of one set of peaks."""

    peaks: str
    """Whose peaks: a GPU's datasheet, or measured."""

    mean: Estimate | None
    tasks: Mapping[str, float] = field(default_factory=dict)
    above: tuple[str, ...] = ()
    """Tasks above 100 %: the bytes or operations are overstated, or the peak understated."""

    dropped: tuple[Dropped, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "peaks": self.peaks,
            "mean": None if self.mean is None else self.mean.as_json(),
            "tasks": dict(self.tasks),
            "above": list(self.above),
            "dropped": [dropped.as_json() for dropped in self.dropped],
        }


def peak_efficiency(sizes: Iterable[Size], peaks: Peaks) -> float | None:
    """Take the best of a task's sizes, in percent.

    Returns:
        The largest of bandwidth over its peak and arithmetic over its peak, over all sizes;
        ``None`` where neither was recorded.
    """
    shares = []
    for size in sizes:
        if size.gbs is not None:
            shares.append(size.gbs / peaks.gbs)
        peak = peaks.arithmetic(size.dtype)
        if size.tflops is not None and peak:
            shares.append(size.tflops / peak)
    return 100 * max(shares) if shares else None


def efficiency(
    timings: Iterable[Timed], correct: Iterable[str], *, measured: bool = False
) -> Efficiency | None:
    """Average the peak efficiency of a model's right answers.

    Args:
        timings: Times of its answers.
        correct: Tasks whose answer is right.
        measured: Against what was measured of the GPU in the same run, instead of its datasheet.

    Returns:
        ``None`` where nothing was timed.
    """
    right = set(correct)
    tasks: dict[str, float] = {}
    dropped: list[Dropped] = []
    names: dict[str, None] = {}
    timings = list(timings)
    for timed in timings:
        peaks = _measured(timed) if measured else datasheet(timed.device)
        share = None if peaks is None else peak_efficiency(timed.sizes, peaks)
        if timed.task not in right:
            dropped.append(Dropped(timed.task, "the answer is not right"))
        elif peaks is None:
            what = "no peaks were measured of" if measured else "no datasheet is known of"
            dropped.append(Dropped(timed.task, f"{what} {timed.device or 'the device'}"))
        elif share is None:
            dropped.append(Dropped(timed.task, "neither bytes nor operations were counted"))
        else:
            tasks[timed.task] = share
            names[peaks.name] = None
    if not timings:
        return None
    above = tuple(task for task, share in tasks.items() if share > 100)
    return Efficiency(", ".join(names), mean(list(tasks.values())), tasks, above, tuple(dropped))


def _measured(timed: Timed) -> Peaks | None:
    if not timed.peaks or not timed.peaks.get("gbs"):
        return None
    arithmetic = {_TENSOR: timed.peaks["tflops"]} if timed.peaks.get("tflops") else {}
    name = f"{timed.device}, measured"
    return Peaks(name, timed.peaks["gbs"], arithmetic, "measured in the same run")
