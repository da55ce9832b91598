"""Special rules of calls: answers that are not unique, judged by what defines them.

A rule is given every recorded call of a task at once, as a statistical test of a few elements says
nothing and one of all calls together may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from pytest_tritonbench.judge.bound_call import Drawn
from pytest_tritonbench.judge.decompositions import eig, ldl, lu, qr, svd
from pytest_tritonbench.judge.expression import ExpressionError, bound, evaluated, widened
from pytest_tritonbench.judge.nest import Nest, tensors
from pytest_tritonbench.judge.randomness import binomial, dropout, uniform
from pytest_tritonbench.judge.rule import closeness
from pytest_tritonbench.task.tritonbench.rules import Rule

Reasons = dict[int, str | None]
"""Number of a call -> what is wrong with it, ``None`` if nothing is; calls that the rule says
nothing about are not in it."""


@dataclass(frozen=True)
class Case:
    """One recorded call that a rule is about."""

    arguments: Nest
    """The gold's: ``{"args": [...], "kwargs": {...}}``."""

    got: Nest
    """The part of the candidate's call that the rule judges."""

    want: Nest
    """The gold's."""


def judge_calls(rule: Rule, cases: Mapping[int, Case]) -> Reasons:
    """Judge calls by a special rule.

    Args:
        rule: The rule; its ``signature`` names the arguments.
        cases: The calls by their numbers.
    """
    drawn = {}
    for number, case in cases.items():
        try:
            names = bound(rule.options["signature"], tensors(case.arguments))
        except ExpressionError:
            # A call that the rule does not know is judged like any other.
            continue
        drawn[number] = Drawn(names, tensors(case.got), tensors(case.want))
    if rule.kind in _POOLED:
        return _POOLED[rule.kind](rule, drawn)
    return _each(_SINGLE[rule.kind], rule, drawn)


def _each(
    check: Callable[[Rule, Drawn], str | None], rule: Rule, drawn: Mapping[int, Drawn]
) -> Reasons:
    found: Reasons = {}
    for number, case in drawn.items():
        try:
            found[number] = check(rule, case)
        except (RuntimeError, IndexError, ValueError) as e:
            # A wrong answer may be out of range for the very check: that is an answer, too.
            found[number] = f"it cannot be an answer: {str(e).splitlines()[0]}"
    return found


def _index(rule: Rule, case: Drawn) -> str | None:
    """The value at the index is as large, or as small, as the one at the gold's."""
    got, want = case.got, case.want
    values: torch.Tensor = evaluated(rule.options["of"], case.names)
    wide: torch.Tensor = evaluated(rule.options["of"], widened(case.names))
    dim = case.names.get("dim")
    if dim is None:
        values, wide, dim = values.reshape(-1), wide.reshape(-1), 0
    size = values.shape[dim]
    if got.numel() and not bool(((got >= 0) & (got < size)).all()):
        return f"an index is out of range for {size} elements"
    places = got, want
    if not case.names.get("keepdim") and values.dim() > got.dim():
        places = got.unsqueeze(dim), want.unsqueeze(dim)
    mine, theirs = (torch.gather(values, dim, place) for place in places)
    best = torch.gather(wide, dim, places[1]).double()
    is_float = values.is_floating_point()
    off = closeness(mine, theirs, best).wrong if is_float else mine != theirs
    if not bool(off.any()):
        return None
    return f"{int(off.sum())} of {off.numel()} indices point at another value than the gold's do"


def _window(rule: Rule, case: Drawn) -> str | None:
    """Every output is the maximum of some window of its plane."""
    with_indices = isinstance(case.want, tuple)
    got: torch.Tensor = case.got[0] if with_indices else case.got
    values: torch.Tensor = evaluated(rule.options["of"], case.names)
    kernel: Any = case.names["kernel_size"]
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    maxima = values.unfold(-2, height, 1).unfold(-2, width, 1).amax(dim=(-2, -1))
    known = (got.flatten(-2)[..., :, None] == maxima.flatten(-2)[..., None, :]).any(dim=-1)
    if not bool(known.all()):
        off = int((~known).sum())
        return f"{off} of {known.numel()} elements are the maximum of no window of the input"
    if bool((got[..., -1, -1] != maxima[..., -1, -1]).any()):
        return "the last element is not the maximum of the last window"
    if with_indices:
        flat, places = values.flatten(-2), case.got[1].flatten(-2)
        if not bool(((places >= 0) & (places < flat.shape[-1])).all()):
            return "an index is out of range"
        if not torch.equal(torch.gather(flat, -1, places), got.flatten(-2)):
            return "the values at the indices are not the maxima"
    if got.numel() > 1 and maxima.unique().numel() > 1 and got.unique().numel() == 1:
        return "all elements are the same"
    return None


_SINGLE: Mapping[str, Callable[[Rule, Drawn], str | None]] = {
    "svd": svd,
    "eig": eig,
    "qr": qr,
    "lu": lu,
    "ldl": ldl,
    "index": _index,
    "window": _window,
}
_POOLED: Mapping[str, Callable[[Rule, Mapping[int, Drawn]], Reasons]] = {
    "dropout": dropout,
    "uniform": uniform,
    "binomial": binomial,
}
