"""What the recorded values of a tensor argument have in common, and pieces that keep it so."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pytest_tritonbench.task.extents import extent
from pytest_tritonbench.task.pieces import (
    DerivedPiece,
    Extent,
    IntegerPiece,
    Piece,
    TensorPiece,
    Uniform,
)

_SMALLEST = 0.05
# Far enough apart that the largest of a few hundred is seldom there twice.
_DATA = 100_000


@dataclass(frozen=True)
class Values:
    """Which values a floating point argument may have."""

    kind: str
    """``any``, ``positive``, ``range``, or a structure of matrices."""

    low: float = 0.0
    high: float = 1.0

    @property
    def structured(self) -> bool:
        """Whether single elements cannot be drawn on their own."""
        return self.kind in _TESTS

    def piece(
        self,
        dims: tuple[Extent, ...],
        dtype: str | None,
        layouts: tuple[str, ...],
        *,
        optional: bool,
    ) -> Piece:
        """The piece that draws such values."""
        match self.kind:
            case "any":
                return TensorPiece(dims, dtype, layouts, None, optional)
            case "positive":
                return TensorPiece(dims, dtype, layouts, _positive, optional)
            case "range":
                span = Uniform(self.low, self.high)
                return TensorPiece(dims, dtype, layouts, span, optional)
            case _:
                return DerivedPiece(Matrix(self.kind, dims, dtype))

    def describe(self) -> str:
        """In words."""
        if self.kind == "range":
            return f"in {self.low:g}..{self.high:g}"
        return self.kind


@dataclass(frozen=True)
class Matrix:
    """Makes matrices with a structure."""

    kind: str
    dims: tuple[Extent, ...]
    dtype: str | None

    def __call__(self, g: torch.Generator, **known: Any) -> torch.Tensor:
        """A batch of matrices; ``known`` has the extents by name and ``dtype``."""
        shape = tuple(extent(d, known) for d in self.dims)
        n = shape[-1]
        x = torch.randn(shape, generator=g).double()
        match self.kind:
            case "positive definite":
                x = x @ x.mT / n + 0.5 * torch.eye(n, dtype=torch.float64)
            case "symmetric":
                x = (x + x.mT) / 2
            case "lower triangular" | "upper triangular":
                # A diagonal away from 0 keeps what solves with the matrix well conditioned.
                diagonal = torch.diagonal(x, dim1=-2, dim2=-1).abs() + 1
                x = torch.tril(x, -1) / math.sqrt(n) + torch.diag_embed(diagonal)
                x = x.mT.contiguous() if self.kind == "upper triangular" else x
        return x.to(getattr(torch, self.dtype) if self.dtype else known["dtype"])


def _positive(values: torch.Tensor) -> torch.Tensor:
    return values.abs() + _SMALLEST


def ladder(recorded: Sequence[torch.Tensor]) -> tuple[Values, ...]:
    """What the values of a floating point argument may be, from the widest to the safest."""
    structure = structure_of(recorded)
    if structure is not None:
        return (Values("any"), Values(structure))
    seen = torch.cat([t.double().reshape(-1) for t in recorded]) if recorded else torch.empty(0)
    seen = seen[torch.isfinite(seen)]
    if not seen.numel():
        return (Values("any"), Values("range", -1.0, 1.0))
    low, high = float(seen.min()), float(seen.max())
    if low == high:
        high = low + 0.1 * max(abs(low), 1.0)
    steps = [Values("any")]
    if high <= 1 and low >= 0 and seen.numel() > 1:
        inside = low > 0
        steps.append(Values("range", min(low, _SMALLEST) if inside else 0.0, max(high, 0.95)))
    elif low >= 0:
        steps.append(Values("positive"))
    return (*steps, Values("range", low, high))


def structure_of(recorded: Sequence[torch.Tensor]) -> str | None:
    """The structure that all recorded matrices have."""
    matrices = [t.double() for t in recorded]
    if not matrices or not all(map(_is_square, matrices)):
        return None
    if any(bool((t == t.reshape(-1)[0]).all()) for t in matrices):
        # A constant: chosen for being simple.
        return None
    return next((kind for kind, holds in _TESTS.items() if all(map(holds, matrices))), None)


def _is_square(t: torch.Tensor) -> bool:
    matrix = t.dim() > 1 and t.shape[-1] == t.shape[-2] and t.shape[-1] > 1
    return matrix and t.numel() > 0 and bool(torch.isfinite(t).all())


def _is_symmetric(t: torch.Tensor) -> bool:
    return torch.equal(t, t.mT)


_TESTS: dict[str, Callable[[torch.Tensor], bool]] = {
    "positive definite": lambda t: _is_symmetric(t) and bool((torch.linalg.eigvalsh(t) > 0).all()),
    "symmetric": _is_symmetric,
    "lower triangular": lambda t: torch.equal(t, t.tril()),
    "upper triangular": lambda t: torch.equal(t, t.triu()),
}


def whole(
    recorded: torch.Tensor, every: Sequence[torch.Tensor], dims: tuple[Extent, ...]
) -> IntegerPiece:
    """The piece of an argument of integers that keeps to the recorded range.

    Args:
        recorded: The argument in the call that is generalised.
        every: The argument in all calls. One negative value among others that are not, such as an
            ``ignore_index`` or one of the labels -1 and 1, is mixed in.
        dims: Its dims.
    """
    dtype = str(recorded.dtype).removeprefix("torch.")
    marks = torch.unique(torch.cat([t.reshape(-1).long() for t in every])).tolist()
    negative = [n for n in marks if n < 0]
    seen = recorded.reshape(-1).long()
    also: tuple[int, ...] = ()
    if len(negative) == 1 and len(marks) > 1:
        also = (negative[0],)
        seen = seen[seen >= 0]
    low, high = (int(seen.min()), int(seen.max())) if seen.numel() else (0, 0)
    return IntegerPiece(dims, low, high + 1, dtype, also=also)


def may_be_positions(recorded: Sequence[torch.Tensor]) -> bool:
    """Whether integers may be positions or lengths, which belong together and to the extents."""
    wide = any(t.dtype in (torch.int32, torch.int64) for t in recorded)
    return wide and any(bool(((t != 0) & (t != 1)).any()) for t in recorded)


def data_range(recorded: Sequence[torch.Tensor], dtype: str) -> tuple[int, int]:
    """A wider range for integers that are data: signed where any recorded value is negative."""
    seen = torch.cat([t.reshape(-1).long() for t in recorded])
    info = torch.iinfo(getattr(torch, dtype))
    signed = bool((seen < 0).any())
    return (max(info.min, -_DATA) if signed else 0, min(info.max, _DATA) + 1)
