"""The Hypothesis strategy that draws a task's cases.

Only dims, dtypes, layouts, patterns and a data seed are drawn, never elements: a counterexample
shrinks in a few dozen runs of the kernel and replays from one short line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from pytest_tritonbench.task.case import Case, Layout
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.extents import Dim, extent, names_in
from pytest_tritonbench.task.layouts import possible
from pytest_tritonbench.task.materialise import sizes
from pytest_tritonbench.task.pieces import (
    ChoicePiece,
    CountPiece,
    IntegerPiece,
    NumberPiece,
    Piece,
    Scalar,
    TensorPiece,
)

# Upper limits for dims that declare none, by the highest rank of a tensor that has the dim.
_HIGH_BY_RANK = {0: 64, 1: 5000, 2: 200, 3: 60}
_HIGH_BEYOND = 24
_SEEDS = st.integers(0, 2**31 - 1)
_FLAGS = st.booleans()


def cases(task: Task, *, elements: int) -> st.SearchStrategy[Case]:
    """Draw cases of a task.

    Args:
        task: The task.
        elements: No tensor argument gets more elements than this.
    """
    # Made once: building and checking a strategy costs more than drawing from it.
    dtypes, patterns = st.sampled_from(task.dtypes), st.sampled_from(task.patterns)
    extents = {n: _sizes(limits, _high(task, n, limits)) for n, limits in task.dims.items()}
    scalars = {n: made for n, p in task.inputs.items() if (made := _scalars(p)) is not None}
    layouts_of = {
        n: _layouts(task, n, p)
        for n, p in task.inputs.items()
        if isinstance(p, TensorPiece | IntegerPiece)
    }
    tensors = {n: p for n, p in task.inputs.items() if isinstance(p, TensorPiece | IntegerPiece)}

    @st.composite
    def one(draw: st.DrawFn) -> Case:
        dtype = draw(dtypes)
        values: dict[str, Scalar] = {name: draw(sizes) for name, sizes in extents.items()}
        _fit(task, values, elements)
        for name, piece in task.inputs.items():
            if name in scalars:
                values[name] = draw(scalars[name])
            elif isinstance(piece, CountPiece):
                bottom, top = extent(piece.low, values), extent(piece.high, values)
                assume(bottom <= top)
                values[name] = draw(st.integers(bottom, top))
        assume(task.admits(values))
        layouts: dict[str, Layout] = {}
        absent: set[str] = set()
        for name, piece in tensors.items():
            if piece.optional and draw(_FLAGS):
                absent.add(name)
                continue
            layout = draw(layouts_of[name])
            if layout != Layout():
                layouts[name] = layout
        pattern = draw(patterns)
        seed = draw(_SEEDS)
        return Case(values, dtype, layouts, frozenset(absent), pattern, seed)

    return one()


def _sizes(limits: Dim, high: int) -> st.SearchStrategy[int]:
    edges = limits.edges(high)
    if limits.among or limits.power_of_two:
        return st.sampled_from(edges)
    step = limits.multiple_of
    bottom = math.ceil(limits.low / step)
    top = max(bottom, high // step)

    def size(number: int, at_an_edge: bool) -> int:  # noqa: FBT001 - drawn, not passed
        if at_an_edge:
            return edges[(number - bottom) * len(edges) // (top - bottom + 1)]
        return number * step

    # One number either way: shrinking first leaves the edge, mostly for a larger size that fails
    # as well, and then goes down to the smallest size that fails, which need not be an edge.
    return st.builds(size, st.integers(bottom, top), _FLAGS)


def _scalars(piece: Piece) -> st.SearchStrategy[Scalar] | None:
    match piece:
        case ChoicePiece(among=among):
            return st.sampled_from(among)
        case NumberPiece(low=low, high=high):
            return st.floats(low, high, allow_nan=False)
        case _:
            return None


def _layouts(task: Task, name: str, piece: TensorPiece | IntegerPiece) -> st.SearchStrategy[Layout]:
    fits = possible(piece.layouts, len(piece.dims))
    if name in task.mutates:
        # Elements that share memory cannot be written one by one.
        fits = tuple(layout for layout in fits if layout != "expanded")
    names = st.sampled_from(fits)
    if not (isinstance(piece, TensorPiece) and piece.broadcast and piece.dims):
        return names.map(Layout)
    axes = st.sets(st.integers(0, len(piece.dims) - 1)).map(lambda a: tuple(sorted(a)))
    return st.builds(Layout, names, axes)


def _high(task: Task, name: str, limits: Dim) -> int:
    if limits.high is not None:
        return limits.high
    ranks = [
        len(piece.dims)
        for piece in task.inputs.values()
        if isinstance(piece, TensorPiece | IntegerPiece)
        and any(name in names_in(d) for d in piece.dims)
    ]
    rank = max(ranks, default=0)
    return max(limits.low, limits.multiple_of, _HIGH_BY_RANK.get(rank, _HIGH_BEYOND))


def _fit(task: Task, values: dict[str, Scalar], elements: int) -> None:
    """Halve the largest dims until every tensor argument has at most ``elements`` elements."""
    for piece in task.inputs.values():
        if not isinstance(piece, TensorPiece | IntegerPiece):
            continue
        names = [n for d in piece.dims for n in names_in(d) if n in task.dims]
        while math.prod(sizes(piece.dims, _known(values, piece))) > elements:
            smaller = _next_smaller(task, values, names)
            if not smaller:
                break
            values.update(smaller)


def _known(values: Mapping[str, Any], piece: TensorPiece | IntegerPiece) -> dict[str, Any]:
    # Scalars are drawn after the dims; an extent that needs one counts as 1 here.
    return {**{n: 1 for d in piece.dims for n in names_in(d)}, **values}


def _next_smaller(task: Task, values: dict[str, Scalar], names: list[str]) -> dict[str, Scalar]:
    for name in sorted(names, key=lambda n: -int(values[n] or 0)):
        size, limits = int(values[name] or 0), task.dims[name]
        fits = [n for n in range(size // 2, limits.low - 1, -1) if limits.admits(n)]
        if fits and fits[0] < size:
            return {name: fits[0]}
    return {}
