"""How numbers are written: aligned, with their unit, and no more digits than they carry."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup, escape

from .scores import Cell, Share

ABSENT = "\N{EN DASH}"
PERCENT = "\N{NARROW NO-BREAK SPACE}%"
_TIMES = "\N{MULTIPLICATION SIGN}"
_TO = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


def percent(share: Share) -> str:
    """A share, as 38.6 %."""
    return f"{100 * share.value:.1f}{PERCENT}"


def bounds(share: Share) -> str:
    """Its interval, as 31.5 to 46.2 without the unit."""
    return f"{100 * share.low:.1f}{_TO}{100 * share.high:.1f}"


def number(cell: Cell) -> str:
    """A number that is no share, in the words of its column."""
    if cell.number is None:
        return ABSENT
    return f"{cell.number:.2f}{_TIMES if cell.form == 'times' else PERCENT}"


def spread(cell: Cell) -> str:
    """The interval of a number that is no share; empty where it has none."""
    return "" if cell.low is None or cell.high is None else f"{cell.low:.2f}{_TO}{cell.high:.2f}"


def unit(value: float | None, kind: str) -> str:
    """A value with its unit: percent, or times."""
    if value is None:
        return ABSENT
    return f"{value:.2f}{PERCENT if kind == '%' else _TIMES}"


def signed(value: float | None, kind: str) -> str:
    """A difference with its sign; differences of percentages are points."""
    if value is None:
        return ABSENT
    sign = _MINUS if round(value, 2) < 0 else "+" if round(value, 2) > 0 else "±"
    return f"{sign}{abs(value):.2f}{'' if kind == '%' else _TIMES}"


def breakable(name: str) -> Markup:
    """A name that may be broken behind ``_``, ``-``, ``/`` and ``.``."""
    return Markup(re.sub(r"([_\-/.])", r"\1<wbr>", str(escape(name))))  # noqa: S704 - escaped


FILTERS: Mapping[str, Callable[..., Any]] = {
    "breakable": breakable,
    "percent": percent,
    "bounds": bounds,
    "number": number,
    "spread": spread,
    "unit": unit,
    "signed": signed,
}
