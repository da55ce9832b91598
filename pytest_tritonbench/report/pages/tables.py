"""The leaderboard and every outcome as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_tritonbench.report.metrics.outcomes import Answer
from pytest_tritonbench.report.spreadsheet import harmless

from .letters import NAMES, PHASES, letter, worst
from .scores import Suite

LEADERBOARD = (
    *("suite", "model", "policy", "metric", "denominator", "k", "n", "value", "low", "high"),
    "tasks",
)
OUTCOME = (
    *("suite", "task", "difficulty", "family", "model", "sample", "letter", "outcome"),
    *PHASES,
    *("published_call", "published_exec", "phase", "reason", "exception", "message", "ratio"),
    *("launches", "speedup", "run"),
)


def leaderboard(suites: Iterable[Suite]) -> str:
    """One row for each model, metric and denominator: tidy, as tools for data like it.

    ``value``, ``low`` and ``high`` of a share are fractions; ``low`` and ``high`` bound its 95 %
    Wilson interval. A number that is no share has a value and the count of tasks it stands on.
    """
    return _table(LEADERBOARD, _scores(suites))


def outcomes(answers: Iterable[Answer], apart: Mapping[str, Collection[str]]) -> str:
    """One row an answer: its outcome, what each phase said, and the reason of the first failure."""
    return _table(OUTCOME, (_outcome(answer, apart.get(answer.suite, ())) for answer in answers))


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([harmless(value) for value in row] for row in rows)
    return text.getvalue()


def _scores(suites: Iterable[Suite]) -> Iterator[list[Any]]:
    for suite in suites:
        for model, cells in suite.rows.items():
            for column in suite.columns:
                cell = cells[column.key]
                head = [suite.name, model, column.policy, column.key]
                for name, share in (("all", cell.share), ("judgeable", cell.judgeable)):
                    if share is not None:
                        bounds = [share.value, share.low, share.high]
                        yield [*head, name, share.k, share.n, *(f"{b:.6f}" for b in bounds), ""]
                if cell.number is not None:
                    numbers = (cell.number, cell.low, cell.high)
                    told = ["" if value is None else f"{value:.6f}" for value in numbers]
                    yield [*head, "", "", "", *told, cell.counted]


def _outcome(answer: Answer, apart: Collection[str]) -> list[Any]:
    mark = letter(answer, apart)
    told = {phase: worst(records) for phase, records in answer.phases.items()}
    first = next(iter(told.values()))
    failed = next(
        (told[p] for p in PHASES if p in told and told[p]["outcome"] in ("failed", "error")), None
    )
    failed = failed or next((r for r in told.values() if r.get("reason")), {})
    policy = told.get("exec", {}).get("policy")
    published = (policy or {}).get("published") or {}
    return [
        *(answer.suite, answer.task, first.get("difficulty"), first.get("family"), answer.model),
        *(answer.sample, mark, NAMES[mark]),
        *(told[phase]["outcome"] if phase in told else "" for phase in PHASES),
        *(published.get("call"), published.get("exec")),
        *(failed.get(name) for name in ("phase", "reason", "exception", "message")),
        told.get("exec", {}).get("ratio"),
        told.get("call", {}).get("launches"),
        ((told.get("bench") or {}).get("timing") or {}).get("speedup"),
        first.get("run"),
    ]
