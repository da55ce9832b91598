"""Times of answers and golds, out of bench records and out of upstream's result files."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_tritonbench.report.metrics.outcomes import Answer


@dataclass(frozen=True)
class Size:
    """One input size of a task, timed."""

    input_size: Any
    """As upstream writes it, or the case; compared for equality only."""

    ms: float
    """Milliseconds of the answer, or of the gold in upstream's files."""

    gold_ms: float | None = None
    """Milliseconds of the gold on the same GPU, in the same run."""

    gbs: float | None = None
    tflops: float | None = None
    dtype: str | None = None

    @property
    def speedup(self) -> float | None:
        """The gold's time over the answer's."""
        return None if self.gold_ms is None or not self.ms else self.gold_ms / self.ms


@dataclass(frozen=True)
class Timed:
    """One answer's times."""

    task: str
    device: str
    sizes: tuple[Size, ...]
    stated: float | None = None
    """The record's own ``speedup``, where it lists no sizes."""

    peaks: Mapping[str, float] | None = None
    """What was measured of this GPU: ``gbs`` and ``tflops``."""

    @property
    def speedup(self) -> float | None:
        """Geometric mean over the sizes of the gold's time over the answer's."""
        ratios = [size.speedup for size in self.sizes]
        found = [ratio for ratio in ratios if ratio]
        return statistics.geometric_mean(found) if found else self.stated


def timed(answer: Answer) -> Timed | None:
    """Collect the times of an answer out of its bench records; ``None`` where there are none."""
    sizes: list[Size] = []
    stated: list[float] = []
    peaks: Mapping[str, float] | None = None
    device = ""
    for record in answer.benches:
        timing = record["timing"]
        listed = timing.get("sizes")
        if listed is None:
            listed = [_one_size(record.get("case"), timing)] if "median_ms" in timing else []
        sizes += [_size(size) for size in listed]
        stated += [timing["speedup"]] if timing.get("speedup") else []
        peaks = timing.get("peaks") or peaks
        device = (record.get("environment") or {}).get("device") or device
    if not sizes and not stated:
        return None
    mean = statistics.geometric_mean(stated) if stated else None
    return Timed(answer.task, device, tuple(sizes), mean, peaks)


def _one_size(case: Any, timing: Mapping[str, Any]) -> dict[str, Any]:
    dtype = case.get("dtype") if isinstance(case, Mapping) else None
    gold = timing.get("reference_ms")
    return {"input_size": case, "ms": timing["median_ms"], "gold_ms": gold, "dtype": dtype}


def _size(data: Mapping[str, Any]) -> Size:
    return Size(
        data.get("input_size"),
        float(data["ms"]),
        data.get("gold_ms"),
        data.get("gbs", data.get("GB/s")),
        data.get("tflops", data.get("TFLOPS")),
        data.get("dtype"),
    )


def golden_results(folder: Path, tasks: Iterable[str]) -> dict[str, tuple[Size, ...]]:
    """Read the times that upstream ships, taken on an A100.

    Three of T's files carry the misspelt names of their scripts (``lu.py.json``,
    ``solve_and_add_scaled_vector..json``) and are found by them; upstream's own timing runs
    misspell alike. There is none for ``grid_sample_with_affine``.

    Args:
        folder: ``performance_metrics/perf_G/golden_results`` or the same of ``perf_T``.
        tasks: Tasks to look for.

    Returns:
        The sizes of each task that has a file.
    """
    found = {}
    for task in tasks:
        names = (f"{task}.json", f"{task}.py.json", f"{task}..json")
        path = next((folder / name for name in names if (folder / name).exists()), None)
        if path is not None:
            listed = json.loads(path.read_text(encoding="utf-8"))
            found[task] = tuple(_size(size) for size in listed)
    return found
