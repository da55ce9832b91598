"""How curves are told apart: by colour, and by the shape of their points for those who see none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .figures import Figure, Kind

_COLOURS = 5
_CANDIDATES = ("circle", "turned", "pentagon", "hexagon", "bar")
_CORNERS: Mapping[str, Sequence[tuple[float, float]]] = {
    "square": ((-4.6, -4.6), (4.6, -4.6), (4.6, 4.6), (-4.6, 4.6)),
    "triangle": ((0, -5.2), (4.8, 3.6), (-4.8, 3.6)),
    "turned": ((0, 5.2), (4.8, -3.6), (-4.8, -3.6)),
    "diamond": ((0, -5.6), (5.2, 0), (0, 5.6), (-5.2, 0)),
    "pentagon": ((0, -5.2), (5, -1.4), (3, 4.4), (-3, 4.4), (-5, -1.4)),
    "hexagon": ((-2.6, -4.6), (2.6, -4.6), (5.2, 0), (2.6, 4.6), (-2.6, 4.6), (-5.2, 0)),
    "bar": ((-2, -5.5), (2, -5.5), (2, 5.5), (-2, 5.5)),
}


@dataclass(frozen=True)
class Style:
    """How a curve looks."""

    colour: str
    """End of the name of the class that gives it its colour."""

    shape: str


def styles(figure: Figure) -> dict[tuple[Kind, str], Style]:
    """The look of every curve; the first candidate's and PyTorch's are alike in all figures."""
    found = {}
    numbers = dict.fromkeys(Kind, 0)
    for one in figure.series:
        number = numbers[one.kind]
        numbers[one.kind] += 1
        found[one.kind, one.name] = {
            Kind.CANDIDATE: Style(f"cand{number % _COLOURS}", _CANDIDATES[number % _COLOURS]),
            Kind.REFERENCE: Style("ref", "square"),
            Kind.COMPILED: Style("comp", "triangle"),
            Kind.REVISION: Style("rev", "diamond"),
        }[one.kind]
    return found


def marker(shape: str, x: float, y: float, kind: str) -> str:
    """One point, as SVG.

    Args:
        shape: ``circle``, or a name of a polygon.
        x: Of its centre.
        y: Of its centre.
        kind: Classes.
    """
    if shape == "circle":
        return f'<circle class="{kind}" cx="{x}" cy="{y}" r="4.2"/>'
    corners = " ".join(f"{round(x + dx, 2)},{round(y + dy, 2)}" for dx, dy in _CORNERS[shape])
    return f'<polygon class="{kind}" points="{corners}"/>'


def swatch(style: Style) -> Markup:
    """A curve's line and point, for the legend."""
    line = f'<line class="curve s-{style.colour}" x1="1" x2="33" y1="8" y2="8"/>'
    return _small(line + marker(style.shape, 17, 8, f"mark s-{style.colour}"))


def sign(kind: str) -> Markup:
    """Another sign that the legend explains: ``roof``, ``hollow`` or ``unsure``."""
    drawn = {
        "roof": '<path class="beyond" d="M1 1H33V8H1Z"/>'
        '<line class="roof" x1="1" x2="33" y1="8" y2="8"/>',
        "hollow": marker("circle", 17, 8, "mark s-cand0 hollow"),
        "unsure": '<text class="unsure" x="17" y="13">≈</text>',
    }
    return _small(drawn[kind])


def _small(content: str) -> Markup:
    size = 'viewBox="0 0 34 16" width="34" height="16" aria-hidden="true"'
    return Markup(f'<svg class="swatch" {size}>{content}</svg>')  # noqa: S704 - nothing foreign
