"""The page of curves: one file that needs no network, no script and no other file."""

from __future__ import annotations

import base64
import hashlib
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from pytest_tritonbench.report.pages.provenance import runs

from .capability import doubts, limits
from .drawing import draw
from .figures import Figure, Point, Series, Unit
from .marks import sign, styles, swatch
from .numbers import duration, exact, percent, rate, ratio

_FILES = files(__package__) / "files"
_DASH = "\N{EN DASH}"


def page(figures: Sequence[Figure]) -> str:
    """Write the page.

    Everything that comes from records is escaped; a content security policy lets nothing be loaded
    and no script run.

    Args:
        figures: At least one.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = _read("sweep.css")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    names = [_name(figure, figures) for figure in figures]
    records = [record for figure in figures for record in figure.records]
    return environment.from_string(_read("sweep.html.j2")).render(
        style=Markup(style),  # noqa: S704 - a file of this package
        style_hash=Markup(f"sha256-{digest}"),  # noqa: S704 - base64
        lead=_lead(figures),
        bars=_bars([p for f in figures for one in f.candidates for p in one.points.values()]),
        figures=[_figure(f, n, i) for i, (f, n) in enumerate(zip(figures, names, strict=True))],
        overview=[
            _summary(figure, one, name, number)
            for number, (figure, name) in enumerate(zip(figures, names, strict=True))
            for one in figure.candidates
        ],
        peaks=limits(figures),
        doubts=doubts(figures),
        runs=runs(records),
    )


def _read(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")


def _name(figure: Figure, figures: Sequence[Figure]) -> str:
    """What sets a figure apart from the others of its task and dtype."""
    alike = [
        other
        for other in figures
        if (other.suite, other.task, other.dtype) == (figure.suite, figure.task, figure.dtype)
    ]
    parts = [figure.dtype]
    if len({other.device for other in alike}) > 1:
        parts.append(figure.device)
    if len({other.l2 for other in alike}) > 1:
        parts.append(f"{figure.l2 or 'unknown'} L2")
    return ", ".join(parts)


def _lead(figures: Sequence[Figure]) -> str:
    tasks = len({(figure.suite, figure.task) for figure in figures})
    cases = sum(len(figure.cases) for figure in figures)
    devices = sorted({figure.device for figure in figures})
    days = sorted({str(r["run"])[:10] for f in figures for r in f.records if r.get("run")})
    told = f"{cases:,} timed cases of {tasks} task{'' if tasks == 1 else 's'}"
    told += f" on {', '.join(devices)}"
    if days:
        told += f", {days[0]}" if len(days) == 1 else f", {days[0]} to {days[-1]}"
    return f"{told}."


def _figure(figure: Figure, name: str, number: int) -> dict[str, Any]:
    """What the template asks of a figure."""
    looks = styles(figure)
    points = [point for one in figure.candidates for point in one.points.values()]
    signs = []
    if figure.unit is not Unit.MS and any(need.least_ms for need in figure.needs):
        signs.append((sign("roof"), "roofline, measured"))
    if any(point.launch_bound for point in points):
        signs.append((sign("hollow"), "launch-bound"))
    if any(point.ambiguous for point in points):
        signs.append((sign("unsure"), "ambiguous"))
    return {
        "id": f"f{number}",
        "task": figure.task,
        "suite": figure.suite,
        "name": name,
        "about": _about(figure),
        "legend": [(swatch(looks[one.kind, one.name]), one.name) for one in figure.series] + signs,
        "drawings": draw(figure),
        "sizes": [" = ".join(names) for names in figure.arrangement.varied] or ["case"],
        "unit": "" if figure.unit is Unit.MS else str(figure.unit),
        "compared": [one.name for one in figure.others],
        "several": len(figure.candidates) > 1,
        "rows": list(_rows(figure)),
    }


def _about(figure: Figure) -> list[str]:
    told = [figure.device]
    if figure.l2:
        told.append(f"{figure.l2} L2")
    told += [method.replace("-", " ") for method in figure.methods]
    varied = {name for names in figure.arrangement.varied for name in names}
    told += [
        f"{name} = {exact(value)}"
        for name, value in figure.arrangement.fixed.items()
        if name not in varied
    ]
    return told


def _bars(points: Sequence[Point]) -> str:
    """What the bars are, in words."""
    levels = {point.level for point in points if point.low is not None}
    spread = "a bar spans 80\N{NO-BREAK SPACE}% of the times"
    if not levels:
        return f"{spread[0].upper()}{spread[1:]}."
    level = ", ".join(sorted(f"{100 * level:g}" for level in levels if level)) or "confidence"
    return (
        f"A bar is the {level}\N{NO-BREAK SPACE}% interval of the ratio between the kernel and "
        f"what it is compared with; without one, as for PyTorch itself, {spread}."
    )


def _rows(figure: Figure) -> Iterator[dict[str, Any]]:
    """Rows of the table: one for each case and candidate, in the order of the drawings."""
    spots = [spot for panel in figure.arrangement.panels for spot in panel.spots]
    for spot in spots:
        case = figure.cases[spot.case]
        varied = figure.arrangement.varied
        sizes = [exact(case.get(names[0])) for names in varied] or ["the only one"]
        timed = [one for one in figure.candidates if spot.case in one.points]
        for number, one in enumerate(timed):
            point = one.points[spot.case]
            share = figure.share(point)
            yield {
                "sizes": sizes if number == 0 else None,
                "span": len(timed),
                "name": one.name,
                "time": _time(figure, point),
                "compared": [
                    _time(figure, other.points[spot.case]) if spot.case in other.points else None
                    for other in figure.others
                ],
                "speedup": _DASH if point.speedup is None else ratio(point.speedup),
                "interval": ""
                if point.low is None or point.high is None
                else f"{point.low:.3f}{_DASH}{point.high:.3f}",
                "verdict": point.verdict or "",
                "share": _DASH if share is None else percent(share),
                "bound": figure.needs[spot.case].bound or "",
                "samples": "" if point.samples is None else f"{point.samples:,}",
                "notes": ", ".join(point.notes),
            }


def _time(figure: Figure, point: Point) -> dict[str, str]:
    value = figure.needs[point.case].rate(point.ms, figure.unit)
    spread = ""
    if point.p10_ms is not None and point.p90_ms is not None:
        spread = f"{duration(point.p10_ms)} to {duration(point.p90_ms)}"
    known = value is not None and figure.unit is not Unit.MS
    return {
        "rate": rate(value) if known and value is not None else "",
        "time": duration(point.ms),
        "spread": spread,
    }


def _summary(figure: Figure, one: Series, name: str, number: int) -> dict[str, Any]:
    """A row of the overview."""
    points = list(one.points.values())
    ratios = [point.speedup for point in points if point.speedup]
    verdicts = Counter(point.verdict for point in points if point.verdict)
    order = ("faster", "same", "slower", "ambiguous")
    shares = [(share, point) for point in points if (share := figure.share(point)) is not None]
    best = max(shares, key=lambda pair: pair[0], default=None)
    need = None if best is None else figure.needs[best[1].case]
    value = None if best is None or need is None else need.rate(best[1].ms, figure.unit)
    bound = None if need is None else need.bound
    return {
        "id": f"f{number}",
        "task": figure.task,
        "name": name,
        "candidate": one.name,
        "cases": len(points),
        "speedup": ratio(statistics.geometric_mean(ratios)) if ratios else _DASH,
        "range": f"{ratio(min(ratios))} to {ratio(max(ratios))}" if len(ratios) > 1 else "",
        "verdicts": ", ".join(f"{verdicts[v]} {v}" for v in order if verdicts[v]),
        "rate": _DASH if value is None else f"{rate(value)} {figure.unit}",
        "share": "" if best is None else f"{percent(best[0])} of the {bound or ''} roofline",
    }
