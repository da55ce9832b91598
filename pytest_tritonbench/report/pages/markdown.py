"""The numbers of a report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .numbers import ABSENT, bounds, number, percent, signed, unit
from .scores import Cell, Column, Suite

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def markdown(
    suites: Sequence[Suite], runs: Sequence[Mapping[str, Any]], *, title: str, lead: str
) -> str:
    """Write the leaderboard, the published numbers, the tasks set apart and the provenance."""
    lines = [f"# {plain(title)}", "", plain(lead)]
    for suite in suites:
        lines += ["", f"## {plain(suite.title)}", *_suite(suite)]
    lines += ["", "## Provenance", ""]
    fields = ("run", "device", "driver", "torch", "triton", "python", "commit", "seed", "records")
    lines += _table(fields, [[plain(run[field]) for field in fields] for run in runs])
    return "\n".join(lines) + "\n"


def plain(value: Any) -> str:
    """Write text so that Markdown reads no mark-up into it and a table row stays one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))


def _suite(suite: Suite) -> Iterator[str]:
    yield ""
    told = f"Shares of all {suite.tasks} tasks, with 95 % Wilson intervals."
    if suite.judgeable != suite.tasks:
        told += f" After the slash: of the {suite.judgeable} tasks that can be judged."
    yield told
    yield ""
    heads = ["model", *(_heading(column) for column in suite.columns)]
    rows = [
        [_name(suite, model), *(_cell(cells[column.key]) for column in suite.columns)]
        for model, cells in suite.rows.items()
    ]
    yield from _table(heads, rows)
    yield ""
    yield from (f"- {_heading(column)}: {column.meaning}" for column in suite.columns)
    if suite.differences:
        yield from ("", "### Beside the paper", "")
        yield from _differences(suite)
    if suite.unjudged:
        yield from ("", "### Tasks set apart", "")
        yield from _table(
            ["task", "state", "reason"],
            [[plain(part) for part in (u.task, u.state, u.reason)] for u in suite.unjudged],
        )


def _name(suite: Suite, model: str) -> str:
    not_run = suite.not_run.get(model, 0)
    return plain(f"{model}, {not_run} tasks not run" if not_run else model)


def _differences(suite: Suite) -> Iterator[str]:
    yield from _table(
        ["model", "setting", "answers", "metric", "paper", "ours", "difference", "strict"],
        [
            [
                *(plain(part) for part in (d.model, d.setting, d.answers, d.metric)),
                *(unit(d.published, d.unit), unit(d.ours, d.unit)),
                *(signed(d.difference, d.unit), unit(d.strict, d.unit)),
            ]
            for d in suite.differences
        ],
    )


def _heading(column: Column) -> str:
    return plain(f"{column.heading} ({column.policy})" if column.policy else column.heading)


def _cell(cell: Cell) -> str:
    if cell.share is None:
        return number(cell) if cell.number is not None else ABSENT
    told = f"{percent(cell.share)} ({cell.share.k}/{cell.share.n}; {bounds(cell.share)})"
    if cell.judgeable is not None and cell.judgeable.n != cell.share.n:
        told += f" / {percent(cell.judgeable)}"
    return told


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
