"""The draft of a recorded call: everything is as it was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from pytest_tritonbench.task.pieces import ChoicePiece
from pytest_tritonbench.task.tritonbench.draft import Draft
from pytest_tritonbench.task.tritonbench.forms import Form
from pytest_tritonbench.task.tritonbench.observed import ladder, may_be_positions, whole
from pytest_tritonbench.task.tritonbench.trial import Trials

_SMALL = 64
_LEAST = 16


def first_draft(name: str, form: Form, trials: Trials) -> Draft | str:
    """The draft of a recorded call that the gold accepts when its values are drawn."""
    whole_calls = [r for r in form.shapes if len(r) == len(form.slots)]
    filled = [r for r in whole_calls if all(t.numel() for t in r.values())]
    said = "all recorded tensors are empty"
    first: Draft | None = None
    for shapes in filled:
        at = _position(form, shapes)
        order = [form.scalars[at], *form.scalars]
        large = [_fixed(name, form, shapes, scalars, checks=trials.checks) for scalars in order]
        # What indices point at cannot be cut down.
        smaller = _smaller(large) if all(map(_counts, large[0].kept.values())) else []
        for draft in (*smaller, *large):
            case = draft.case()
            found = trials.tried(draft, case)
            if found.refused is not None:
                said = f"the gold refuses values like the recorded ones: {found.refused}"
                continue
            draft.mutates = found.changed
            known, trials.undefined = trials.undefined, True
            repeated = trials.repeats(draft, case)
            trials.undefined = known
            if not repeated:
                said = "the gold's answer depends on random numbers"
                continue
            if trials.fine(found):
                return draft
            first = first or draft
    if first is not None:
        trials.undefined = True
        return first
    return said


def _smaller(drafts: Sequence[Draft]) -> Iterator[Draft]:
    """The same calls with large extents divided by a power of two: trials cost less there."""
    for draft in drafts:
        sizes = [size for size in draft.extents.values() if isinstance(size, int)]
        step = 1
        while max(sizes, default=0) // step > _SMALL:
            step *= 2
        if step == 1:
            continue
        made = draft.copy()
        for member, size in draft.extents.items():
            if isinstance(size, int) and size > _SMALL:
                made.extents[member] = max(size // step, _LEAST)
        for slot, positions in draft.kept.items():
            made.kept[slot] = positions[: int(made.extents[slot, 0])]
        for slot, axis in made.extents:
            if axis < 0:
                made.base[slot] = int(made.extents[slot, axis])
                made.scalars[slot] = ChoicePiece((made.base[slot],))
        yield made


def _counts(positions: torch.Tensor) -> bool:
    """Whether positions count up from 0, and are cut down with what they point at."""
    n = positions.numel()
    return positions.dim() == 1 and n > _SMALL and positions.tolist() == list(range(n))


def _position(form: Form, shapes: object) -> int:
    return next(number for number, known in enumerate(form.shapes) if known is shapes)


def _fixed(
    name: str,
    form: Form,
    shapes: Mapping[str, torch.Tensor],
    scalars: Mapping[str, Any],
    *,
    checks: bool,
) -> Draft:
    recorded = {slot: [r[slot] for r in form.shapes if slot in r] for slot in form.slots}
    floats = [slot for slot in form.slots if shapes[slot].is_floating_point()]
    main = str(shapes[floats[0]].dtype).removeprefix("torch.") if floats else "float32"
    draft = Draft(
        name=name,
        form=form,
        extents={},
        sizes={},
        dims={},
        values={},
        integers={},
        fixed={},
        dtypes=(main,),
        scalars={},
        base={},
        optional=frozenset(),
    )
    for slot in form.slots:
        tensor = shapes[slot]
        for axis, size in enumerate(tensor.shape):
            draft.extents[slot, axis] = size
        dtype = str(tensor.dtype).removeprefix("torch.")
        if slot in floats:
            draft.values[slot] = ladder(recorded[slot])[-1]
            if not _follows(form, slot, floats[0]):
                draft.fixed[slot] = dtype
        elif tensor.dtype == torch.bool:
            draft.fixed[slot] = "bool"
        elif not checks and may_be_positions(recorded[slot]):
            draft.kept[slot] = tensor
        else:
            draft.integers[slot] = whole(tensor, recorded[slot], ())
    sizes = set(draft.extents.values())
    for slot, value in scalars.items():
        spelled = form.spell(slot, value)
        draft.base[slot] = spelled
        draft.scalars[slot] = ChoicePiece((spelled,))
        if isinstance(value, int) and not isinstance(value, bool) and value > 1 and value in sizes:
            draft.extents[slot, -1] = value
    return draft


def _follows(form: Form, slot: str, first: str) -> bool:
    """Whether a slot has the dtype of the first one in every call."""
    both = [(r[slot], r[first]) for r in form.shapes if slot in r and first in r]
    return all(a.dtype == b.dtype for a, b in both)
