"""Which extents of a call's arguments can vary, and which of them must stay equal.

Extents that differ in any recorded call have different names. Those that are equal in all of them
may be so by accident, as in a test on two 2 x 2 matrices: the gold is asked. An extent that can be
changed alone gets a name of its own; of the rest, the smallest sets that can be changed together
share one; what cannot be changed stays as it was recorded.

A gold that checks nothing is not asked which of them belong together: it answers whatever the
extents. Those of different arguments that are equal in all recorded calls stay equal, and where
integers may point into tensors, all stay as recorded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from pytest_tritonbench.task.extents import Dim
from pytest_tritonbench.task.tritonbench.draft import Draft, Member, widest
from pytest_tritonbench.task.tritonbench.trial import Trials

_NAMES = (*"nmkpqrstuvwxyzabcdefghij", *(f"n{number}" for number in range(2, 40)))
_SMALL = 64
_MOST_TRIPLES = 60
_MATRICES = 3
_BATCHED = 3
_ALONE_FROM_ONE = 7
_JOINT_SIZES = ((5, 7, 4, 6, 9, 3, 8), (6, 4, 9, 5, 3, 7, 10), (3, 8, 5, 10, 6, 4, 7))


def name_extents(draft: Draft, trials: Trials) -> None:
    """Free what extents of a draft can be freed; it has them all fixed."""
    if draft.kept:
        return
    probe = _Probe(draft, trials)
    found: list[tuple[tuple[Member, ...], Dim]] = []
    for equal in _equal_extents(draft):
        found += probe.sets(equal)
    taken = {*draft.scalars, *draft.values, *draft.integers, *draft.fixed, *draft.form.template}
    names = [n for n in _NAMES if n not in taken]
    settled = draft.copy()
    for name, (members, limits) in zip(names, found, strict=False):
        wider = settled.copy()
        size = int(draft.extents[members[0]])
        for member in members:
            wider.extents[member] = name
        wider.sizes[name] = size
        wider.dims[name] = limits
        if all(trials.accepts(wider, wider.case(sizes)) for sizes in _joint(wider)):
            settled = wider
    for name in list(settled.dims):
        _widen(settled, name, trials)
    draft.extents, draft.sizes, draft.dims = settled.extents, settled.sizes, settled.dims


def _equal_extents(draft: Draft) -> list[list[Member]]:
    """The members of a draft in classes that have one extent in every recorded call."""
    seen: dict[Member, tuple[int | None, ...]] = {}
    for member, size in draft.extents.items():
        slot, axis = member
        if size == 0:
            continue
        seen[member] = tuple(
            (recorded[slot].shape[axis] if slot in recorded else None)
            if axis >= 0
            else scalars.get(slot)
            for recorded, scalars in zip(draft.form.shapes, draft.form.scalars, strict=True)
        )
    classes: list[list[Member]] = []
    for member, vector in seen.items():
        for group in classes:
            if (
                all(
                    # A 1 is broadcast, an absent tensor says nothing.
                    a == b or a in (1, None) or b in (1, None)
                    for other in group
                    for a, b in zip(vector, seen[other], strict=True)
                )
                and draft.extents[group[0]] == draft.extents[member]
            ):
                group.append(member)
                break
        else:
            classes.append([member])
    return classes


def _joint(draft: Draft) -> Iterator[Mapping[str, int]]:
    for sizes in _JOINT_SIZES:
        yield {
            name: _fitting(size, limits, draft.sizes[name])
            for (name, limits), size in zip(
                draft.dims.items(), itertools.cycle(sizes), strict=False
            )
        }


def _fitting(size: int, limits: Dim, base: int) -> int:
    if limits.power_of_two:
        return base if size % 2 else max(limits.low, base // 2)
    if limits.multiple_of > 1:
        return limits.multiple_of * (1 + size % 3)
    # A kernel's window must still fit what was large enough for it.
    return max(size, base + size // 2) if base > min(_JOINT_SIZES[0]) else size


def _square(draft: Draft, slot: str, axis: int) -> bool:
    """Whether an axis is the second of a square matrix, by its structure or in sizes that vary."""
    rank = sum(name == slot and number >= 0 for name, number in draft.extents)
    if axis != rank - 1:
        return False
    if (values := draft.values.get(slot)) and values.structured:
        return True
    sides = {tuple(r[slot].shape[-2:]) for r in draft.form.shapes if slot in r}
    return rank <= _MATRICES and len(sides) > 1 and all(a == b for a, b in sides)


class _Probe:
    """Changes some extents of the base call and asks the gold."""

    def __init__(self, draft: Draft, trials: Trials) -> None:
        self._trials = trials
        self._draft = draft.copy()
        self._name: dict[Member, str] = {}
        for number, member in enumerate(draft.extents):
            slot, axis = member
            self._name[member] = name = f"_{number}"
            self._draft.sizes[name] = int(draft.extents[member])
            self._draft.dims[name] = Dim(0)
            self._draft.extents[member] = name
            if axis > 0 and _square(draft, slot, axis):
                self._name[member] = self._draft.extents[member] = self._name[slot, axis - 1]

    def sets(self, members: Sequence[Member]) -> list[tuple[tuple[Member, ...], Dim]]:
        """The smallest sets of equal extents that can be changed, and within which limits."""
        # A structured matrix has two axes of one name.
        bound: dict[str, list[Member]] = {}
        for member in members:
            bound.setdefault(self._name[member], []).append(member)
        left = [tuple(group) for group in bound.values()]
        found = []
        for group in self._candidates(left):
            if not all(part in left for part in group):
                continue
            together = tuple(member for part in group for member in part)
            if all(axis < 0 for _, axis in together):
                # A scalar that can be changed alone is no extent.
                continue
            limits = self._limits(together)
            if limits is not None:
                found.append((together, limits))
                left = [part for part in left if part not in group]
        return found

    def _candidates(
        self, parts: Sequence[tuple[Member, ...]]
    ) -> Iterator[tuple[tuple[Member, ...], ...]]:
        if not self._trials.checks:
            if len({slot for part in parts for slot, _ in part}) == 1:
                # No other argument has that extent: a matrix that happens to be square.
                yield from itertools.combinations(parts, 1)
            yield tuple(parts)
            # A number that is equal to an extent may have nothing to do with it.
            yield tuple(part for part in parts if part[0][1] >= 0)
            return
        yield from itertools.combinations(parts, 1)
        yield from itertools.combinations(parts, 2)
        for axis in sorted({part[0][1] for part in parts}):
            yield tuple(part for part in parts if part[0][1] in (axis, -1))
            yield tuple(part for part in parts if part[0][1] == axis)
        if math.comb(len(parts), 3) <= _MOST_TRIPLES:
            yield from itertools.combinations(parts, 3)
        yield tuple(parts)

    def _limits(self, members: Sequence[Member]) -> Dim | None:
        size = self._draft.sizes[self._name[members[0]]]
        power = size & (size - 1) == 0
        other, step, third = size + 3, size, 3 * size
        if size == 1:
            # Far from what other extents are, so that it is not taken for one of them.
            return Dim(1) if self._changed(members, _ALONE_FROM_ONE) else None
        if size > _SMALL:
            # Smaller is cheaper.
            other, step, third = _SMALL - 3, size // 4, 3 * size // 4
        if self._changed(members, other):
            return Dim(1)
        if not self._changed(members, 2 * size if size <= _SMALL else size // 2):
            return None
        if self._changed(members, third):
            return Dim(step, multiple_of=step)
        return Dim(step, power_of_two=True) if power else None

    def _changed(self, members: Sequence[Member], size: int) -> bool:
        sizes = {self._name[member]: size for member in members}
        return self._trials.accepts(self._draft, self._draft.case(sizes))


def _widen(draft: Draft, name: str, trials: Trials) -> None:
    """Find how far a dim may go, the others being as they were recorded."""
    limits = draft.dims[name]
    base = draft.sizes[name]
    ranks = [
        len(draft.shape(slot)) for (slot, _), extent in draft.extents.items() if extent == name
    ]
    structured = any(
        values.structured and name in draft.shape(slot) for slot, values in draft.values.items()
    )
    high = widest(_BATCHED if structured else max(ranks))
    step = limits.multiple_of
    if limits.power_of_two:
        draft.dims[name] = Dim(limits.low, max(base, limits.low), power_of_two=True)
        return
    if step > 1:
        draft.dims[name] = Dim(step, max(3 * step, high // step * step), step)
        return
    low = next((n for n in (1, 2) if n <= base and _sized(draft, name, n, trials)), base)
    tops = (high, base + 3, base)
    high = next(n for n in tops if n == base or (n > low and _sized(draft, name, n, trials)))
    draft.dims[name] = Dim(low, max(low, high))


def _sized(draft: Draft, name: str, size: int, trials: Trials) -> bool:
    return trials.accepts(draft, draft.case({name: size}))
