"""Turn a case into the tensors and scalars of one call."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from pytest_tritonbench.task import patterns
from pytest_tritonbench.task.case import Case, Layout
from pytest_tritonbench.task.declaration import Task, by_name
from pytest_tritonbench.task.extents import extent
from pytest_tritonbench.task.layouts import Geometry, geometry
from pytest_tritonbench.task.pieces import DerivedPiece, IntegerPiece, TensorPiece, Uniform

# Called with a dtype and the number of elements of a storage, returns the storage.
Allocate = Callable[[torch.dtype, int], torch.Tensor]

_STRIDE = 1_000_003
_LARGEST_DRAWN = 1 << 23
_BLOCK = 4_194_301


def arguments(task: Task, case: Case, allocate: Allocate) -> dict[str, Any]:
    """Make the arguments of one call, in the order of the signature.

    Every tensor lies in a storage of its own that ``allocate`` gives, in the memory layout that
    the case names, with poisoned guards around it (NaN, the largest integer, ``True``). The same
    case gives the same values everywhere.

    Args:
        task: The task.
        case: One of its cases.
        allocate: Gives a one-dimensional CPU tensor of a dtype and a number of elements.

    Raises:
        ValueError: If a ``derived`` input is no tensor, or an extent is negative.
    """
    made: dict[str, Any] = {}
    for number, (name, piece) in enumerate(task.inputs.items()):
        g = torch.Generator().manual_seed((case.seed * _STRIDE + number) % 2**63)
        match piece:
            case TensorPiece() | IntegerPiece() if name in case.absent:
                made[name] = None
            case TensorPiece():
                made[name] = _tensor(piece, case, case.layout(name), g, allocate)
            case IntegerPiece():
                made[name] = _indices(piece, case, case.layout(name), g, allocate)
            case DerivedPiece(make=make):
                dtype = getattr(torch, case.dtype)
                known = {**case.values, **made, "dtype": dtype}
                made[name] = _derived(name, by_name(make, {**known, "g": g}), allocate)
            case _:
                made[name] = case.values[name]
    return made


def place(values: torch.Tensor, shape: Geometry, allocate: Allocate) -> torch.Tensor:
    """Write values into a fresh, poisoned storage of the given geometry."""
    storage = allocate(values.dtype, shape.storage)
    poison(storage)
    view = storage.as_strided(shape.shape, shape.strides, shape.offset)
    if 0 in shape.strides and view.numel():
        # Expanded: the rows are one row, so one of them is written.
        view[0].copy_(values[0])
    else:
        view.copy_(values)
    return view


def poison(storage: torch.Tensor) -> None:
    """Fill with what shows when it leaks into a result: NaN, the largest integer, ``True``."""
    if storage.dtype == torch.bool:
        storage.fill_(True)  # noqa: FBT003 - the value to fill with
    elif storage.is_floating_point():
        # 0xFF in every byte is a NaN of every floating point format but float8_e4m3fn's 0x7F twin.
        storage.view(torch.uint8).fill_(0xFF)
    else:
        storage.fill_(torch.iinfo(storage.dtype).max)


def sizes(dims: tuple[str | int, ...], values: Mapping[str, object]) -> tuple[int, ...]:
    """The extents of declared dims.

    Raises:
        ValueError: If one is negative.
    """
    shape = tuple(extent(d, values) for d in dims)
    if any(n < 0 for n in shape):
        raise ValueError(f"the shape {dims} is {shape} in this case; extents are 0 or more")
    return shape


def _tensor(
    piece: TensorPiece, case: Case, layout: Layout, g: torch.Generator, allocate: Allocate
) -> torch.Tensor:
    shape = _with_ones(sizes(piece.dims, case.values), layout)
    dtype = getattr(torch, piece.dtype or case.dtype)
    if not dtype.is_floating_point:
        values = _whole(shape, dtype, g)
    elif isinstance(piece.values, Uniform):
        span = piece.values.high - piece.values.low
        low = piece.values.low
        values = _tiled(shape, lambda part: torch.rand(part, generator=g).double() * span + low)
    elif callable(piece.values):
        values = piece.values(_tiled(shape, lambda part: patterns.draw("normal", part, dtype, g)))
    else:
        pattern = piece.values or case.pattern
        values = _tiled(shape, lambda part: patterns.draw(pattern, part, dtype, g).to(dtype))
    return place(values.to(dtype), geometry(shape, layout.name), allocate)


def _tiled(shape: tuple[int, ...], draw: Callable[[tuple[int, ...]], torch.Tensor]) -> torch.Tensor:
    """Draw a tensor; a very large one repeats a block whose length is prime, so no two rows agree.

    Drawing hundreds of millions of values on a CPU takes longer than everything else.
    """
    count = math.prod(shape)
    if count <= _LARGEST_DRAWN:
        return draw(shape)
    return draw((_BLOCK,)).repeat(-(-count // _BLOCK))[:count].view(shape)


def _indices(
    piece: IntegerPiece, case: Case, layout: Layout, g: torch.Generator, allocate: Allocate
) -> torch.Tensor:
    shape = sizes(piece.dims, case.values)
    low, high = extent(piece.low, case.values), extent(piece.high, case.values)
    count = math.prod(shape)
    if count and high <= low:
        raise ValueError(f"index range [{low}, {high}) is empty, but {count} values are asked for")
    if piece.unique:
        if count > high - low:
            raise ValueError(f"{count} unique values do not fit the range [{low}, {high})")
        values = (torch.randperm(high - low, generator=g)[:count] + low).view(shape)
    elif count:
        values = torch.randint(low, high, shape, generator=g)
    else:
        values = torch.empty(shape, dtype=torch.int64)
    for special in piece.also:
        chosen = torch.rand(shape, generator=g) < 0.15
        values = torch.where(chosen, torch.full_like(values, special), values)
    return place(values.to(getattr(torch, piece.dtype)), geometry(shape, layout.name), allocate)


def _whole(shape: tuple[int, ...], dtype: torch.dtype, g: torch.Generator) -> torch.Tensor:
    if dtype == torch.bool:
        return torch.rand(shape, generator=g) < 0.5
    low = 0 if dtype in (torch.uint8, torch.uint16, torch.uint32, torch.uint64) else -100
    return torch.randint(low, 101, shape, generator=g)


def _derived(name: str, value: Any, allocate: Allocate) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        raise ValueError(f"the derived input {name!r} is a {type(value).__name__}, not a tensor")
    return place(value, geometry(tuple(value.shape), "contiguous"), allocate)


def _with_ones(shape: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    return tuple(1 if axis in layout.ones else size for axis, size in enumerate(shape))
