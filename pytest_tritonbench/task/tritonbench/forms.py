"""Forms: recorded calls that differ only in sizes, values and scalars, as one template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from pytest_tritonbench.task.case import RESERVED
from pytest_tritonbench.task.tritonbench.recorded import (
    REQUIRED,
    Parameter,
    Recorded,
    foreign,
    tensors,
)

CALL = "call"
"""The scalar of a case that says which form the call has."""

_LEFT_OUT = frozenset({"out"})


@dataclass(frozen=True)
class Slot:
    """A place of a template where a case's value goes."""

    name: str


@dataclass(frozen=True)
class Form:
    """One way of calling the entry point."""

    number: int
    template: Mapping[str, Any]
    """Parameter to a :class:`Slot`, or a list or tuple with slots in it, in passing order."""

    keywords: tuple[str, ...]
    """Parameters that are passed by keyword."""

    shapes: tuple[Mapping[str, torch.Tensor], ...]
    """For each recorded call: tensor slot to the recorded tensor; absent ones are left out."""

    scalars: tuple[Mapping[str, Any], ...]
    """For each recorded call: scalar slot to its value."""

    spelled: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Scalar slot to what its strings in a case stand for."""

    @property
    def slots(self) -> tuple[str, ...]:
        """The tensor slots, in passing order."""
        seen = [name for recorded in self.shapes for name in recorded]
        return tuple(n for n in slots_in(tuple(self.template.values())) if n in seen)

    def fill(self, made: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by parameter, of values by slot."""
        return {name: self._filled(part, made) for name, part in self.template.items()}

    def _filled(self, part: Any, made: Mapping[str, Any]) -> Any:
        if isinstance(part, Slot):
            value = made[part.name]
            known = self.spelled.get(part.name, {})
            return known.get(value, value) if isinstance(value, str) else value
        if isinstance(part, list | tuple):
            return type(part)(self._filled(item, made) for item in part)
        return part

    def spell(self, slot: str, value: Any) -> bool | int | float | str | None:
        """A scalar as a case holds it; what JSON has no word for goes by its spelling."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        text = str(value).removeprefix("torch.")
        self.spelled.setdefault(slot, {})[text] = value
        return text


def slots_in(part: Any) -> list[str]:
    """The names of the slots of a template, in order."""
    if isinstance(part, Slot):
        return [part.name]
    if isinstance(part, list | tuple):
        return [name for item in part for name in slots_in(item)]
    return []


def forms_of(
    calls: Sequence[Recorded], parameters: tuple[Parameter, ...] | None
) -> tuple[tuple[Form, ...], tuple[str, ...]]:
    """Sort calls into forms.

    Returns:
        The forms, and why calls were left out.
    """
    reasons: list[str] = []
    groups: list[list[dict[str, Any]]] = []
    keywords = {name for call in calls for name in call.keywords}
    defaults = {p.name: p.default for p in parameters or () if not p.star}
    usable = []
    for call in calls:
        # Where the entry point makes its own output when it is given none, it is left to.
        given = {
            n: v
            for n, v in call.arguments.items()
            if n not in _LEFT_OUT or defaults.get(n, REQUIRED) is REQUIRED
        }
        reason = _unusable(given)
        if reason is not None:
            reasons.append(reason)
        else:
            usable.append(given)
    for given in sorted(usable, key=lambda g: -sum(map(bool, map(tensors, g.values())))):
        for group in groups:
            merged = _merged(group, given, defaults)
            if merged is not None:
                group[:] = merged
                break
        else:
            groups.append([given])
    order = [p.name for p in parameters or () if not p.star]
    made = [_form(n, group, order, keywords) for n, group in enumerate(groups)]
    return tuple(made), tuple(dict.fromkeys(reasons))


def _unusable(given: Mapping[str, Any]) -> str | None:
    if kinds := [kind for value in given.values() for kind in foreign(value)]:
        return f"takes a {kinds[0]}"
    every = [tensor for value in given.values() for tensor in tensors(value)]
    if not every:
        return "no tensor argument"
    if any(tensor.is_complex() for tensor in every):
        return "complex tensors"
    return None


def _kind(value: Any) -> Any:
    """What two arguments must have in common to be of one form."""
    if isinstance(value, torch.Tensor):
        family = "bool" if value.dtype == torch.bool else "float"
        if family == "float" and not value.is_floating_point():
            family = "integer"
        return (value.dim(), family)
    if tensors(value):
        return (type(value).__name__, *(_kind(part) for part in value))
    return "absent" if value is None else "plain"


def _merged(
    group: list[dict[str, Any]], given: dict[str, Any], defaults: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    """The group with one more call, each call completed by defaults; ``None`` if they differ."""
    names = list(dict.fromkeys([*group[0], *given]))
    completed = []
    for call in (*group, given):
        missing = {n: defaults.get(n, REQUIRED) for n in names if n not in call}
        if any(value is REQUIRED for value in missing.values()):
            return None
        completed.append({**call, **missing})
    for name in names:
        kinds = {_kind(call[name]) for call in completed} - {"absent"}
        if len(kinds) > 1:
            return None
        nested = [c[name] for c in completed if isinstance(c[name], list | tuple)]
        if any(map(tensors, nested)) and len(nested) < len(completed):
            return None
    full = max(completed, key=lambda call: sum(map(bool, map(tensors, call.values()))))
    if any(tensors(call[n]) and not tensors(full[n]) for call in completed for n in names):
        # No recorded call shows shapes that go together.
        return None
    return completed


def _form(number: int, group: list[dict[str, Any]], order: list[str], keywords: set[str]) -> Form:
    place = {name: at for at, name in enumerate(order)}
    names = sorted(group[0], key=lambda n: place.get(n, len(place)))
    if any(n not in place and n not in keywords for n in names):
        names = list(group[0])
    template: dict[str, Any] = {}
    by_name: list[str] = []
    for position, name in enumerate(names):
        example = next((c[name] for c in group if c[name] is not None), None)
        template[name] = _template(_slot(name), example)
        in_place = name not in place or place[name] == position
        if name in keywords or by_name or not in_place:
            by_name.append(name)
    shapes: list[dict[str, torch.Tensor]] = []
    scalars: list[dict[str, Any]] = []
    for call in group:
        leaves: dict[str, Any] = {}
        for name in names:
            leaves.update(_leaves(template[name], call[name]))
        tensor_slots = {
            slot
            for c in group
            for n in names
            for slot, v in _leaves(template[n], c[n]).items()
            if isinstance(v, torch.Tensor)
        }
        shapes.append({n: v for n, v in leaves.items() if isinstance(v, torch.Tensor)})
        scalars.append({n: v for n, v in leaves.items() if n not in tensor_slots})
    return Form(number, template, tuple(by_name), tuple(shapes), tuple(scalars))


def _slot(name: str) -> str:
    return f"{name}_" if name in (*RESERVED, CALL) else name


def _template(name: str, example: Any) -> Any:
    if isinstance(example, list | tuple) and tensors(example):
        return type(example)(
            _template(f"{name}_{number}", part) for number, part in enumerate(example)
        )
    return Slot(name)


def _leaves(part: Any, value: Any) -> dict[str, Any]:
    if isinstance(part, Slot):
        return {part.name: value}
    found: dict[str, Any] = {}
    for item, inner in zip(part, value, strict=True):
        found.update(_leaves(item, inner))
    return found
