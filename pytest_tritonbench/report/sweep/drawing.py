"""A figure's panels as inline SVG; colours come from the page's style sheet."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup, escape

from .axis import Panel
from .figures import Figure, Kind, Point, Series, Unit
from .marks import Style, marker, styles
from .numbers import duration, percent, rate, ratio
from .scales import Vertical, along, by_decades, from_zero, readable

_WIDE = (880, 340)
_NARROW = (560, 270)
_LEFT, _RIGHT, _TOP, _BELOW = 66, 18, 30, 26
_LINE, _LABELLED = 14, 22
_BESIDE = 14
"""Pixels between the points of one case where cases stand side by side."""

_PLACE = 130
_FAR_BELOW = 4
"""How many times the fastest point a roofline may be and still be drawn where it is."""

_CAP = 3
_LETTER, _GAP = 6.2, 8


def draw(figure: Figure) -> list[Markup]:
    """Draw the panels, with one scale for all of them; of a single case there is nothing to see."""
    if len(figure.cases) == 1:
        return []
    panels = figure.arrangement.panels
    most, height = _WIDE if len(panels) == 1 else _NARROW
    drawn = []
    for panel in panels:
        needed = _LEFT + _RIGHT + max(_PLACE, _BESIDE * (len(figure.series) + 2)) * len(panel.spots)
        width = most if panel.curve else min(most, needed)
        drawn.append(_Drawing(figure, panel, width, height).svg())
    return drawn


class _Drawing:
    """One panel.

    Args:
        figure: What it is of.
        panel: Which of its panels.
        width: In pixels.
        height: In pixels, without what is written below the axis.
    """

    def __init__(self, figure: Figure, panel: Panel, width: int, height: int) -> None:
        self._figure = figure
        self._panel = panel
        self._width = width
        lines = max(len(spot.labels) for spot in panel.spots)
        below = _BELOW + _LINE * (lines - 1) + (_LABELLED if panel.label else 0)
        self._height = height + below
        self._x = along(
            [spot.x for spot in panel.spots], _LEFT, width - _RIGHT, doubling=panel.curve
        )
        self._y, self._near = _vertical(figure, _TOP, height)
        self._styles = styles(figure)

    def svg(self) -> Markup:
        """The drawing."""
        unit = self._figure.unit
        over = f" over {self._panel.label}" if self._panel.label else ""
        about = f"{self._figure.task}, {self._figure.dtype}: {unit}{over}"
        about += f", {self._panel.title}" if self._panel.title else ""
        size = f'viewBox="0 0 {self._width} {self._height}" width="{self._width}"'
        parts = [
            f'<svg class="plot" {size} role="img" aria-label="{escape(about)}">',
            *self._roofline_area(),
            *self._grid(),
            *self._axis(),
            *self._roofline(),
        ]
        # The first candidate's curve lies on top.
        for one in reversed(self._figure.series):
            parts += self._series(one)
        return _safe("".join(parts) + "</svg>")

    def _grid(self) -> Iterator[str]:
        right = self._width - _RIGHT
        for tick in self._y.ticks:
            y = self._y.at(tick)
            kind = "base" if tick == self._y.ticks[0] else "rule"
            yield f'<line class="{kind}" x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}"/>'
            yield f'<text class="tick side" x="{_LEFT - 8}" y="{y + 4}">{_tick(tick)}</text>'
        unit = self._figure.unit
        told = f"{unit}, less is better" if unit is Unit.MS else str(unit)
        title = f'<tspan dx="14">{escape(self._panel.title)}</tspan>' if self._panel.title else ""
        yield f'<text class="unit" x="{_LEFT - 58}" y="{_TOP - 14}">{told}{title}</text>'

    def _axis(self) -> Iterator[str]:
        spots = self._panel.spots
        positions = [self._x.at(spot.x) for spot in spots]
        longest = max(len(label) for spot in spots for label in spot.labels)
        shown = set(readable(positions, _LETTER * longest + _GAP))
        floor = self._y.bottom
        for number, (spot, x) in enumerate(zip(spots, positions, strict=True)):
            yield f'<line class="notch" x1="{x}" x2="{x}" y1="{floor}" y2="{floor + 5}"/>'
            for line, label in enumerate(spot.labels if number in shown else ()):
                y = floor + 20 + _LINE * line
                yield f'<text class="tick" x="{x}" y="{y}">{escape(label)}</text>'
        if self._panel.label:
            middle = (_LEFT + self._width - _RIGHT) / 2
            name = " ".join(filter(None, (self._panel.label, self._panel.note)))
            yield f'<text class="label" x="{middle}" y="{self._height - 6}">{escape(name)}</text>'

    def _roof(self) -> list[tuple[float, float]]:
        """Corners of the roofline, from the left; empty where it is not known everywhere."""
        figure, panel = self._figure, self._panel
        heights = [figure.roofline(spot.case) for spot in panel.spots]
        known = [height for height in heights if height is not None]
        if not self._near or len(known) < len(heights) or figure.unit is Unit.MS:
            return []
        x, y = self._x, self._y
        if panel.curve:
            ends = [_LEFT, *(x.at(spot.x) for spot in panel.spots), self._width - _RIGHT]
            return list(zip(ends, map(y.at, [known[0], *known, known[-1]]), strict=True))
        return [
            corner
            for spot, height in zip(panel.spots, known, strict=True)
            for corner in ((x.at(spot.x - 0.5), y.at(height)), (x.at(spot.x + 0.5), y.at(height)))
        ]

    def _roofline_area(self) -> Iterator[str]:
        corners = self._roof()
        if corners:
            right, left = corners[-1][0], corners[0][0]
            path = " ".join(f"{x},{y}" for x, y in corners)
            yield f'<polygon class="beyond" points="{left},{_TOP} {path} {right},{_TOP}"/>'

    def _roofline(self) -> Iterator[str]:
        corners = self._roof()
        if corners:
            path = " ".join(f"{x},{y}" for x, y in corners)
            yield f'<polyline class="roof" points="{path}"/>'
            return
        rooflines = [self._figure.roofline(spot.case) for spot in self._panel.spots]
        known = [value for value in rooflines if value is not None]
        if known and self._figure.unit is not Unit.MS:
            low, high = rate(min(known)), rate(max(known))
            told = low if low == high else f"{low} to {high}"
            x = self._width - _RIGHT
            yield f'<text class="away" x="{x}" y="{_TOP - 14}">roofline at {told} ↑</text>'

    def _series(self, one: Series) -> Iterator[str]:
        style = self._styles[one.kind, one.name]
        spots = [spot for spot in self._panel.spots if spot.case in one.points]
        aside = 0.0
        if not self._panel.curve:
            every = self._figure.series
            aside = _BESIDE * (every.index(one) - (len(every) - 1) / 2)
        placed = [(self._x.at(spot.x) + aside, one.points[spot.case]) for spot in spots]
        if self._panel.curve and len(placed) > 1:
            path = " ".join(f"{x},{self._height_of(point.case, point.ms)}" for x, point in placed)
            yield f'<polyline class="curve s-{style.colour}" points="{path}"/>'
        for x, point in placed:
            yield from self._point(one, style, x, point)

    def _point(self, one: Series, style: Style, x: float, point: Point) -> Iterator[str]:
        y = self._height_of(point.case, point.ms)
        low, high = (self._height_of(point.case, ms) for ms in (point.low_ms, point.high_ms))
        yield f"<g><title>{escape(_told(self._figure, one, point))}</title>"
        if abs(high - low) >= 1:
            kind = f"bar s-{style.colour}"
            yield f'<path class="{kind}" d="M{x} {low}V{high}'
            yield f'M{x - _CAP} {low}h{2 * _CAP}M{x - _CAP} {high}h{2 * _CAP}"/>'
        hollow = " hollow" if point.launch_bound else ""
        yield marker(style.shape, x, y, f"mark s-{style.colour}{hollow}")
        if point.ambiguous and one.kind is Kind.CANDIDATE:
            yield f'<text class="unsure" x="{x}" y="{min(y, low, high) - 8}">≈</text>'
        yield "</g>"

    def _height_of(self, case: int, ms: float) -> float:
        value = self._figure.needs[case].rate(ms, self._figure.unit)
        return self._y.at(0.0 if value is None else value)


def _vertical(figure: Figure, top: float, bottom: float) -> tuple[Vertical, bool]:
    """The scale of all panels, and whether the roofline lies within it."""
    points = [
        (point, figure.needs[number])
        for one in figure.series
        for number, point in one.points.items()
    ]
    if figure.unit is Unit.MS:
        times = [ms for point, _ in points for ms in (point.low_ms, point.ms, point.high_ms)]
        return by_decades(min(times), max(times), top, bottom), False
    reached = [need.rate(ms, figure.unit) or 0.0 for p, need in points for ms in (p.low_ms, p.ms)]
    fastest = max(reached)
    roofs = [figure.roofline(number) or 0.0 for number in range(len(figure.cases))]
    near = max(roofs) <= _FAR_BELOW * fastest
    return from_zero(1.02 * max(fastest, *roofs) if near else fastest, top, bottom), near


def _told(figure: Figure, one: Series, point: Point) -> str:
    """What a point says when it is pointed at."""
    case = figure.cases[point.case]
    names = [name for names in figure.arrangement.varied for name in names] or list(case)
    lines = [one.name, ", ".join(f"{n} = {case[n]}" for n in names if n in case and n != "dtype")]
    value = figure.needs[point.case].rate(point.ms, figure.unit)
    known = value is not None and figure.unit is not Unit.MS
    lines.append(
        f"{rate(value)} {figure.unit}, {duration(point.ms)}"
        if known and value
        else duration(point.ms)
    )
    if point.p10_ms is not None and point.p90_ms is not None:
        lines.append(f"80 % of times: {duration(point.p10_ms)} to {duration(point.p90_ms)}")
    if (share := figure.share(point)) is not None:
        lines.append(f"{percent(share)} of the roofline ({figure.needs[point.case].bound})")
    if one.kind is Kind.CANDIDATE and point.speedup is not None:
        lines.append(f"{ratio(point.speedup)} the speed of PyTorch {point.verdict or ''}".rstrip())
    return "\n".join([*lines, *point.notes])


def _tick(value: float) -> str:
    return f"{value:,.10g}"


def _safe(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - every text in it went through escape
