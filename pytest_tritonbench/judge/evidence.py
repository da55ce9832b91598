"""What a candidate's run of a test showed, judged against what the gold's run showed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from pytest_tritonbench.judge.finding import RIGHT, Fault, Verdict, wrong
from pytest_tritonbench.judge.forms import Forms
from pytest_tritonbench.judge.gold import Gold, GoldLeaf, as_value, projected
from pytest_tritonbench.judge.measure import equal, measured, real, same_bytes
from pytest_tritonbench.judge.nest import Nest, Value, leaves
from pytest_tritonbench.judge.seen import (
    Call,
    Evidence,
    Opaque,
    evidence_of,
)
from pytest_tritonbench.judge.special import Case, judge_calls
from pytest_tritonbench.judge.worth import GoldState, state
from pytest_tritonbench.task.tritonbench.rules import Rules

__all__ = [
    "Call",
    "Evidence",
    "Gold",
    "GoldState",
    "Opaque",
    "compare",
    "evidence_of",
    "state",
]


def compare(got: Evidence, gold: Gold, state: GoldState, rules: Rules) -> Verdict:
    """Judge what a candidate's run showed.

    Args:
        got: The candidate's evidence.
        gold: The gold's runs; the arguments of its calls are those that special rules go by.
        state: What :func:`state` said of them.
        rules: The task's special rules.

    Returns:
        The first fault of form; else the worst leaf.
    """
    return _Comparison(projected(got, rules), gold, state, rules).verdict()


class _Comparison:
    """One candidate's evidence beside the gold's."""

    def __init__(self, got: Evidence, gold: Gold, state: GoldState, rules: Rules) -> None:
        self._got, self._gold, self._state, self._rules = got, gold, state, rules
        self._want, self._leaves = state.evidence, state.leaves
        # Tensors of the candidate that were judged already, by the group of the gold's leaf.
        self._judged: dict[int, list[torch.Tensor]] = {}

    def verdict(self) -> Verdict:
        form = Forms(self._got, self._gold, self._state, self._rules)
        return form.fault() or self._values()

    def _values(self) -> Verdict:
        worst = RIGHT
        covered: set[str] = set()
        for verdict in self._special(covered):
            worst = _worse(worst, verdict)
        mine = self._got.leaves()
        for path, leaf in self._leaves.items():
            if path in covered or path not in mine or leaf.undefined:
                continue
            if self._rules.covering("ignore", path) or self._known(leaf, mine[path]):
                continue
            verdict = self._leaf(leaf, mine[path])
            if not verdict.accepted:
                verdict = replace(verdict, details=(*verdict.details, ("leaf", path)))
            worst = _worse(worst, verdict)
        return worst

    def _special(self, covered: set[str]) -> list[Verdict]:
        found = []
        mine = self._got.leaves()
        for rule in self._rules.of_calls:
            cases = {}
            for number, (call, want) in enumerate(
                zip(self._got.calls, self._want.calls, strict=True)
            ):
                parts = _part(call, rule.on), _part(want, rule.on)
                arguments = self._gold.plain.calls[number].arguments
                if want.raised is None and None not in parts and arguments is not None:
                    cases[number] = Case(arguments, *parts)
            for number, reason in judge_calls(rule, cases).items():
                part = f"calls[{number}].{rule.on}"
                paths = [at for at, _ in leaves(_part(self._want.calls[number], rule.on), part)]
                covered.update(paths)
                for path in paths:
                    self._known(self._leaves[path], mine[path])
                if reason is not None:
                    words = self._leaves[paths[0]].words.removesuffix(paths[0].removeprefix(part))
                    summary = f"{words}: {reason}"
                    found.append(wrong(Fault.WRONG_PROPERTY, summary, ("leaf", part)))
        return found

    def _known(self, leaf: GoldLeaf, got: Any) -> bool:
        """Whether the same tensor was judged already; from now on it is."""
        if not isinstance(got, Value) or leaf.group < 0:
            return False
        judged = self._judged.setdefault(leaf.group, [])
        if any(same_bytes(got.tensor, tensor) for tensor in judged):
            return True
        judged.append(got.tensor)
        return False

    def _leaf(self, leaf: GoldLeaf, got: Any) -> Verdict:
        want = leaf.plain
        if want is None or isinstance(want, Opaque):
            return RIGHT
        if isinstance(want, str) and self._rules.covering("text", leaf.path):
            return RIGHT
        mine = as_value(got)
        if leaf.truth is not None and isinstance(mine, Value):
            mask = leaf.mask
            if mask is not None and mine.tensor.is_complex():
                mask = mask.unsqueeze(-1).expand(leaf.truth.plain.shape)
            return measured(leaf.words, real(mine.tensor), leaf.truth, mask)
        if isinstance(want, Value) and isinstance(mine, Value):
            rule = self._rules.covering("steps", leaf.path)
            steps = (0, 0.0) if rule is None else (rule.options["within"], rule.options["share"])
            return equal(leaf.words, mine.tensor, want.tensor, leaf.mask, steps)
        if got == want:
            return RIGHT
        return wrong(Fault.WRONG_VALUES, f"{leaf.words} is {got!r}, the gold gives {want!r}")


def _part(call: Call, on: str) -> Nest:
    """A part of a call: ``result``, ``result[1]``, ``changed[0]``; ``None`` if there is none."""
    what, _, rest = on.partition("[")
    if what == "changed":
        return call.changed.get(rest.removesuffix("]"))
    if not rest:
        return call.result
    place = int(rest.removesuffix("]"))
    is_sequence = isinstance(call.result, tuple | list)
    return call.result[place] if is_sequence and place < len(call.result) else None


def _worse(a: Verdict, b: Verdict) -> Verdict:
    if a.accepted != b.accepted:
        return a if b.accepted else b
    if b.ratio > a.ratio:
        return b if not b.accepted else Verdict(ratio=b.ratio)
    return a
