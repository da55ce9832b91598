"""Whether a candidate can be judged by a gold, and if not, why, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from pytest_tritonbench.judge.gold import Gold, GoldLeaf, leaves_of, projected
from pytest_tritonbench.judge.nest import Value
from pytest_tritonbench.judge.seen import Evidence, Opaque
from pytest_tritonbench.task.tritonbench.rules import Rules

# A gold is judged by if at least this share of the elements that it shows is defined.
LEAST_DEFINED = 0.5


@dataclass(frozen=True)
class GoldState:
    """Whether and by what candidates can be judged."""

    word: str = ""
    """``gold-unstable``, ``vacuous``; empty where candidates can be judged."""

    reason: str = ""
    """One sentence."""

    evidence: Evidence = field(default_factory=Evidence)
    """The plain run, without what the rules leave out."""

    leaves: Mapping[str, GoldLeaf] = field(default_factory=dict)
    """Every leaf of it by its path."""

    @property
    def judgeable(self) -> bool:
        """Whether candidates can be judged."""
        return not self.word


def state(gold: Gold, rules: Rules) -> GoldState:
    """What a gold is worth.

    Args:
        gold: Its runs.
        rules: The task's special rules.
    """
    gold = Gold(
        projected(gold.plain, rules),
        projected(gold.again, rules),
        None if gold.moved is None else projected(gold.moved, rules),
        None if gold.wide is None else projected(gold.wide, rules),
    )
    leaves = {leaf.path: leaf for leaf in leaves_of(gold, rules)}
    found = GoldState(evidence=gold.plain, leaves=leaves)
    reason = _calls_differ(gold) or _unstable(gold, leaves, rules)
    if reason is not None:
        return replace(found, word="gold-unstable", reason=reason)
    reason = _vacuous(gold.plain, leaves, rules)
    if reason is not None:
        return replace(found, word="vacuous", reason=reason)
    return found


def _calls_differ(gold: Gold) -> str | None:
    mine, second = ([call.name for call in run.calls] for run in (gold.plain, gold.again))
    if mine == second:
        return None
    return f"under one seed its test makes {len(mine)} calls in one run, {len(second)} in the next"


def _shown(leaves: Mapping[str, GoldLeaf], rules: Rules) -> Iterator[GoldLeaf]:
    """Leaves by which a candidate could be told from another, each tensor once."""
    groups = set()
    for path, leaf in leaves.items():
        if path.startswith("locals[") or rules.covering("ignore", path):
            continue
        if leaf.group in groups:
            continue
        if isinstance(leaf.plain, Value):
            groups.add(leaf.group)
        yield leaf


def _unstable(gold: Gold, leaves: Mapping[str, GoldLeaf], rules: Rules) -> str | None:
    tensors = [leaf for leaf in _shown(leaves, rules) if isinstance(leaf.plain, Value)]
    numbers = [leaf for leaf in _shown(leaves, rules) if isinstance(leaf.plain, float | complex)]
    weighed = [leaf for leaf in tensors if leaf.count] or numbers
    total, defined = sum(leaf.count for leaf in weighed), sum(leaf.defined for leaf in weighed)
    if not total or defined >= LEAST_DEFINED * total:
        return None
    again = gold.again.leaves()
    off = [leaf for leaf in weighed if leaf.defined < leaf.count]
    worst = max(off, key=lambda leaf: leaf.count - leaf.defined)
    share = f"only {defined} of {total} elements" if defined else f"none of {total} elements"
    others = f", as do {len(off) - 1} other leaves" if len(off) > 1 else ""
    extent = f"{worst.count - worst.defined} of {worst.count}"
    gap = _gap(worst, again.get(worst.path))
    return f"{share} repeat under one seed: {worst.words} differs in {extent}{gap}{others}"


def _gap(leaf: GoldLeaf, again: Any) -> str:
    if not isinstance(leaf.plain, Value) or not isinstance(again, Value):
        return ""
    a, b = leaf.plain.tensor, again.tensor
    if a.shape != b.shape:
        return f" (shapes {tuple(a.shape)} and {tuple(b.shape)})"
    if a.is_complex() or a.dtype == torch.float4_e2m1fn_x2:
        return ""
    gap = (a.double() - b.double()).abs()
    numbers = gap[torch.isfinite(gap)]
    nans = gap.numel() - numbers.numel()
    parts = [f"by up to {float(numbers.max()):.3g}"] if numbers.numel() and numbers.any() else []
    parts += [f"{nans} not finite"] if nans else []
    return f" ({', '.join(parts)})" if parts else ""


def _vacuous(plain: Evidence, leaves: Mapping[str, GoldLeaf], rules: Rules) -> str | None:
    for rule in rules.of("vacuous"):
        return str(rule.options["why"])
    if not plain.calls:
        return "the test calls nothing of the candidate's"
    if all(call.raised is not None for call in plain.calls):
        return f"every call raises {plain.calls[0].raised}"
    shown = [leaf for leaf in _shown(leaves, rules) if leaf.defined or not leaf.count]
    if any(_tells(leaf.plain) for leaf in shown if leaf.path.startswith("calls[")):
        return None
    # An object is an instance of a class, or a module that shows no parameters.
    made_objects = any(isinstance(call.result, Opaque) or call.result == {} for call in plain.calls)
    if made_objects and any(_tells(leaf.plain, numbers=False) for leaf in shown):
        return None
    return f"the test shows {_kinds(shown)}, and its calls change no argument"


def _tells(leaf: Any, *, numbers: bool = True) -> bool:
    """Whether a leaf can be right or wrong in more than its form."""
    if isinstance(leaf, Value):
        return leaf.tensor.numel() > 0
    return isinstance(leaf, float | complex) or (numbers and type(leaf) is int)


def _kinds(shown: list[GoldLeaf]) -> str:
    """What kinds of values there are, in words."""
    names = {bool: "booleans", int: "shapes", str: "strings", Value: "empty tensors"}
    found = {names[kind] for leaf in shown for kind in names if type(leaf.plain) is kind}
    return f"only {' and '.join(sorted(found))}" if found else "nothing but None"
