"""What the metrics of a set of records are: plain data, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_tritonbench.report.metrics.accuracy import Accuracy, Survival
from pytest_tritonbench.report.metrics.comparison import Comparison
from pytest_tritonbench.report.metrics.efficiency import Efficiency
from pytest_tritonbench.report.metrics.errors import Errors
from pytest_tritonbench.report.metrics.outcomes import Answer
from pytest_tritonbench.report.metrics.published_speed import PublishedSpeed
from pytest_tritonbench.report.metrics.resampling import Estimate
from pytest_tritonbench.report.metrics.similarity import Similarity
from pytest_tritonbench.report.metrics.speedup import Speedup
from pytest_tritonbench.report.metrics.states import TaskState


@dataclass(frozen=True)
class Group:
    """The tasks of one difficulty or one family."""

    name: str
    tasks: tuple[str, ...]
    accuracies: tuple[Accuracy, ...]
    similarity: Mapping[str, Similarity]

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "name": self.name,
            "tasks": list(self.tasks),
            "accuracies": [accuracy.as_json() for accuracy in self.accuracies],
            "similarity": {policy: vars(found) for policy, found in self.similarity.items()},
        }


@dataclass(frozen=True)
class ModelReport:
    """Everything that is measured of one model on one suite."""

    model: str
    answers: tuple[Answer, ...]
    """Every sample of every task that has records."""

    not_run: tuple[str, ...]
    """Tasks without any record; they count as failures, so a part of a suite scores low."""

    unanswered: Mapping[str, tuple[str, ...]]
    """Tasks without code to run, by reason: ``missing``, ``empty``, ``no-code``."""

    accuracies: tuple[Accuracy, ...]
    """Of the first sample of each task."""

    survival: Survival
    not_triton: tuple[str, ...]
    """Tasks with a right result that no Triton kernel computed."""

    by_difficulty: tuple[Group, ...]
    by_family: tuple[Group, ...]
    pass_at_k: Mapping[int, Estimate]
    """Strict execution accuracy; all tasks, as far as every task has k samples."""

    speedup: Speedup
    efficiency: Mapping[str, Efficiency]
    """Against ``datasheet`` and ``measured`` peaks of the GPU."""

    published_speed: PublishedSpeed | None
    similarity: Mapping[str, Similarity]
    errors: Errors
    paper: tuple[Comparison, ...]

    def accuracy(self, metric: str, policy: str) -> Accuracy | None:
        """One of `accuracies`."""
        return next((a for a in self.accuracies if (a.metric, a.policy) == (metric, policy)), None)

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold; the records behind the answers are left out."""
        speed = self.published_speed
        return {
            "model": self.model,
            "not_run": list(self.not_run),
            "unanswered": {reason: list(tasks) for reason, tasks in self.unanswered.items()},
            "accuracies": [accuracy.as_json() for accuracy in self.accuracies],
            "survival": self.survival.as_json(),
            "not_triton": list(self.not_triton),
            "by_difficulty": [group.as_json() for group in self.by_difficulty],
            "by_family": [group.as_json() for group in self.by_family],
            "pass_at_k": {str(k): estimate.as_json() for k, estimate in self.pass_at_k.items()},
            "speedup": self.speedup.as_json(),
            "efficiency": {kind: found.as_json() for kind, found in self.efficiency.items()},
            "published_speed": None if speed is None else speed.as_json(),
            "similarity": {policy: vars(found) for policy, found in self.similarity.items()},
            "errors": self.errors.as_json(),
            "paper": [comparison.as_json() for comparison in self.paper],
        }


@dataclass(frozen=True)
class SuiteReport:
    """One suite and every model that answered it."""

    suite: str
    tasks: tuple[str, ...]
    unjudgeable: Mapping[str, TaskState]
    models: tuple[ModelReport, ...]

    @property
    def judgeable(self) -> int:
        """How many tasks can be judged."""
        return len(self.tasks) - len(self.unjudgeable)

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "suite": self.suite,
            "tasks": len(self.tasks),
            "judgeable": self.judgeable,
            "unjudgeable": [state.as_json() for state in self.unjudgeable.values()],
            "models": [model.as_json() for model in self.models],
        }


@dataclass(frozen=True)
class Report:
    """Every suite of a set of records."""

    suites: tuple[SuiteReport, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {"suites": [suite.as_json() for suite in self.suites]}
