"""One page of HTML that needs nothing else: no network, no server, no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from .charts import intervals
from .details import inline
from .grid import Grid
from .numbers import FILTERS, PERCENT
from .scores import Column, Difference, Errors, Group, Share, Suite

_FILES = files(__package__) / "files"


def page(
    suites: Sequence[Suite], grid: Grid, runs: Sequence[Mapping[str, Any]], *, title: str, lead: str
) -> str:
    """Write the page.

    Everything that comes from records goes through the template's escaping, or stands in JSON
    that no HTML can end. A content security policy lets the page's own script run and no other.

    Args:
        suites: Numbers.
        grid: Data of the grid.
        runs: Rows of the provenance.
        title: Heading of the page.
        lead: One sentence below it.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(FILTERS)
    style, script = (_read(name) for name in ("report.css", "report.js"))
    return environment.from_string(_read("report.html.j2")).render(
        title=title,
        lead=lead,
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        style_hash=_hash(style),
        script_hash=_hash(script),
        suites=[_suite(suite) for suite in suites],
        differences=any(suite.differences for suite in suites),
        errors=any(suite.errors for suite in suites),
        unjudged=any(suite.unjudged for suite in suites),
        runs=runs,
        data=Markup(inline(grid.data)),  # noqa: S704 - JSON without <, > and &
        blobs=grid.blobs,
    )


def _read(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return Markup(f"sha256-{base64.b64encode(digest).decode('ascii')}")  # noqa: S704 - base64


def _suite(suite: Suite) -> dict[str, Any]:
    """What the template asks of a suite."""
    rows = sorted(suite.rows.items(), key=lambda row: _rank(suite, row[0]))
    models = [model for model, _ in rows]
    overview = [
        Group(model, _share(suite, model, "published_exec"), _share(suite, model, "strict_exec"))
        for model in models
    ]
    about = f"Execution accuracy by model, {suite.title}"
    return {
        **{name: getattr(suite, name) for name in ("title", "tasks", "judgeable", "unjudged")},
        "columns": _columns(suite.columns),
        "spans": [
            {"policy": policy, "width": len(list(columns))}
            for policy, columns in groupby(suite.columns, key=lambda column: column.policy)
        ],
        "rows": [
            {"model": model, "cells": cells, "not_run": suite.not_run.get(model, 0)}
            for model, cells in rows
        ],
        "overview": intervals(overview, about=about, width=560),
        "overview_caption": _caption(suite, published=any(g.published for g in overview)),
        "charts": _charts(suite, models),
        "beside": _beside(suite) if suite.differences else None,
        "errors": [
            _errors(errors) for errors in sorted(suite.errors, key=lambda e: models.index(e.model))
        ],
        "error_classes": list(suite.errors[0].classes) if suite.errors else [],
    }


def _share(suite: Suite, model: str, key: str) -> Share | None:
    cell = suite.rows[model].get(key)
    return None if cell is None else cell.share


def _rank(suite: Suite, model: str) -> tuple[float, float, str]:
    shares = (_share(suite, model, key) for key in ("strict_exec", "strict_fuzz"))
    first, second = (0.0 if share is None else -share.value for share in shares)
    return first, second, model


def _caption(suite: Suite, *, published: bool) -> str:
    ring = "ring, as published; " if published else ""
    return (
        f"Execution accuracy, share of all {suite.tasks} tasks: {ring}dot, strict: right in "
        f"everything the test shows and computed by Triton kernels, with its 95 % Wilson "
        f"interval. Counts are the strict ones."
    )


def _columns(columns: Sequence[Column]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for number, column in enumerate(columns):
        first = number == 0 or columns[number - 1].policy != column.policy
        told = {name: getattr(column, name) for name in ("key", "heading", "policy", "meaning")}
        made.append({**told, "first": first})
    return made


def _charts(suite: Suite, models: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "model": model,
            "difficulty": intervals(
                suite.difficulty[model], about=f"{model} by difficulty", whole=True
            ),
            "family": intervals(
                suite.family.get(model, ()), about=f"{model} by family", whole=True
            ),
        }
        for model in models
        if suite.difficulty.get(model) or suite.family.get(model)
    ]


def _errors(errors: Errors) -> dict[str, Any]:
    """Shares are of what the paper has types for, as its own are."""
    typed = sum(count for name, count in errors.classes.items() if name not in errors.untyped)
    parts = []
    for name, count in errors.classes.items():
        part = count / typed if typed and name not in errors.untyped else None
        types = errors.types.get(name, {})
        paper = errors.paper.get(name)
        parts.append(
            {
                "count": count,
                "percent": "" if part is None else f"{100 * part:.1f}{PERCENT}",
                "heat": min(4, int(part * 6)) if part else 0,
                "types": ", ".join(f"{kind} {number}" for kind, number in types.items() if number),
                "paper": "" if paper is None else f"paper {paper:.1f}{PERCENT}",
            }
        )
    return {"model": errors.model, "failed": errors.failed, "parts": parts}


def _beside(suite: Suite) -> dict[str, Any]:
    """The published numbers, a row for each line of the paper's table."""
    metrics = list(dict.fromkeys(d.metric for d in suite.differences))
    rows: dict[tuple[str, str, str], dict[str, Difference]] = {}
    for d in suite.differences:
        rows.setdefault((d.model, d.setting, d.answers), {})[d.metric] = d
    return {
        "metrics": metrics,
        "rows": [
            {"model": model, "setting": setting, "answers": answers, "parts": rows[key]}
            for key in rows
            for model, setting, answers in (key,)
        ],
        "notes": [
            f"{d.model}, {d.setting}, {d.metric}: {d.note}" for d in suite.differences if d.note
        ],
    }
