"""The judge: (candidate's output, oracle) to a verdict with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from pytest_tritonbench.judge.finding import RIGHT, Fault, Verdict, wrong
from pytest_tritonbench.judge.nest import Nest, Value, leaves, mapped, tensors
from pytest_tritonbench.judge.rule import Yardstick
from pytest_tritonbench.judge.structure import structure
from pytest_tritonbench.judge.values import leaf, yardstick
from pytest_tritonbench.task.declaration import Task

__all__ = ["RIGHT", "Answer", "Expected", "Fault", "Verdict", "judge"]


@dataclass(frozen=True)
class Answer:
    """Everything that one call of a function shows."""

    output: Nest
    """What it returned."""

    mutated: Mapping[str, Value] = field(default_factory=dict)
    """The arguments that it may change, after the call."""

    gradients: Mapping[str, Value | None] = field(default_factory=dict)
    """Gradients by argument name."""

    def parts(self) -> dict[str, Nest]:
        """The parts that are judged, by the name they have in messages."""
        found: dict[str, Nest] = {"output": self.output}
        found.update({f"{name} (in place)": value for name, value in self.mutated.items()})
        found.update({f"gradient of {name}": value for name, value in self.gradients.items()})
        return found


@dataclass(frozen=True)
class Expected:
    """The oracle's side of one case."""

    reference: Answer
    """The reference in the case's own dtype."""

    oracle: Answer | None
    """The reference in float64; ``None`` when the reference's own output is the truth."""

    nearby: Answer | None = None
    """The same, moved by float32 roundings on the way: how ill-conditioned the case is."""

    yardsticks: dict[str, Yardstick] = field(default_factory=dict, compare=False, repr=False)
    """By the path of a leaf, what it is measured with; only as far as :meth:`prepare` made it."""

    def prepare(self) -> None:
        """Do what needs no candidate: it may be at work meanwhile."""
        truth, moved = _by_path(self.oracle), _by_path(self.nearby)
        for path, r in _by_path(self.reference).items():
            made = yardstick(r, truth.get(path), moved.get(path))
            if made is not None:
                self.yardsticks[path] = made


def judge(task: Task, inputs: Mapping[str, Any], got: Answer, expected: Expected) -> Verdict:
    """Judge one output.

    Args:
        task: The task; its ``canonical``, ``check`` and ``exact`` say what must agree.
        inputs: The arguments before the call: CPU tensors and scalars by name.
        got: What the candidate delivered.
        expected: The oracle's side.
    """
    reference = expected.reference
    for (name, mine), theirs in zip(got.parts().items(), reference.parts().values(), strict=True):
        if (fault := structure(name, mine, theirs)) is not None:
            return fault
    if task.check is not None:
        reason = _property(task, inputs, got)
        if reason is not None:
            return wrong(Fault.WRONG_PROPERTY, f"the defining property does not hold: {reason}")
        if task.canonical is None:
            return RIGHT
    if task.canonical is not None:
        try:
            got = _canonical(task, inputs, got)
        except (RuntimeError, IndexError, ValueError) as e:
            summary = f"the output cannot be an answer: {str(e).splitlines()[0]}"
            return wrong(Fault.WRONG_PROPERTY, summary)
        reference = _canonical(task, inputs, reference)
    oracle, nearby, yardsticks = expected.oracle, expected.nearby, expected.yardsticks
    if task.canonical is not None:
        yardsticks = {}
        wide = {n: v.double() if _is_float(v) else v for n, v in inputs.items()}
        oracle = None if oracle is None else _canonical(task, wide, oracle)
        nearby = None if nearby is None else _canonical(task, wide, nearby)
    return _values(got, Expected(reference, oracle, nearby, yardsticks))


def _is_float(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _seen(answer: Answer) -> Any:
    """What a task file's own functions are given as the output."""
    output = tensors(answer.output)
    if not answer.mutated:
        return output
    return {"output": output, **{name: v.tensor for name, v in answer.mutated.items()}}


def _property(task: Task, inputs: Mapping[str, Any], got: Answer) -> str | None:
    if task.check is None:
        return None
    try:
        return task.check(dict(inputs), _seen(got))
    except (RuntimeError, IndexError, ValueError) as e:
        # A wrong answer may be out of range for the very check: that is an answer, too.
        return f"{type(e).__name__}: {str(e).splitlines()[0]}"


def _canonical(task: Task, inputs: Mapping[str, Any], answer: Answer) -> Answer:
    if task.canonical is None:
        return answer
    found = task.canonical(dict(inputs), _seen(answer))
    wrapped = mapped(found, _as_value)
    return Answer(wrapped, {}, answer.gradients)


def _as_value(leaf: Any) -> Any:
    return Value(leaf, leaf.stride(), "cpu") if isinstance(leaf, torch.Tensor) else leaf


def _values(got: Answer, expected: Expected) -> Verdict:
    worst = RIGHT
    mine, truth, moved = map(_by_path, (got, expected.oracle, expected.nearby))
    for name, theirs in expected.reference.parts().items():
        for path, r in leaves(theirs, name):
            made = expected.yardsticks.get(path)
            verdict = leaf(path, mine[path], r, truth.get(path), moved.get(path), made)
            if not verdict.accepted and verdict.ratio >= worst.ratio:
                worst = verdict
            elif worst.accepted and verdict.ratio > worst.ratio:
                worst = Verdict(ratio=verdict.ratio)
    return worst


def _by_path(answer: Answer | None) -> dict[str, Any]:
    parts = {} if answer is None else answer.parts()
    return {path: leaf for name, nest in parts.items() for path, leaf in leaves(nest, name)}
