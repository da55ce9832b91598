"""The paper's own numbers, to be shown beside ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class PublishedRow:
    """One model in one setting, as tables 3 and 4 have it."""

    table: int
    suite: str
    model: str
    setting: str
    """``zero-shot`` or ``one-shot``."""

    file: str
    """The published prediction file that it was made from, without its ending."""

    values: Mapping[str, float]
    """Percentages (speedup: a ratio) by metric: similarity, call, exec, speedup, efficiency."""

    off_grid: Mapping[str, str] = field(default_factory=dict)
    """Metrics whose number cannot be right, with the reason."""

    note: str = ""


@cache
def document() -> Mapping[str, Any]:
    """Read ``published_tables.json``.

    Returns:
        ``rows`` (tables 3 and 4), ``tables`` (1 and 2), ``errors`` (5 and 6), ``figures`` (3 to 5).
    """
    text = resources.files(__package__).joinpath("published_tables.json").read_text("utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


@cache
def rows() -> tuple[PublishedRow, ...]:
    """Tables 3 and 4, row by row; zero-shot before one-shot."""
    return tuple(PublishedRow(**row) for row in document()["rows"])


def published_row(suite: str, model: str) -> PublishedRow | None:
    """Find the row of a prediction file.

    Args:
        suite: ``TritonBench-G`` or ``TritonBench-T``.
        model: The model's name as records have it: the stem of the prediction file, with or
            without its ``output_``, or with the channel in front (``G_``, ``T_``).

    Returns:
        ``None`` for a file that no row was made from, such as the simple instructions'.
    """
    stem = _stem(model, suite[-1:])
    return next((r for r in rows() if r.suite == suite and _stem(r.file, "") == stem), None)


def published_errors(suite: str, model: str) -> Mapping[str, float] | None:
    """Find the percentages of tables 5 and 6 by class of error for a prediction file."""
    return _of_row("errors", "percent", suite, model)


def published_difficulties(suite: str, model: str) -> Mapping[str, float] | None:
    """Find figure 4's or 5's successes by difficulty (``"1"`` to ``"5"``) for a prediction file."""
    return _of_row("figures", "counts", suite, model)


def _of_row(section: str, key: str, suite: str, model: str) -> Mapping[str, float] | None:
    row = published_row(suite, model)
    if row is None:
        return None
    entries = document()[section]
    if section == "figures":
        figure = "4" if suite == "TritonBench-G" else "5"
        entries = [{"suite": suite, **entry} for entry in entries[figure]["counts"]]
    wanted = (suite, row.model, row.setting)
    for entry in entries:
        if (entry["suite"], entry["model"], entry["setting"]) == wanted:
            found: Mapping[str, float] = entry[key]
            return found
    return None


def _stem(name: str, channel: str) -> str:
    name = name.removesuffix(".jsonl")
    if channel:
        name = name.removeprefix(f"{channel}_")
    return name.removeprefix("output_")
