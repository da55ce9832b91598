"""Drawings of shares with their intervals, as inline SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from pytest_tritonbench.report.names import shortened

from .scores import Group, Share

_ROW = 24
_TOP = 26
_BOTTOM = 6
_LABEL = 276
_COUNT = 70
_LONGEST = 38


@dataclass(frozen=True)
class _Axis:
    """From 0 to ``end``, a share, over ``width`` pixels."""

    end: float
    width: int

    @property
    def total(self) -> int:
        """Width of the whole drawing."""
        return _LABEL + self.width + _COUNT

    def at(self, share: float) -> float:
        """Where a share lies."""
        return round(_LABEL + self.width * min(share, self.end) / self.end, 1)


def intervals(
    groups: Sequence[Group], *, about: str, whole: bool = False, width: int = 240
) -> Markup:
    """Draw one row a group: the published policy as a ring, the strict one as a dot.

    The line through a dot is its 95 % interval. Colours come from the page's style sheet.

    Args:
        groups: Rows, from the top.
        about: What is drawn, for those who cannot see it.
        whole: Let the axis end at 100 %, so that drawings can be compared; otherwise it ends
            after the largest value.
        width: Of the axis, in pixels.
    """
    axis = _Axis(1.0 if whole else _end(groups), width)
    height = _TOP + _ROW * len(groups) + _BOTTOM
    size = f'viewBox="0 0 {axis.total} {height}" width="{axis.total}" height="{height}"'
    parts = [f'<svg class="chart" {size} role="img" aria-label="{escape(about)}">']
    parts += _ticks(axis, height)
    for number, group in enumerate(groups):
        parts += _row(group, _TOP + _ROW * number + _ROW // 2, axis)
    return Markup("".join(parts) + "</svg>")  # noqa: S704 - every text in it went through escape


def _end(groups: Sequence[Group]) -> float:
    """Upper end of the axis: a multiple of a tenth, at least a tenth."""
    tops = [s.value for g in groups for s in (g.published, g.strict) if s is not None]
    tops += [g.strict.high for g in groups if g.strict is not None]
    return min(1.0, max(0.1, -(-max(tops, default=0.1) * 10 // 1) / 10))


def _ticks(axis: _Axis, height: int) -> Iterator[str]:
    steps = round(axis.end * 10)
    for step in range(0, steps + 1, 2 if steps > 5 else 1):
        x = axis.at(step / 10)
        yield f'<line class="rule" x1="{x}" x2="{x}" y1="{_TOP - 4}" y2="{height}"/>'
        unit = " %" if step == 0 else ""
        yield f'<text class="tick" x="{x}" y="{_TOP - 10}">{step * 10}{unit}</text>'


def _row(group: Group, y: int, axis: _Axis) -> Iterator[str]:
    told = "\n".join(_told(group))
    yield f"<g><title>{escape(told)}</title>"
    yield f'<rect class="row" x="0" y="{y - _ROW // 2}" width="{axis.total}" height="{_ROW}"/>'
    name = escape(shortened(group.name, _LONGEST, "…"))
    yield f'<text class="name" x="{_LABEL - 14}" y="{y + 4}">{name}</text>'
    published, strict = group.published, group.strict
    if published is not None and strict is not None:
        yield _line("step", strict.value, published.value, y, axis)
    if strict is not None:
        yield _line("interval", strict.low, strict.high, y, axis)
        yield f'<circle class="dot" cx="{axis.at(strict.value)}" cy="{y}" r="4"/>'
        count = f"{strict.k}/{strict.n}"
        yield f'<text class="number" x="{axis.total - 6}" y="{y + 4}">{count}</text>'
    if published is not None:
        yield f'<circle class="ring" cx="{axis.at(published.value)}" cy="{y}" r="6"/>'
    yield "</g>"


def _told(group: Group) -> Iterator[str]:
    yield group.name
    for policy, share in (("published", group.published), ("strict", group.strict)):
        if share is not None:
            yield f"{policy}: {share.k} of {share.n} = {_interval(share)}"


def _interval(share: Share) -> str:
    return f"{100 * share.value:.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f})"


def _line(kind: str, start: float, stop: float, y: int, axis: _Axis) -> str:
    return f'<line class="{kind}" x1="{axis.at(start)}" x2="{axis.at(stop)}" y1="{y}" y2="{y}"/>'
