"""Call accuracy, execution accuracy and fuzz survival, by both policies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pytest_tritonbench.report.metrics.outcomes import Answer
from pytest_tritonbench.report.metrics.proportion import Proportion

Policy = Literal["published", "strict"]


@dataclass(frozen=True)
class Metric:
    """One way to count an answer as a success."""

    name: str
    policy: Policy
    meaning: str
    success: Callable[[Answer], bool]


METRICS: tuple[Metric, ...] = (
    Metric(
        "call", "published", "the script ends with exit code 0", lambda a: bool(a.published_call)
    ),
    Metric(
        "exec", "published", "and prints what the gold prints", lambda a: bool(a.published_exec)
    ),
    Metric("call", "strict", "runs to the end", lambda a: a.call),
    Metric("exec", "strict", "right, by Triton kernels", lambda a: a.exec),
    Metric("right", "strict", "right, whoever computed it", lambda a: a.right),
    Metric(
        "fuzz", "strict", "right on the test and on drawn cases", lambda a: a.exec and bool(a.fuzz)
    ),
)


@dataclass(frozen=True)
class Accuracy:
    """One metric of one model, on both denominators."""

    metric: str
    policy: Policy
    of_all: Proportion
    """Of every task of the suite, as published (184 and 166); no answer is a failure."""

    of_judgeable: Proportion
    """Of the tasks that can be judged."""

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "metric": self.metric,
            "policy": self.policy,
            "of_all": self.of_all.as_json(),
            "of_judgeable": self.of_judgeable.as_json(),
        }


def accuracies(
    answers: Mapping[str, Answer], tasks: Collection[str], unjudgeable: Collection[str]
) -> tuple[Accuracy, ...]:
    """Count one model's successes.

    Args:
        answers: One answer a task; a task without one counts as failed.
        tasks: Tasks that are counted: a suite's, or those of one difficulty or family.
        unjudgeable: Tasks that cannot be judged. Under ``strict`` they are no success for
            execution and fuzz; under ``published`` they are whatever upstream makes of them.

    Returns:
        One for each of `METRICS`; the published ones only where some record has them.
    """
    looked = any(answer.published_call is not None for answer in answers.values())
    judgeable = [task for task in tasks if task not in unjudgeable]
    return tuple(
        Accuracy(
            metric.name,
            metric.policy,
            _count(metric, answers, tasks, unjudgeable),
            _count(metric, answers, judgeable, unjudgeable),
        )
        for metric in METRICS
        if looked or metric.policy == "strict"
    )


def _count(
    metric: Metric,
    answers: Mapping[str, Answer],
    tasks: Collection[str],
    unjudgeable: Collection[str],
) -> Proportion:
    needs_gold = metric.policy == "strict" and metric.name != "call"
    successes = (
        metric.success(answers[task])
        for task in tasks
        if task in answers and not (needs_gold and task in unjudgeable)
    )
    return Proportion(sum(successes), len(tasks))


@dataclass(frozen=True)
class Survival:
    """How execution accuracy fares when other inputs are drawn."""

    survived: Proportion
    """Of the answers that are right on the shipped test and were fuzzed."""

    fell: tuple[str, ...]
    """Tasks whose shipped test the answer passes and where a drawn case shows it wrong."""

    unfuzzed: tuple[str, ...]
    """Tasks that passed the shipped test and for which no drawn case was judged."""

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "survived": self.survived.as_json(),
            "fell": list(self.fell),
            "unfuzzed": list(self.unfuzzed),
        }


def survival(answers: Iterable[Answer]) -> Survival:
    """Count, of the answers that are right on the shipped test, those that drawn cases leave so."""
    right = [answer for answer in answers if answer.exec]
    fuzzed = [answer for answer in right if answer.fuzz is not None]
    fell = tuple(answer.task for answer in fuzzed if not answer.fuzz)
    unfuzzed = tuple(answer.task for answer in right if answer.fuzz is None)
    return Survival(Proportion(len(fuzzed) - len(fell), len(fuzzed)), fell, unfuzzed)
