"""What a generalisation varies, in a line or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_tritonbench.task.pieces import ChoicePiece, NumberPiece, Scalar
from pytest_tritonbench.task.tritonbench.draft import Draft


@dataclass(frozen=True)
class Varied:
    """What is varied, form by form."""

    calls: tuple[str, ...]
    """For each form: how the entry point is called and what of it varies."""

    left_out: tuple[str, ...] = ()
    """Why recorded calls are not among them."""

    def describe(self) -> str:
        """One or two lines."""
        parts = [*self.calls, *(f"left out: {reason}" for reason in self.left_out)]
        return " | ".join(parts)


def varied_of(drafts: Sequence[Draft], left_out: tuple[str, ...]) -> Varied:
    """Say what drafts vary."""
    return Varied(tuple(map(_described, drafts)), left_out)


def _described(draft: Draft) -> str:
    shapes = []
    for slot in draft.form.slots:
        mark = "?" if slot in draft.optional else ""
        shapes.append(f"{slot}{mark}[{', '.join(map(str, draft.shape(slot)))}]")
    limits: dict[str, list[str]] = {}
    for name, dim in draft.dims.items():
        step = f" by {dim.multiple_of}" if dim.multiple_of > 1 else ""
        step = " (powers of two)" if dim.power_of_two else step
        limits.setdefault(f"{dim.low}..{dim.high}{step}", []).append(name)
    parts = [f"{', '.join(names)} in {span}" for span, names in limits.items()]
    parts.append(", ".join(draft.dtypes))
    layouts = dict.fromkeys(name for names in draft.layouts.values() for name in names[1:])
    parts += [", ".join(layouts)] if layouts else []
    still = []
    for slot, piece in draft.scalars.items():
        followed = draft.extents.get((slot, -1))
        if followed is not None:
            parts.append(f"{slot} = {followed}")
        elif isinstance(piece, NumberPiece):
            parts.append(f"{slot} in {piece.low:g}..{piece.high:g}")
        elif isinstance(piece, ChoicePiece) and len(piece.among) > 1:
            parts.append(f"{slot} of {', '.join(map(_word, piece.among))}")
        else:
            still.append(slot)
    for slot, values in draft.values.items():
        if values.kind != "any":
            parts.append(f"{slot} {values.describe()}")
    for slot, whole in draft.integers.items():
        parts.append(f"{slot} integers from {whole.low} below {whole.high}")
    parts += [f"not varied: {', '.join(still)}"] if still else []
    return f"{' '.join(shapes)}: {'; '.join(parts)}"


def _word(value: Scalar) -> str:
    return str(value)
