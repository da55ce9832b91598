"""The small pieces that the inputs of a task are built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_tritonbench.task import layouts as _layouts

FLOATS = ("float64", "float32", "bfloat16", "float16", "float8_e4m3fn", "float8_e5m2")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = (*FLOATS, *INTEGERS, "bool")

Extent = str | int
Scalar = bool | int | float | str | None


@dataclass(frozen=True)
class Uniform:
    """Values drawn evenly from an interval, whatever the case's value pattern."""

    low: float
    high: float


Values = str | Uniform | Callable[[Any], Any] | None


@dataclass(frozen=True)
class TensorPiece:
    """A tensor argument."""

    dims: tuple[Extent, ...]
    dtype: str | None = None
    layouts: tuple[str, ...] = _layouts.ANY
    values: Values = None
    optional: bool = False
    broadcast: bool = False


@dataclass(frozen=True)
class IntegerPiece:
    """A tensor of integers out of a half-open range."""

    dims: tuple[Extent, ...]
    low: Extent
    high: Extent
    dtype: str = "int64"
    layouts: tuple[str, ...] = _layouts.ANY
    unique: bool = False
    also: tuple[int, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class DerivedPiece:
    """A structured input that trusted code of the task file makes."""

    make: Callable[..., Any]


@dataclass(frozen=True)
class ChoicePiece:
    """A scalar, flag or string out of a set."""

    among: tuple[Scalar, ...]


@dataclass(frozen=True)
class NumberPiece:
    """A floating point scalar out of a closed interval."""

    low: float
    high: float


@dataclass(frozen=True)
class CountPiece:
    """An integer scalar out of a closed interval whose ends may be extents."""

    low: Extent
    high: Extent


StoredPiece = TensorPiece | IntegerPiece
ScalarPiece = ChoicePiece | NumberPiece | CountPiece
Piece = StoredPiece | DerivedPiece | ScalarPiece


def _known_dtype(dtype: str | None) -> None:
    if dtype is not None and dtype not in DTYPES:
        raise ValueError(f"unknown dtype {dtype!r}; there are {', '.join(DTYPES)}")


def _known_layouts(layouts: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(layouts, str):
        raise TypeError(f"layouts is a tuple of names; write layouts=({layouts!r},)")
    for layout in layouts:
        if layout not in _layouts.ANY:
            raise ValueError(f"unknown layout {layout!r}; there are {', '.join(_layouts.ANY)}")
    return tuple(layouts)


def tensor(
    *dims: Extent,
    dtype: str | None = None,
    layouts: tuple[str, ...] = _layouts.ANY,
    values: Values = None,
    optional: bool = False,
    broadcast: bool = False,
) -> TensorPiece:
    """Declare a tensor argument.

    Args:
        dims: The shape: names shared between tensors, numbers, or small expressions (``"2*n"``).
        dtype: A fixed dtype; ``None`` takes the case's.
        layouts: The memory layouts that the signature admits.
        values: ``None`` draws in the case's value pattern; a pattern's name fixes it;
            :func:`uniform` fixes an interval; a callable maps a float64 normal draw to values.
        optional: The argument may be ``None``.
        broadcast: Any of its dims may have extent 1 instead.
    """
    _known_dtype(dtype)
    return TensorPiece(dims, dtype, _known_layouts(layouts), values, optional, broadcast)


def index(
    *dims: Extent,
    high: Extent,
    low: Extent = 0,
    dtype: str = "int64",
    unique: bool = False,
    also: tuple[int, ...] = (),
    layouts: tuple[str, ...] = _layouts.ANY,
    optional: bool = False,
) -> IntegerPiece:
    """Declare a tensor of indices in ``[low, high)``.

    Args:
        dims: The shape, as for :func:`tensor`.
        high: One past the largest index; a dim's name or an expression.
        low: The smallest index.
        dtype: An integer dtype.
        unique: No index occurs twice.
        also: Special values mixed in, such as an ``ignore_index``.
        layouts: The memory layouts that the signature admits.
        optional: The argument may be ``None``.
    """
    _known_dtype(dtype)
    known = _known_layouts(layouts)
    return IntegerPiece(dims, low, high, dtype, known, unique, tuple(also), optional)


def integers(
    *dims: Extent,
    low: Extent,
    high: Extent,
    dtype: str = "int32",
    layouts: tuple[str, ...] = _layouts.ANY,
) -> IntegerPiece:
    """Declare a tensor of integer data in ``[low, high)``, such as quantised weights."""
    _known_dtype(dtype)
    return IntegerPiece(dims, low, high, dtype, _known_layouts(layouts))


def uniform(low: float, high: float) -> Uniform:
    """Values drawn evenly from ``[low, high)``, whatever the case's value pattern."""
    return Uniform(low, high)


def choice(*among: Scalar) -> ChoicePiece:
    """Declare a scalar, flag or string out of a set; the first is a pinned case's default."""
    if not among:
        raise ValueError("choice() needs at least one value")
    return ChoicePiece(among)


def number(low: float, high: float) -> NumberPiece:
    """Declare a floating point scalar in ``[low, high]``; a pinned case's default is ``low``."""
    return NumberPiece(low, high)


def integer(low: Extent, high: Extent) -> CountPiece:
    """Declare an integer scalar in ``[low, high]``; the ends may be extents such as ``"n"``."""
    return CountPiece(low, high)


def derived(make: Callable[..., Any]) -> DerivedPiece:
    """Declare a structured input made by trusted code of the task file.

    Args:
        make: Called as ``make(g, ...)`` with a CPU ``torch.Generator``; its further parameters are
            picked by name out of the dims, the scalars, ``dtype`` and the inputs declared before.
            Returns a tensor.
    """
    return DerivedPiece(make)
