"""A case: one concrete call of a task, written as one short JSON line."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pytest_tritonbench.task.extents import extent
from pytest_tritonbench.task.layouts import possible
from pytest_tritonbench.task.pieces import (
    ChoicePiece,
    CountPiece,
    IntegerPiece,
    NumberPiece,
    Scalar,
    StoredPiece,
    TensorPiece,
)

if TYPE_CHECKING:
    from pytest_tritonbench.task.declaration import Task

PATTERNS = (
    *("normal", "uniform", "large", "tiny", "constant", "spike", "integers"),
    *("special", "masked"),
)
RESERVED = ("dtype", "pattern", "seed")


class CaseError(ValueError):
    """A case does not fit its task."""


@dataclass(frozen=True)
class Layout:
    """How one tensor argument lies in memory and which of its dims are broadcast."""

    name: str = "contiguous"
    ones: tuple[int, ...] = ()
    """Axes whose extent is 1 instead of the named dim's."""

    def __str__(self) -> str:
        return f"{self.name}/{','.join(map(str, self.ones))}" if self.ones else self.name

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Read ``gap`` or ``gap/0,2``."""
        name, _, axes = text.partition("/")
        if axes and not re.fullmatch(r"\d+(,\d+)*", axes):
            raise CaseError(f"{text!r} is no layout; write a name such as 'gap' or 'gap/0'")
        return cls(name, tuple(int(axis) for axis in axes.split(",")) if axes else ())


CONTIGUOUS = Layout()


@dataclass(frozen=True)
class Case:
    """One concrete call: dims and scalars, dtype, memory layouts, value pattern and data seed."""

    values: Mapping[str, Scalar]
    """Extents of the named dims and values of the scalar arguments."""

    dtype: str
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    """Layout by tensor argument; those that are not named are contiguous."""

    absent: frozenset[str] = frozenset()
    """Optional tensor arguments that are ``None``."""

    pattern: str = "normal"
    seed: int = 0

    def layout(self, name: str) -> Layout:
        """The layout of a tensor argument."""
        return self.layouts.get(name, CONTIGUOUS)

    def to_json(self) -> str:
        """One line that :func:`parse_case` reads back."""
        flat: dict[str, Any] = {**self.values, "dtype": self.dtype}
        flat.update({n: str(v) for n, v in sorted(self.layouts.items()) if v != CONTIGUOUS})
        flat.update(dict.fromkeys(sorted(self.absent)))
        if self.pattern != "normal":
            flat["pattern"] = self.pattern
        flat["seed"] = self.seed
        return json.dumps(flat)

    @property
    def id(self) -> str:
        """A short name for a test id: dtype, dims, then whatever is out of the ordinary."""
        parts = [self.dtype]
        parts += [f"{n}{'' if isinstance(v, int) else '.'}{v}" for n, v in self.values.items()]
        parts += [f"{n}.{v}" for n, v in sorted(self.layouts.items()) if v != CONTIGUOUS]
        parts += [f"{n}.none" for n in sorted(self.absent)]
        parts += [self.pattern] if self.pattern != "normal" else []
        return "-".join(re.sub(r"[^\w.+]", "_", part) for part in parts)

    def with_seed(self, seed: int) -> Case:
        """The same case on other data."""
        return replace(self, seed=seed)


def parse_case(task: Task, given: str | Mapping[str, Any]) -> Case:
    """Read a case of a task, filling in what it leaves out.

    Args:
        task: The task that the case belongs to.
        given: A JSON line or its content. Dims must be given; scalars default to the first of
            their choices, ``dtype`` to the task's first, layouts to contiguous, ``pattern`` to the
            task's first and ``seed`` to a number derived from the rest.

    Raises:
        CaseError: If the case does not fit the task; the message says what would.
    """
    flat = _object(given) if isinstance(given, str) else dict(given)
    dtype = flat.pop("dtype", task.dtypes[0])
    if dtype not in task.dtypes:
        raise CaseError(f"dtype {dtype!r} is none of this task's: {', '.join(task.dtypes)}")
    pattern = flat.pop("pattern", task.patterns[0])
    if pattern not in PATTERNS:
        raise CaseError(f"unknown pattern {pattern!r}; there are {', '.join(PATTERNS)}")
    seed = flat.pop("seed", None)
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or seed < 0):
        raise CaseError(f"seed is a whole number of 0 or more, not {seed!r}")
    values = _take_values(task, flat)
    layouts, absent = _take_layouts(task, flat)
    if flat:
        known = [*task.dims, *task.inputs, *RESERVED]
        extra = ", ".join(map(repr, flat))
        raise CaseError(f"the case has no {extra}; it takes {', '.join(known)}")
    if not task.admits(values):
        raise CaseError(f"the task's `where` refuses {json.dumps(values)}")
    made = Case(values, dtype, layouts, absent, pattern, seed or 0)
    return made if seed is not None else made.with_seed(_derived_seed(made))


def _take_values(task: Task, flat: dict[str, Any]) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for name, limits in task.dims.items():
        size = flat.pop(name, None)
        if not isinstance(size, int) or isinstance(size, bool):
            wanted = f"a size for the dim {name!r} ({limits.describe()})"
            raise CaseError(f"the case needs {wanted}, not {size!r}")
        if not limits.admits(size):
            raise CaseError(f"the dim {name!r} is {limits.describe()}, not {size}")
        values[name] = size
    for name, piece in task.inputs.items():
        match piece:
            case ChoicePiece(among=among):
                values[name] = _chosen(name, flat.pop(name, among[0]), among)
            case NumberPiece(low=low, high=high):
                values[name] = _number(name, flat.pop(name, low), low, high)
            case CountPiece():
                values[name] = _count(name, piece, flat.pop(name, None), values)
            case _:
                pass
    return values


def _take_layouts(task: Task, flat: dict[str, Any]) -> tuple[dict[str, Layout], frozenset[str]]:
    layouts: dict[str, Layout] = {}
    absent: set[str] = set()
    for name, piece in task.inputs.items():
        if name not in flat or not isinstance(piece, TensorPiece | IntegerPiece):
            continue
        text = flat.pop(name)
        if text is None and piece.optional:
            absent.add(name)
        else:
            layouts[name] = _layout(name, piece, text)
    return layouts, frozenset(absent)


def _object(line: str) -> dict[str, Any]:
    try:
        flat = json.loads(line)
    except json.JSONDecodeError as e:
        raise CaseError(f"the case is no JSON: {e.msg} at column {e.colno}: {line}") from None
    if not isinstance(flat, dict):
        raise CaseError(f"the case is a JSON object such as {{'m': 4}}, not {line}")
    return flat


def _chosen(name: str, value: Any, among: tuple[Scalar, ...]) -> Scalar:
    for option in among:
        if option == value and isinstance(option, bool) == isinstance(value, bool):
            return option
    raise CaseError(f"{name!r} is one of {', '.join(map(repr, among))}, not {value!r}")


def _number(name: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise CaseError(f"{name!r} is a number from {low} to {high}, not {value!r}")
    return float(value)


def _count(name: str, piece: CountPiece, value: Any, values: Mapping[str, Any]) -> int:
    low, high = extent(piece.low, values), extent(piece.high, values)
    value = low if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise CaseError(f"{name!r} is a whole number from {low} to {high}, not {value!r}")
    return value


def _layout(name: str, piece: StoredPiece, text: Any) -> Layout:
    if not isinstance(text, str):
        kind = "a layout or null" if piece.optional else "a layout"
        raise CaseError(f"{name!r} takes {kind}, not {text!r}")
    layout = Layout.parse(text)
    fits = possible(piece.layouts, len(piece.dims))
    if layout.name not in fits:
        raise CaseError(f"{name!r} can be laid out as {', '.join(fits)}, not {layout.name!r}")
    if layout.ones and not (isinstance(piece, TensorPiece) and piece.broadcast):
        raise CaseError(f"{name!r} is not declared with broadcast=True")
    if any(axis >= len(piece.dims) for axis in layout.ones):
        raise CaseError(f"{name!r} has {len(piece.dims)} dims; {text!r} names one beyond them")
    return layout


def _derived_seed(case: Case) -> int:
    digest = hashlib.sha256(case.to_json().encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
