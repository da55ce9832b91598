"""From metrics to what the pages show of each suite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_tritonbench.report.metrics import Group as MeasuredGroup
from pytest_tritonbench.report.metrics import ModelReport, SuiteReport, metrics
from pytest_tritonbench.report.metrics.errors import CLASSES
from pytest_tritonbench.report.metrics.measure import Golden, Similarities, SuiteLike, TaskLike
from pytest_tritonbench.report.metrics.outcomes import Answer, Record
from pytest_tritonbench.report.metrics.published_tables import published_errors

from .columns import board, share
from .scores import Difference, Errors, Group, Suite, Unjudged

OTHER = "Other"
UNANSWERED = "No answer"


@dataclass(frozen=True)
class KnownTask:
    """A task as far as records tell of it."""

    difficulty: int | None
    family: str | None


@dataclass(frozen=True)
class KnownSuite:
    """A suite of which there are records and nothing else: what they name is all it has."""

    suite: str
    tasks: Mapping[str, TaskLike]


def known(answers: Iterable[Answer], suites: Iterable[SuiteLike] = ()) -> list[SuiteLike]:
    """Complete suites: for those that are not given, their tasks are those that records name."""
    given: dict[str, SuiteLike] = {suite.suite: suite for suite in suites}
    named: dict[str, dict[str, TaskLike]] = {}
    for answer in answers:
        if answer.suite not in given:
            tasks = named.setdefault(answer.suite, {})
            if answer.task not in tasks:
                tasks[answer.task] = _task(answer)
    told = given | {name: KnownSuite(name, tasks) for name, tasks in named.items()}
    return [told[name] for name in sorted(told)]


def measure(
    records: Iterable[Record],
    suites: Iterable[SuiteLike],
    similarity: Mapping[tuple[str, str], Similarities] | None = None,
    golden: Mapping[str, Golden] | None = None,
) -> list[Suite]:
    """Measure every suite that at least one model answered."""
    report = metrics(records, suites=suites, similarity=similarity, golden=golden)
    return [_suite(suite) for suite in report.suites if suite.models]


def _task(answer: Answer) -> TaskLike:
    record = next(iter(answer.phases.values()))[0]
    difficulty, family = record.get("difficulty"), record.get("family")
    return KnownTask(difficulty, None if family is None else str(family))


def _suite(suite: SuiteReport) -> Suite:
    columns, rows = board(suite.models)
    return Suite(
        name=suite.suite,
        tasks=len(suite.tasks),
        judgeable=suite.judgeable,
        columns=columns,
        rows={model.model: row for model, row in zip(suite.models, rows, strict=True)},
        not_run={model.model: len(model.not_run) for model in suite.models},
        difficulty={model.model: _groups(model.by_difficulty) for model in suite.models},
        family={model.model: _largest_first(model.by_family) for model in suite.models},
        errors=tuple(_errors(suite.suite, model) for model in suite.models),
        differences=tuple(d for model in suite.models for d in _differences(model)),
        unjudged=tuple(
            Unjudged(state.task, state.state.removeprefix("gold-"), state.reason)
            for state in suite.unjudgeable.values()
        ),
    )


def _groups(groups: Iterable[MeasuredGroup]) -> tuple[Group, ...]:
    found = []
    for group in groups:
        counted = {a.policy: share(a.of_all) for a in group.accuracies if a.metric == "exec"}
        if group.name:
            found.append(Group(group.name, counted.get("published"), counted.get("strict")))
    return tuple(found)


def _largest_first(groups: Iterable[MeasuredGroup]) -> tuple[Group, ...]:
    return _groups(sorted(groups, key=lambda group: (-len(group.tasks), group.name)))


def _errors(suite: str, model: ModelReport) -> Errors:
    found = model.errors
    types: dict[str, dict[str, int]] = {name: {} for name in (*CLASSES, OTHER, UNANSWERED)}
    for name, kinds in CLASSES.items():
        types[name] = {kind: found.types[kind] for kind in kinds if kind in found.types}
    types[OTHER] = dict(found.untyped)
    types[UNANSWERED] = dict(found.unanswered)
    classes = {name: sum(kinds.values()) for name, kinds in types.items()}
    return Errors(
        model=model.model,
        failed=sum(classes.values()),
        classes=classes,
        types=types,
        untyped=frozenset((OTHER, UNANSWERED)),
        paper=published_errors(suite, model.model) or {},
    )


def _differences(model: ModelReport) -> Iterable[Difference]:
    for row in model.paper:
        yield Difference(
            model=row.paper_model,
            answers=model.model,
            metric=row.metric,
            setting=row.setting,
            published=row.paper,
            ours=row.published,
            strict=row.strict,
            unit="x" if row.metric == "speedup" else "%",
            note=row.note,
        )
