"""Extents of dimensions: named dims, the limits on them, and small expressions of them."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

# Sizes at which kernels break: around powers of two that serve as block sizes, and primes.
EDGES = (
    *(1, 2, 3, 5, 7, 8, 13, 15, 16, 17, 31, 32, 33, 61, 63, 64, 65, 97, 127, 128, 129, 191),
    *(251, 255, 256, 257, 509, 511, 512, 513, 1021, 1023, 1024, 1025, 2047, 2048, 2049, 4095),
    *(4096, 4097, 8191, 8193),
)

_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


@dataclass(frozen=True)
class Dim:
    """The limits on a named dim."""

    low: int = 1
    """Smallest extent; 0 admits empty tensors."""

    high: int | None = None
    """Largest extent that fuzzing draws; ``None`` picks one by the rank of its tensors."""

    multiple_of: int = 1
    """The extent is a multiple of this."""

    power_of_two: bool = False
    """The extent is a power of two."""

    among: tuple[int, ...] = ()
    """The only extents there are; empty means that the other limits decide."""

    def admits(self, extent: int) -> bool:
        """Whether ``extent`` is allowed; the upper limit only bounds what fuzzing draws."""
        if self.among:
            return extent in self.among
        if self.power_of_two and (extent < 1 or extent & (extent - 1)):
            return False
        return extent >= self.low and extent % self.multiple_of == 0

    def edges(self, high: int) -> tuple[int, ...]:
        """The sizes up to ``high`` at which kernels like to break, smallest first."""
        if self.among:
            return self.among
        step = self.multiple_of
        wanted = {self.low, high, *EDGES, *(step * e for e in EDGES if step > 1)}
        fit = sorted(e for e in wanted if self.low <= e <= high and self.admits(e))
        if not fit:
            raise ValueError(f"no extent between {self.low} and {high} fits {self.describe()}")
        return tuple(fit)

    def describe(self) -> str:
        """The limits in words."""
        if self.among:
            return f"one of {', '.join(map(str, self.among))}"
        words = [f"at least {self.low}"]
        if self.multiple_of > 1:
            words.append(f"a multiple of {self.multiple_of}")
        if self.power_of_two:
            words.append("a power of two")
        return ", ".join(words)


def dim(
    low: int = 1,
    high: int | None = None,
    *,
    multiple_of: int = 1,
    power_of_two: bool = False,
    among: tuple[int, ...] = (),
) -> Dim:
    """State the limits on a named dim.

    Args:
        low: Smallest extent; 0 admits empty tensors.
        high: Largest extent that fuzzing draws; pinned cases and sweeps may go beyond.
        multiple_of: The extent is a multiple of this.
        power_of_two: The extent is a power of two.
        among: The only extents there are.

    Raises:
        ValueError: If no extent satisfies the limits.
    """
    if low < 0 or multiple_of < 1 or (high is not None and high < low):
        raise ValueError(f"dim(low={low}, high={high}, multiple_of={multiple_of}): no such extent")
    made = Dim(low, high, multiple_of, power_of_two, tuple(among))
    if high is not None:
        made.edges(high)
    return made


@lru_cache(maxsize=1024)
def _parsed(expression: str) -> ast.expr:
    try:
        return ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise ValueError(
            f"{expression!r} is no extent; write a name, a number, or a small expression of names "
            f"with + - * // such as '2*n'"
        ) from None


@lru_cache(maxsize=1024)
def names_in(expression: str | int) -> tuple[str, ...]:
    """The dim names that an extent mentions, in order of appearance."""
    if isinstance(expression, int):
        return ()
    found = [n for n in ast.walk(_parsed(expression)) if isinstance(n, ast.Name)]
    return tuple(dict.fromkeys(n.id for n in sorted(found, key=lambda n: n.col_offset)))


def extent(expression: str | int, values: Mapping[str, object]) -> int:
    """Compute an extent such as ``"m"``, ``3`` or ``"2*n"``.

    Raises:
        ValueError: If the expression has anything but names, numbers and ``+ - * // %``, or a
            name without an integer value.
    """
    if isinstance(expression, int):
        return expression
    return _evaluate(_parsed(expression), expression, values)


def _evaluate(node: ast.expr, whole: str, values: Mapping[str, object]) -> int:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            value = values.get(name)
            if not isinstance(value, int):
                raise ValueError(f"the extent {whole!r} needs the dim {name!r}, which has no size")
            return value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            a, b = _evaluate(left, whole, values), _evaluate(right, whole, values)
            return _OPERATORS[type(op)](a, b)
        case _:
            raise ValueError(
                f"{whole!r} is no extent; write a name, a number, or a small expression of names "
                f"with + - * // such as '2*n'"
            )
