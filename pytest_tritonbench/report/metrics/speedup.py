"""Speedup against the gold on the same GPU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_tritonbench.report.metrics.resampling import Estimate, geometric_mean
from pytest_tritonbench.report.metrics.timings import Timed


@dataclass(frozen=True)
class Dropped:
    """A task whose times are not counted."""

    task: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {"task": self.task, "reason": self.reason}


@dataclass(frozen=True)
class Speedup:
    """Speedup of one model."""

    mean: Estimate | None
    """Geometric mean over tasks, each itself the geometric mean over its sizes."""

    tasks: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, tuple[tuple[Any, float], ...]] = field(default_factory=dict)
    """Of each task, every input size with its speedup."""

    dropped: tuple[Dropped, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "mean": None if self.mean is None else self.mean.as_json(),
            "tasks": dict(self.tasks),
            "sizes": {task: [list(pair) for pair in pairs] for task, pairs in self.sizes.items()},
            "dropped": [dropped.as_json() for dropped in self.dropped],
        }


def speedup(timings: Iterable[Timed], correct: Iterable[str]) -> Speedup:
    """Average how much faster than the golds a model's answers are.

    Args:
        timings: Times of its answers, beside the golds' of the same run.
        correct: Tasks whose answer is right; how fast a wrong answer is says nothing.
    """
    right = set(correct)
    tasks: dict[str, float] = {}
    sizes: dict[str, tuple[tuple[Any, float], ...]] = {}
    dropped: list[Dropped] = []
    for timed in timings:
        ratio = timed.speedup
        if timed.task not in right:
            dropped.append(Dropped(timed.task, "the answer is not right"))
        elif not ratio:
            dropped.append(Dropped(timed.task, "the gold was not timed beside it"))
        else:
            tasks[timed.task] = ratio
            sizes[timed.task] = tuple(
                (size.input_size, size.speedup) for size in timed.sizes if size.speedup
            )
    return Speedup(geometric_mean(list(tasks.values())), tasks, sizes, tuple(dropped))
