"""What a draft is freed of, step by step, as far as the gold accepts it.

A step that is cut short by the end of the time leaves in the draft what it has seen accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from pytest_tritonbench.task.layouts import ANY, CONTIGUOUS, possible
from pytest_tritonbench.task.pieces import IntegerPiece
from pytest_tritonbench.task.tritonbench.draft import Draft, all_patterns
from pytest_tritonbench.task.tritonbench.extent_names import name_extents
from pytest_tritonbench.task.tritonbench.observed import Values, data_range, ladder
from pytest_tritonbench.task.tritonbench.scalars import free_scalar
from pytest_tritonbench.task.tritonbench.trial import Trials

_FLOATS = ("float32", "float16", "bfloat16")
# With -1 mixed in: what is compared is wanted to be alike, or not.
_LABELS = (1, 2)
# Of the values that are tried: what is misread may be right by chance, as a mask is.
_SEEDS = (0, 1, 2, 3)


def free_structure(draft: Draft, trials: Trials) -> None:
    """Let go of a structure that matrices have by accident: square they need not be, either."""
    if trials.structured:
        return
    for slot, values in list(draft.values.items()):
        if not values.structured:
            continue
        wider = draft.copy()
        wider.values[slot] = Values("any")
        if all(trials.accepts(wider, wider.case(seed=seed)) for seed in (1, 2, 3)):
            draft.values[slot] = wider.values[slot]


def free_extents(draft: Draft, trials: Trials) -> None:
    """Name what extents can vary."""
    try:
        name_extents(draft, trials)
    finally:
        for member, size in list(draft.extents.items()):
            if member[1] < 0 and isinstance(size, int):
                del draft.extents[member]


def _larger(draft: Draft) -> dict[str, int]:
    """Distinct extents, so that no two dims are taken for each other."""
    taken: set[int] = set()
    found = {}
    for name, limits in draft.dims.items():
        fits = (n for n in range(max(limits.low, 3), (limits.high or 3) + 1) if limits.admits(n))
        found[name] = next((n for n in fits if n not in taken), draft.sizes[name])
        taken.add(found[name])
    return found


def free_values(draft: Draft, trials: Trials) -> None:
    """Widen the values of floating point arguments."""
    larger = _larger(draft)
    sizes = larger if trials.accepts(draft, draft.case(larger)) else {}
    for slot, safest in list(draft.values.items()):
        if safest.structured:
            continue
        for step in ladder([r[slot] for r in draft.form.shapes if slot in r]):
            wider = draft.copy()
            wider.values[slot] = step
            if step == safest or step.structured:
                break
            if all(trials.accepts(wider, wider.case(sizes, seed=seed)) for seed in (1, 2, 3)):
                draft.values[slot] = step
                break


def free_integers(draft: Draft, trials: Trials) -> None:
    """Let indices reach into what they index, and data vary."""
    if not trials.checks:
        # Nobody would refuse an index that points elsewhere.
        return
    sizes = _larger(draft)
    if not trials.accepts(draft, draft.case(sizes)):
        sizes = dict(draft.sizes)
    for slot, piece in list(draft.integers.items()):
        largest = piece.high if isinstance(piece.high, int) else 0
        for name in draft.dims:
            if draft.sizes[name] < largest or (piece.low, piece.high) == _LABELS:
                continue
            inside = _with(draft, slot, f"{name}-1", name)
            beyond = _with(draft, slot, name, f"{name}+1")
            if trials.accepts(inside, inside.case(sizes)) and not trials.accepts(
                beyond, beyond.case(sizes)
            ):
                draft.integers[slot] = replace(piece, low=0, high=name)
                break
        else:
            recorded = [r[slot] for r in draft.form.shapes if slot in r]
            low, high = data_range(recorded, piece.dtype)
            data = _with(draft, slot, low, high)
            if not piece.also and all(
                trials.accepts(data, data.case(sizes, seed=seed)) for seed in (1, 2, 3)
            ):
                draft.integers[slot] = data.integers[slot]


def _with(draft: Draft, slot: str, low: str | int, high: str | int) -> Draft:
    wider = draft.copy()
    wider.integers[slot] = replace(draft.integers[slot], low=low, high=high)
    return wider


def free_dtypes(draft: Draft, trials: Trials) -> None:
    """Add dtypes."""
    if not any(slot not in draft.fixed for slot in draft.values):
        return
    recorded = {
        str(r[slot].dtype).removeprefix("torch.")
        for r in draft.form.shapes
        for slot in draft.values
        if slot in r and slot not in draft.fixed
    }
    for dtype in dict.fromkeys((*sorted(recorded), *_FLOATS)):
        wider = draft.copy()
        wider.dtypes = (*draft.dtypes, dtype)
        if dtype in draft.dtypes:
            continue
        if trials.checks:
            good = trials.accepts(wider, wider.case(dtype=dtype))
        elif _finer(dtype, draft.dtypes[0]):
            # A kernel may round in its own dtype whatever it is given: that is no truth there.
            good = dtype in recorded and trials.needs_finer_dtype(wider, wider.case(dtype=dtype))
        elif dtype in recorded:
            good = trials.accepts(wider, wider.case(dtype=dtype))
        else:
            # What a kernel makes of a dtype that it was not written for may be an accident.
            good = trials.follows(wider, [wider.case(dtype=dtype, seed=s) for s in _SEEDS])
        if good:
            draft.dtypes = wider.dtypes


def _finer(dtype: str, other: str) -> bool:
    one, two = (torch.finfo(getattr(torch, name)).eps for name in (dtype, other))
    return bool(one < two)


def free_scalars(draft: Draft, trials: Trials) -> None:
    """Vary the scalars."""
    for slot in list(draft.scalars):
        if (slot, -1) not in draft.extents:
            free_scalar(draft, slot, [s[slot] for s in draft.form.scalars], trials)


def free_layouts(draft: Draft, trials: Trials) -> None:
    """Add memory layouts that make no difference to the gold."""
    sizes = _larger(draft)
    if not trials.accepts(draft, draft.case(sizes)):
        sizes = dict(draft.sizes)
    seeds = _SEEDS[:1] if trials.checks else _SEEDS
    for slot in draft.form.slots:
        if slot in draft.values and draft.values[slot].structured:
            continue
        good = list(CONTIGUOUS)
        for layout in possible(ANY, len(draft.shape(slot))):
            if layout in good or (layout == "expanded" and slot in draft.mutates):
                continue
            wider = draft.copy()
            wider.layouts[slot] = (*good, layout)
            laid = (wider.case(sizes, layouts={slot: layout}, seed=seed) for seed in seeds)
            if all(trials.indifferent(wider, case) for case in laid):
                good.append(layout)
                draft.layouts[slot] = tuple(good)


def free_patterns(draft: Draft, trials: Trials) -> None:
    """Add value patterns."""
    if not any(values.kind == "any" for values in draft.values.values()):
        return
    for pattern in all_patterns():
        wider = draft.copy()
        wider.patterns = (*draft.patterns, pattern)
        if pattern not in draft.patterns and trials.accepts(wider, wider.case(pattern=pattern)):
            draft.patterns = wider.patterns


def free_absence(draft: Draft, trials: Trials) -> None:
    """Leave out arguments that were left out in some calls."""
    missing = [slot for slot in draft.form.slots if any(slot not in r for r in draft.form.shapes)]
    for slot in missing:
        wider = draft.copy()
        wider.optional = draft.optional | {slot}
        case = replace(wider.case(), absent=frozenset({slot}))
        if isinstance(wider.task().inputs[slot], IntegerPiece) or slot not in draft.values:
            continue
        if not draft.values[slot].structured and trials.accepts(wider, case):
            draft.optional = wider.optional


STAGES: tuple[Callable[[Draft, Trials], None], ...] = (
    free_structure,
    free_extents,
    free_integers,
    free_values,
    free_dtypes,
    free_scalars,
    free_layouts,
    free_patterns,
    free_absence,
)
"""In this order: what comes later is tried on what was freed before."""
