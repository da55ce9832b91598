"""All metrics of a set of records, as data for the terminal and for report pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from pytest_tritonbench.report.metrics.accuracy import accuracies, survival
from pytest_tritonbench.report.metrics.comparison import compare_with_paper
from pytest_tritonbench.report.metrics.efficiency import efficiency
from pytest_tritonbench.report.metrics.errors import errors
from pytest_tritonbench.report.metrics.outcomes import GOLD, UNANSWERED, Answer, Record, gather
from pytest_tritonbench.report.metrics.passatk import pass_at_k, reported
from pytest_tritonbench.report.metrics.published_speed import published_speed
from pytest_tritonbench.report.metrics.resampling import Estimate
from pytest_tritonbench.report.metrics.result import Group, ModelReport, Report, SuiteReport
from pytest_tritonbench.report.metrics.similarity import POLICIES, Similarity, Tally
from pytest_tritonbench.report.metrics.speedup import speedup
from pytest_tritonbench.report.metrics.states import TaskState, states
from pytest_tritonbench.report.metrics.timings import Size, timed

Similarities = Mapping[str, Mapping[str, Tally]]
"""By policy of similarity, then by task."""

Golden = Mapping[str, Sequence[Size]]


class TaskLike(Protocol):
    """What is asked of a task of a suite."""

    @property
    def difficulty(self) -> int | None:
        """1 to 5."""

    @property
    def family(self) -> str | None:
        """Kind of operator."""


class SuiteLike(Protocol):
    """What is asked of a suite; a channel of a checkout has it."""

    @property
    def suite(self) -> str:
        """As records name it."""

    @property
    def tasks(self) -> Mapping[str, TaskLike]:
        """Every task, by name: the denominators."""


def metrics(
    records: Iterable[Record],
    *,
    suites: Iterable[SuiteLike],
    similarity: Mapping[tuple[str, str], Similarities] | None = None,
    golden: Mapping[str, Golden] | None = None,
) -> Report:
    """Compute every metric.

    Args:
        records: Of any number of runs and machines, in any order; the last word on each phase of
            each answer counts.
        suites: What the records' suites hold; the denominators come from them. Suites without
            records are left out, and so are records of other suites.
        similarity: By suite and model; beside what records carry in a field ``similarity``
            (``{"published": Tally.as_json(), "proper": ...}``).
        golden: Upstream's A100 times by suite, for the published speedup and efficiency.
    """
    answers: dict[str, list[Answer]] = {}
    for answer in gather(records):
        answers.setdefault(answer.suite, []).append(answer)
    return Report(
        tuple(
            _suite(suite, answers[suite.suite], similarity or {}, (golden or {}).get(suite.suite))
            for suite in suites
            if suite.suite in answers
        )
    )


def _suite(
    suite: SuiteLike,
    answers: Sequence[Answer],
    similarity: Mapping[tuple[str, str], Similarities],
    golden: Golden | None,
) -> SuiteReport:
    known = [answer for answer in answers if answer.task in suite.tasks]
    unjudgeable = states(known)
    models: dict[str, list[Answer]] = {}
    for answer in known:
        models.setdefault(answer.model, []).append(answer)
    return SuiteReport(
        suite.suite,
        tuple(suite.tasks),
        unjudgeable,
        tuple(
            _model(suite, model, own, unjudgeable, similarity.get((suite.suite, model)), golden)
            for model, own in models.items()
            if model != GOLD
        ),
    )


def _model(
    suite: SuiteLike,
    model: str,
    answers: Sequence[Answer],
    unjudgeable: Mapping[str, TaskState],
    similarity: Similarities | None,
    golden: Golden | None,
) -> ModelReport:
    first: dict[str, Answer] = {}
    for answer in answers:
        first.setdefault(answer.task, answer)
    tallies = similarity or _recorded(first.values())
    judged = [answer for task, answer in first.items() if task not in unjudgeable]
    right = [answer.task for answer in judged if answer.exec]
    times = [found for found in map(timed, first.values()) if found is not None]
    speed = None
    if golden is not None and times:
        executed = [task for task, answer in first.items() if answer.published_exec]
        channel = "G" if suite.suite.endswith("G") else "T"
        speed = published_speed("G" if channel == "G" else "T", times, executed, golden)
    counted = accuracies(first, tuple(suite.tasks), unjudgeable)
    similar = _similarity(tallies, suite.tasks)
    peaks = {kind: efficiency(times, right, measured=kind == "measured") for kind in _PEAKS}
    return ModelReport(
        model=model,
        answers=tuple(answers),
        not_run=tuple(task for task in suite.tasks if task not in first),
        unanswered=_unanswered(first.values()),
        accuracies=counted,
        survival=survival(judged),
        not_triton=tuple(answer.task for answer in judged if answer.not_triton),
        by_difficulty=_groups(suite, "difficulty", first, unjudgeable, tallies),
        by_family=_groups(suite, "family", first, unjudgeable, tallies),
        pass_at_k=_pass_at_k(suite, answers, unjudgeable),
        speedup=speedup(times, right),
        efficiency={kind: found for kind, found in peaks.items() if found is not None},
        published_speed=speed,
        similarity=similar,
        errors=errors(first.values()),
        paper=compare_with_paper(suite.suite, model, counted, similar, speed),
    )


_PEAKS = ("datasheet", "measured")


def _recorded(answers: Iterable[Answer]) -> Similarities:
    """Collect the similarities that records carry."""
    found: dict[str, dict[str, Tally]] = {}
    for answer in answers:
        for records in answer.phases.values():
            for record in records:
                for policy, tally in (record.get("similarity") or {}).items():
                    found.setdefault(policy, {})[answer.task] = Tally.from_json(tally)
    return found


def _similarity(tallies: Similarities, tasks: Iterable[str]) -> dict[str, Similarity]:
    named = list(tasks)
    found: dict[str, Similarity] = {}
    for policy in POLICIES:
        own = [tallies[policy][task] for task in named if task in tallies.get(policy, {})]
        if own:
            found[policy] = sum(own, Tally()).similarity()
    return found


def _unanswered(answers: Iterable[Answer]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for answer in answers:
        reason = (answer.decisive or {}).get("reason")
        if reason in UNANSWERED:
            found.setdefault(str(reason), []).append(answer.task)
    return {reason: tuple(tasks) for reason, tasks in found.items()}


def _groups(
    suite: SuiteLike,
    by: str,
    first: Mapping[str, Answer],
    unjudgeable: Mapping[str, TaskState],
    tallies: Similarities,
) -> tuple[Group, ...]:
    members: dict[str, list[str]] = {}
    for name, task in suite.tasks.items():
        key = getattr(task, by)
        members.setdefault("" if key is None else str(key), []).append(name)
    return tuple(
        Group(
            name,
            tuple(tasks),
            accuracies({task: first[task] for task in tasks if task in first}, tasks, unjudgeable),
            _similarity(tallies, tasks),
        )
        for name, tasks in sorted(members.items())
    )


def _pass_at_k(
    suite: SuiteLike, answers: Sequence[Answer], unjudgeable: Mapping[str, TaskState]
) -> dict[int, Estimate]:
    counts: dict[str, tuple[int, int]] = {}
    for answer in answers:
        samples, right = counts.get(answer.task, (0, 0))
        success = answer.exec and answer.task not in unjudgeable
        counts[answer.task] = samples + 1, right + success
    most = max(samples for samples, _ in counts.values())
    if most == 1:
        return {}  # one sample: pass@1 is execution accuracy, with a better interval
    for task in suite.tasks:
        counts.setdefault(task, (most, 0))
    least = min(samples for samples, _ in counts.values())
    estimates = {k: pass_at_k(list(counts.values()), k) for k in reported(least)}
    return {k: estimate for k, estimate in estimates.items() if estimate is not None}
