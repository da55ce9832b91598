"""What lies along the horizontal axis of a sweep, and what sets its panels apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from .numbers import exact, size

Case = Mapping[str, Any]

_ASIDE = ("dtype", "seed")
_COVERED = 2 / 3
"""Share of the cases that must lie on curves; else there is no curve to be seen in them."""

_MOST_CLASSES = 6
"""Parameters that vary on their own beyond which no axis is searched for."""

_LINES = 4


@dataclass(frozen=True)
class Spot:
    """Where a case lies on the axis."""

    case: int
    """Its number among those that were arranged."""

    x: float
    labels: tuple[str, ...]
    """Lines below the axis."""


@dataclass(frozen=True)
class Panel:
    """One system of axes."""

    spots: tuple[Spot, ...]
    """From the left."""

    title: str = ""
    """What its cases share and other panels' do not."""

    label: str = ""
    """Name of the axis; empty where the cases stand side by side, each under its own name."""

    note: str = ""
    """What changes along with the axis."""

    @property
    def curve(self) -> bool:
        """Whether its cases are in an order that a line may be drawn through."""
        return bool(self.label)


@dataclass(frozen=True)
class Arrangement:
    """The panels of a sweep."""

    panels: tuple[Panel, ...]
    fixed: Mapping[str, Any]
    """Parameters that all cases share."""

    varied: tuple[tuple[str, ...], ...]
    """Names of the others; those that are always equal stand together."""


@dataclass(frozen=True)
class _Class:
    """Parameters with the same value as each other in every case."""

    names: tuple[str, ...]
    values: tuple[Any, ...]

    @property
    def name(self) -> str:
        return " = ".join(self.names)

    @property
    def sizes(self) -> bool:
        """Whether all of its values are numbers above 0, which have logarithms."""
        return all(
            isinstance(v, int | float) and not isinstance(v, bool) and v > 0 for v in self.values
        )


@dataclass(frozen=True)
class _Layout:
    """A choice of the axis and of what sets panels apart."""

    axis: _Class
    apart: tuple[_Class, ...]
    groups: Mapping[tuple[Any, ...], tuple[int, ...]]
    """Numbers of the cases, in the order of the axis."""

    @property
    def curves(self) -> list[tuple[int, ...]]:
        return [group for group in self.groups.values() if len(group) > 1]

    @property
    def merit(self) -> tuple[float, ...]:
        """More cases on curves, fewer panels, equal sizes in each, listed in a row, upwards."""
        curves = self.curves
        sizes = {tuple(self.axis.values[i] for i in group) for group in curves}
        in_a_row = all(max(group) - min(group) < len(group) for group in curves)
        upward = all(list(group) == sorted(group) for group in curves)
        return sum(map(len, curves)), -len(self.groups), -len(sizes), in_a_row, upward


def arrange(cases: Sequence[Case]) -> Arrangement:
    """Find the axis on which cases make the fewest and the longest curves.

    Parameters that vary together share the axis (``m = n = k``). A case that lies on no curve
    stands in a last panel, beside others of its kind.

    Args:
        cases: Different cases of one task and dtype, in the order of the sweep.
    """
    names = [n for n in dict.fromkeys(n for case in cases for n in case) if n not in _ASIDE]
    columns = {name: tuple(_frozen(case.get(name)) for case in cases) for name in names}
    fixed = {name: column[0] for name, column in columns.items() if len(set(column)) == 1}
    together: dict[tuple[Any, ...], list[str]] = {}
    for name, column in columns.items():
        if name not in fixed:
            together.setdefault(column, []).append(name)
    classes = [_Class(tuple(names), column) for column, names in together.items()]
    layouts = list(_layouts(classes, len(cases)))
    # Of equally good ones the first parameter of the case is the axis.
    best = max(layouts, key=lambda layout: layout.merit, default=None)
    panels = []
    alone: Sequence[int] = range(len(cases))
    if best is not None and best.merit[0] >= _COVERED * len(cases):
        panels = [
            _panel(best, classes, key, group)
            for key, group in best.groups.items()
            if len(group) > 1
        ]
        alone = sorted(i for group in best.groups.values() if len(group) == 1 for i in group)
    if alone:
        panels.append(_side_by_side(alone, classes, fixed, title="other cases" if panels else ""))
    return Arrangement(tuple(panels), fixed, tuple(one.names for one in classes))


def _layouts(classes: Sequence[_Class], count: int) -> Iterator[_Layout]:
    if len(classes) > _MOST_CLASSES:
        return
    for axis in classes:
        if not axis.sizes:
            continue
        others = [one for one in classes if one is not axis]
        for number in range(len(others) + 1):
            for apart in combinations(others, number):
                groups: dict[tuple[Any, ...], list[int]] = {}
                for i in range(count):
                    groups.setdefault(tuple(one.values[i] for one in apart), []).append(i)
                ordered = {
                    key: tuple(sorted(group, key=lambda i: axis.values[i]))
                    for key, group in groups.items()
                }
                rest = [one for one in others if one not in apart]
                if all(_is_curve(group, axis, rest) for group in ordered.values()):
                    yield _Layout(axis, apart, ordered)


def _is_curve(group: Sequence[int], axis: _Class, rest: Sequence[_Class]) -> bool:
    """Whether no two cases share a place, and all else goes one way along the axis, or stays."""
    if len({axis.values[i] for i in group}) < len(group):
        return False
    for one in rest:
        values = [one.values[i] for i in group]
        if len(set(values)) > 1 and not (
            one.sizes and values in (sorted(values), sorted(values, reverse=True))
        ):
            return False
    return True


def _panel(
    layout: _Layout, classes: Sequence[_Class], key: tuple[Any, ...], group: Sequence[int]
) -> Panel:
    axis = layout.axis
    along = [
        f"{one.name} from {exact(one.values[group[0]])} to {exact(one.values[group[-1]])}"
        for one in classes
        if one is not axis and one not in layout.apart
        if len({one.values[i] for i in group}) > 1
    ]
    return Panel(
        spots=tuple(Spot(i, float(axis.values[i]), (size(axis.values[i]),)) for i in group),
        title=", ".join(
            f"{one.name} = {exact(value)}" for one, value in zip(layout.apart, key, strict=True)
        ),
        label=axis.name,
        note=f"with {', '.join(along)}" if along else "",
    )


def _side_by_side(
    numbers: Sequence[int], classes: Sequence[_Class], fixed: Case, *, title: str
) -> Panel:
    """Cases in their own order, each under those of its parameters that vary."""
    spots = []
    for place, i in enumerate(numbers):
        told = [f"{one.name} = {exact(one.values[i])}" for one in classes]
        told = told or [f"{name} = {exact(value)}" for name, value in fixed.items()]
        spots.append(Spot(i, float(place), tuple(told[:_LINES])))
    return Panel(tuple(spots), title=title)


def _frozen(value: Any) -> Any:
    """A value that can be compared and counted, whatever JSON holds; ``True`` is not 1."""
    if isinstance(value, bool | list | dict):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value
