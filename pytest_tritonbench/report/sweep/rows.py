"""The numbers of a figure, row by row: for the page and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from pytest_tritonbench.report.spreadsheet import harmless

from .figures import Figure, Point, Series, Unit

COLUMNS = (
    *("suite", "task", "dtype", "device", "l2", "method", "panel", "axis", "x", "case"),
    *("series", "name", "model", "sample", "median_ms", "p10_ms", "p90_ms", "host_ms", "samples"),
    *("tflops", "gbs", "roofline", "bound", "roofline_tflops", "roofline_gbs"),
    *("speedup", "low", "high", "level", "verdict", "launch_bound", "notes", "run"),
)


def table(figures: Iterable[Figure]) -> str:
    """All points as CSV: one row for each case and curve, tidy, as tools for data like it.

    Of a candidate ``speedup`` is PyTorch's time over its own; of every other curve its time over
    the last candidate's. ``roofline`` is the share of it that was reached.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for figure in figures:
        for row in _rows(figure):
            rows.writerow([_cell(value) for value in row])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Numbers are as short as is exact: seven digits are more than any clock gives."""
    return f"{value:.7g}" if isinstance(value, float) else harmless(value)


def _rows(figure: Figure) -> Iterator[list[Any]]:
    head = [figure.suite, figure.task, figure.dtype, figure.device, figure.l2]
    for panel in figure.arrangement.panels:
        for spot in panel.spots:
            case = json.dumps(figure.cases[spot.case])
            x = spot.x if panel.curve else ""
            where = [", ".join(figure.methods), panel.title, panel.label, x, case]
            for one in figure.series:
                point = one.points.get(spot.case)
                if point is not None:
                    yield [*head, *where, *_numbers(figure, one, point)]


def _numbers(figure: Figure, one: Series, point: Point) -> list[Any]:
    need = figure.needs[point.case]
    rates = [need.rate(point.ms, unit) for unit in (Unit.TFLOPS, Unit.GBS)]
    roofs = [
        None if need.least_ms is None else need.rate(need.least_ms, unit)
        for unit in (Unit.TFLOPS, Unit.GBS)
    ]
    return [
        *(str(one.kind), one.name, one.model, one.sample),
        *(point.ms, point.p10_ms, point.p90_ms, point.host_ms, point.samples),
        *(*rates, figure.share(point), need.bound, *roofs),
        *(point.speedup, point.low, point.high, point.level, point.verdict),
        *(point.launch_bound, "; ".join(point.notes), one.run),
    ]
