"""Memory layouts: how the elements of a tensor lie in the buffer that holds them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Elements of guard before and after every tensor, filled with a poison value: what a kernel reads
# there shows in its output, what it writes there is seen. A multiple of 16 bytes for every dtype.
GUARD = 64

CONTIGUOUS = ("contiguous",)
ROWS = ("contiguous", "gap", "offset")
ANY = ("contiguous", "transposed", "gap", "strided", "offset", "expanded")

_GAP = 3
_RANK_NEEDED = {"transposed": 2, "gap": 2, "strided": 1, "expanded": 2}


@dataclass(frozen=True)
class Geometry:
    """Where the elements of one tensor lie, counted in elements."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    """Elements from the start of the storage to the first element."""

    storage: int
    """Elements that the storage has, guards included."""


def possible(layouts: Sequence[str], rank: int) -> tuple[str, ...]:
    """Those of ``layouts`` that a tensor of ``rank`` dims can have."""
    return tuple(layout for layout in layouts if rank >= _RANK_NEEDED.get(layout, 0))


def geometry(shape: Sequence[int], layout: str) -> Geometry:
    """Lay a tensor out.

    Args:
        shape: Extents, any rank.
        layout: One of :data:`ANY`. ``transposed`` swaps the last two dims in memory, ``gap`` pads
            every row, ``strided`` leaves every second element unused, ``offset`` starts at an odd
            element, ``expanded`` gives the first dim the stride 0.

    Raises:
        ValueError: If the layout is unknown or needs a higher rank.
    """
    shape = tuple(shape)
    if layout not in ANY:
        raise ValueError(f"unknown layout {layout!r}; there are {', '.join(ANY)}")
    if len(shape) < _RANK_NEEDED.get(layout, 0):
        raise ValueError(f"layout {layout!r} needs {_RANK_NEEDED[layout]} dims, not {len(shape)}")
    memory = list(shape)
    order = list(range(len(shape)))
    if layout == "transposed":
        order[-1], order[-2] = order[-2], order[-1]
        memory[-1], memory[-2] = memory[-2], memory[-1]
    if layout == "expanded":
        memory[0] = 1
    pitch = [max(1, extent) for extent in memory]
    if layout == "gap":
        pitch[-1] += _GAP
    innermost = 2 if layout == "strided" else 1
    steps = [innermost * math.prod(pitch[axis + 1 :]) for axis in range(len(pitch))]
    strides = [0] * len(shape)
    for axis, step in zip(order, steps, strict=True):
        strides[axis] = step
    if layout == "expanded":
        strides[0] = 0
    offset = GUARD + (1 if layout == "offset" else 0)
    used = innermost * math.prod(pitch) if math.prod(shape) else 0
    return Geometry(shape, tuple(strides), offset, offset + used + GUARD)
