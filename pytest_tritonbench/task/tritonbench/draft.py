"""A generalisation in the making: what of a form is free so far, and the task that draws it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from pytest_tritonbench.task.case import Case, Layout
from pytest_tritonbench.task.declaration import DEFAULT_PATTERNS, Task
from pytest_tritonbench.task.extents import Dim, extent
from pytest_tritonbench.task.layouts import CONTIGUOUS, possible
from pytest_tritonbench.task.pieces import (
    ChoicePiece,
    CountPiece,
    DerivedPiece,
    IntegerPiece,
    NumberPiece,
    Piece,
    Scalar,
    ScalarPiece,
    TensorPiece,
)
from pytest_tritonbench.task.tritonbench.forms import CALL, Form, slots_in
from pytest_tritonbench.task.tritonbench.observed import Values

_WIDEST = 70

Member = tuple[str, int]
"""A tensor slot and an axis; a scalar slot and -1 for an integer that is an extent."""


@dataclass(frozen=True)
class Kept:
    """Gives a recorded tensor."""

    recorded: torch.Tensor

    def __call__(self, **_: Any) -> torch.Tensor:
        """A copy of it."""
        return self.recorded.clone()


@dataclass
class Draft:
    """What of a form is free so far; everything starts as it was recorded."""

    name: str
    form: Form
    extents: dict[Member, str | int]
    """Every axis of every tensor slot to its dim or its fixed extent; scalars that follow a dim."""

    sizes: dict[str, int]
    """The size that each dim has in the base call."""

    dims: dict[str, Dim]
    values: dict[str, Values]
    """Floating point slots."""

    integers: dict[str, IntegerPiece]
    """Integer slots; their dims are those of ``extents``."""

    fixed: dict[str, str]
    """Tensor slots whose dtype is not the case's."""

    dtypes: tuple[str, ...]
    scalars: dict[str, ScalarPiece]
    base: dict[str, Scalar]
    """The scalars of the base call."""

    kept: dict[str, torch.Tensor] = field(default_factory=dict)
    """Integer slots whose recorded values are passed as they are."""

    optional: frozenset[str] = frozenset()
    layouts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    mutates: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ("normal",)

    def copy(self) -> Draft:
        """A copy that can be changed on its own."""
        parts: Any = {
            name: dict(value) if isinstance(value, dict) else value
            for name, value in vars(self).items()
        }
        return Draft(**parts)

    def shape(self, slot: str) -> tuple[str | int, ...]:
        """The declared dims of a tensor slot."""
        axes = sorted(axis for name, axis in self.extents if name == slot)
        return tuple(self.extents[slot, axis] for axis in axes if axis >= 0)

    def task(self) -> Task:
        """The task that draws what is free."""
        inputs: dict[str, Piece] = {CALL: ChoicePiece((self.form.number,))}
        for slot in slots_in(tuple(self.form.template.values())):
            inputs[slot] = self._piece(slot)
        return Task(
            name=self.name,
            reference=_defined_by_the_gold,
            inputs=inputs,
            dims=dict(self.dims),
            dtypes=self.dtypes,
            patterns=self.patterns,
            mutates=tuple(sorted(self.mutates & set(inputs))),
        )

    def _piece(self, slot: str) -> Piece:
        if (slot, -1) in self.extents:
            size = self.extents[slot, -1]
            return CountPiece(size, size)
        if slot in self.scalars:
            return self.scalars[slot]
        if slot in self.kept:
            return DerivedPiece(Kept(self.kept[slot]))
        dims, optional = self.shape(slot), slot in self.optional
        layouts = possible(self.layouts.get(slot, CONTIGUOUS), len(dims))
        if slot in self.integers:
            drawn = self.integers[slot]
            also, unique = drawn.also, drawn.unique
            return IntegerPiece(
                dims, drawn.low, drawn.high, drawn.dtype, layouts, unique, also, optional
            )
        if slot not in self.values:
            return TensorPiece(dims, self.fixed[slot], layouts, None, optional)
        return self.values[slot].piece(dims, self.fixed.get(slot), layouts, optional=optional)

    def case(
        self,
        sizes: Mapping[str, int] | None = None,
        scalars: Mapping[str, Scalar] | None = None,
        *,
        dtype: str | None = None,
        layouts: Mapping[str, str] | None = None,
        pattern: str = "normal",
        seed: int = 0,
    ) -> Case:
        """The base call with something changed."""
        values: dict[str, Scalar] = {**self.sizes, **(sizes or {}), CALL: self.form.number}
        values.update(self.base)
        values.update(scalars or {})
        for (slot, axis), size in self.extents.items():
            if axis < 0:
                values[slot] = extent(size, values)
        laid = {slot: Layout(name) for slot, name in (layouts or {}).items()}
        return Case(values, dtype or self.dtypes[0], laid, frozenset(), pattern, seed)

    def draw(self, rng: random.Random, elements: int) -> Case:
        """A random case within what is free, with small extents."""
        sizes = {}
        # Trials are many, so they are small.
        share = int(elements ** (1 / max(1, len(self.dims))))
        for name, limits in self.dims.items():
            high = limits.high or limits.low
            fits = [n for n in limits.edges(high) if n <= max(share, limits.low)]
            sizes[name] = rng.choice(fits or [limits.low])
        scalars: dict[str, Scalar] = {}
        layouts = {}
        absent = set()
        for slot, piece in self.task().inputs.items():
            match piece:
                case ChoicePiece(among=among):
                    scalars[slot] = rng.choice(among)
                case NumberPiece():
                    scalars[slot] = rng.uniform(piece.low, piece.high)
                case (
                    TensorPiece(layouts=names, optional=optional)
                    | IntegerPiece(layouts=names, optional=optional)
                ):
                    if optional and rng.random() < 0.5:
                        absent.add(slot)
                    else:
                        layouts[slot] = rng.choice(names)
                case _:
                    pass
        made = self.case(
            sizes,
            scalars,
            dtype=rng.choice(self.dtypes),
            layouts=layouts,
            pattern=rng.choice(self.patterns),
            seed=rng.randrange(1 << 30),
        )
        return Case(
            made.values, made.dtype, made.layouts, frozenset(absent), made.pattern, made.seed
        )


def widest(rank: int) -> int:
    """The largest extent that is drawn for a dim of tensors of that rank."""
    return {0: 64, 1: 2050, 2: 140}.get(rank, _WIDEST)


def all_patterns() -> tuple[str, ...]:
    """The value patterns that fuzzing draws where any value is accepted."""
    return DEFAULT_PATTERNS


def _defined_by_the_gold(*_: Any) -> None:
    """What is right is what the gold answers, in a process of its own."""
