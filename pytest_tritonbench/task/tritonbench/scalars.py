"""Scalar arguments: varied around what was recorded, as far as the gold accepts it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pytest_tritonbench.task.pieces import ChoicePiece, NumberPiece, Scalar, ScalarPiece
from pytest_tritonbench.task.tritonbench.draft import Draft
from pytest_tritonbench.task.tritonbench.trial import Trials

_DIM = re.compile(r"(^|_)(dim|axis)($|_)")
_FEW = 4
_LARGE = 4096


def free_scalar(draft: Draft, slot: str, recorded: Sequence[Any], trials: Trials) -> None:
    """Free one scalar of a draft as far as the gold accepts it.

    Args:
        draft: The draft; its scalar is fixed so far.
        slot: The scalar.
        recorded: Its values in the recorded calls, defaults included.
        trials: The gold.
    """
    spelled = list(dict.fromkeys(map(_Key, (draft.form.spell(slot, v) for v in recorded))))
    known: list[Scalar] = [key.value for key in spelled]
    first = draft.base[slot]
    piece = _interval(draft, slot, known, trials)
    if piece is None:
        accepted = [first]
        for value in _around(draft, slot, known, checks=trials.checks):
            if _Key(value) not in map(_Key, accepted) and _tolerated(draft, slot, value, trials):
                accepted.append(value)
        piece = ChoicePiece(tuple(accepted))
    draft.scalars[slot] = piece


class _Key:
    """Tells 1, 1.0 and True apart."""

    def __init__(self, value: Scalar) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and (type(self.value), self.value) == (
            type(other.value),
            other.value,
        )

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


def _tolerated(draft: Draft, slot: str, value: Scalar, trials: Trials) -> bool:
    wider = draft.copy()
    wider.scalars[slot] = ChoicePiece((value,))
    case = wider.case(scalars={slot: value})
    found = trials.tried(wider, case)
    if not trials.fine(found) or not trials.repeats(wider, case):
        return False
    draft.mutates |= found.changed
    return True


def _interval(draft: Draft, slot: str, known: list[Scalar], trials: Trials) -> ScalarPiece | None:
    numbers = [float(v) for v in known if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(known) or not any(isinstance(v, float) for v in known):
        return None
    low, high = min(numbers), max(numbers)
    low = low / 2 if low > 0 else 2 * low
    high = min(2 * high, (1 + high) / 2) if 0 < high < 1 else 2 * high
    high = high if high > 0 else high / 4
    for ends in ((low, high), (min(numbers), max(numbers))):
        if ends[0] < ends[1] and all(_tolerated(draft, slot, v, trials) for v in ends):
            return NumberPiece(*ends)
    return None


def _around(draft: Draft, slot: str, known: list[Scalar], *, checks: bool) -> list[Scalar]:
    found: list[Scalar] = list(known)
    if any(isinstance(v, bool) for v in known):
        return [*found, False, True]
    whole = [v for v in known if isinstance(v, int)]
    if not whole:
        return found
    if _DIM.search(slot):
        rank = max((len(draft.shape(name)) for name in draft.form.slots), default=0)
        return [*found, *range(rank), *range(-rank, 0)]
    if not checks:
        # It may be an extent, a length or a stride.
        return found
    near = [n for v in whole for n in (v + 1, v - 1)]
    small = [n for n in near if abs(n) < _LARGE and (n > 0 or min(whole) <= 0 <= n)]
    return [*found, *small[:_FEW]]
