"""The judge: (candidate's output, oracle) to a verdict with a reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import torch

from pytest_tritonbench.judge.nest import Nest, Value, leaves, mapped, shape_of, tensors
from pytest_tritonbench.judge.rule import Closeness, closeness
from pytest_tritonbench.judge.sample import Sample
from pytest_tritonbench.judge.whereabouts import whereabouts
from pytest_tritonbench.task.declaration import Task


class Fault(StrEnum):
    """Why an output is rejected."""

    WRONG_STRUCTURE = "wrong-structure"
    WRONG_SHAPE = "wrong-shape"
    WRONG_DTYPE = "wrong-dtype"
    WRONG_DEVICE = "wrong-device"
    ZERO_STRIDE = "zero-stride"
    INPUT_CHANGED = "input-changed"
    WRONG_VALUES = "wrong-values"
    WRONG_PROPERTY = "wrong-property"


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


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one output."""

    fault: Fault | None = None
    """``None`` when the output is right."""

    summary: str = "right"
    """One line: what is wrong."""

    details: tuple[tuple[str, str], ...] = ()
    """Further lines, each with a heading of one word."""

    ratio: float = 0.0
    """The worst error over what was allowed; 0 when nothing was measured, inf for a fault that
    has no size."""

    @property
    def accepted(self) -> bool:
        """Whether the output is right."""
        return self.fault is None


RIGHT = Verdict()


def _wrong(fault: Fault, summary: str, *details: tuple[str, str]) -> Verdict:
    return Verdict(fault, summary, details, math.inf)


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
        if (fault := _structure(name, mine, theirs)) is not None:
            return fault
    if task.check is not None:
        reason = _property(task, inputs, got)
        if reason is not None:
            return _wrong(Fault.WRONG_PROPERTY, f"the defining property does not hold: {reason}")
        if task.canonical is None:
            return RIGHT
    if task.canonical is not None:
        try:
            got = _canonical(task, inputs, got)
        except (RuntimeError, IndexError, ValueError) as e:
            summary = f"the output cannot be an answer: {str(e).splitlines()[0]}"
            return _wrong(Fault.WRONG_PROPERTY, summary)
        reference = _canonical(task, inputs, reference)
    oracle, nearby = expected.oracle, expected.nearby
    if task.canonical is not None:
        wide = {n: v.double() if _is_float(v) else v for n, v in inputs.items()}
        oracle = None if oracle is None else _canonical(task, wide, oracle)
        nearby = None if nearby is None else _canonical(task, wide, nearby)
    return _values(got, reference, oracle, nearby)


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


def _structure(name: str, got: Nest, want: Nest) -> Verdict | None:
    mine, theirs = list(leaves(got, name)), list(leaves(want, name))
    same = [path for path, _ in mine] == [path for path, _ in theirs]
    if not same or not _same_kinds(got, want):
        summary = f"{name} is a {shape_of(got)}, the reference gives a {shape_of(want)}"
        return _wrong(Fault.WRONG_STRUCTURE, summary)
    for (path, a), (_, b) in zip(mine, theirs, strict=True):
        if isinstance(a, Value) and isinstance(b, Value):
            fault = _tensor_structure(path, a, b)
            if fault is not None:
                return fault
    return None


def _same_kinds(got: Nest, want: Nest) -> bool:
    match got, want:
        case (tuple(), tuple()) | (list(), list()):
            return len(got) == len(want) and all(map(_same_kinds, got, want))
        case dict(), dict():
            return list(got) == list(want) and all(_same_kinds(got[k], want[k]) for k in want)
        case Value(), Value():
            return True
        case _:
            return type(got) is type(want)


def _tensor_structure(path: str, got: Value, want: Value) -> Verdict | None:
    a, b = got.tensor, want.tensor
    if got.shape != want.shape:
        summary = f"{path} has shape {got.shape}, the reference gives {want.shape}"
        return _wrong(Fault.WRONG_SHAPE, summary)
    if a.dtype != b.dtype:
        mine, theirs = str(a.dtype).removeprefix("torch."), str(b.dtype).removeprefix("torch.")
        return _wrong(Fault.WRONG_DTYPE, f"{path} is {mine}, the reference gives {theirs}")
    if got.device != want.device:
        summary = f"{path} is on {got.device}, the reference gives it on {want.device}"
        return _wrong(Fault.WRONG_DEVICE, summary)
    shared = [
        axis
        for axis, (size, step) in enumerate(zip(a.shape, got.strides, strict=True))
        if size > 1 and step == 0 and want.strides[axis] != 0
    ]
    if shared and a.numel():
        summary = f"{path} has stride 0 in dim {shared[0]}: its elements share memory"
        return _wrong(Fault.ZERO_STRIDE, summary, ("strides", str(got.strides)))
    return None


def _values(
    got: Answer, reference: Answer, oracle: Answer | None, nearby: Answer | None
) -> Verdict:
    worst = RIGHT
    mine, truth, moved = (_by_path(answer) for answer in (got, oracle, nearby))
    for name, theirs in reference.parts().items():
        for path, r in leaves(theirs, name):
            verdict = _leaf(path, mine[path], r, truth.get(path), moved.get(path))
            if not verdict.accepted and verdict.ratio >= worst.ratio:
                worst = verdict
            elif worst.accepted and verdict.ratio > worst.ratio:
                worst = Verdict(ratio=verdict.ratio)
    return worst


def _by_path(answer: Answer | None) -> dict[str, Any]:
    parts = {} if answer is None else answer.parts()
    return {path: leaf for name, nest in parts.items() for path, leaf in leaves(nest, name)}


def _leaf(path: str, c: Any, r: Any, o: Any, nearby: Any) -> Verdict:
    if not isinstance(r, Value):
        return _plain(path, c, r, o)
    if r.sample is not None:
        c = Value(r.sample.take(c.tensor), c.strides, c.device, r.sample)
    if not isinstance(o, Value) or o.tensor.shape != r.tensor.shape:
        return _equal(path, c, r)
    moved = nearby if isinstance(nearby, Value) and nearby.tensor.shape == r.tensor.shape else o
    if r.tensor.is_complex():
        mine, theirs = (torch.view_as_real(v.tensor.resolve_conj()) for v in (c, r))
        wide, far = (torch.view_as_real(v.tensor.to(torch.complex128)) for v in (o, moved))
        return _floats(f"{path} (real, imaginary)", mine, theirs, wide, far)
    if r.tensor.is_floating_point():
        wide, far = o.tensor.double(), moved.tensor.double()
        return _floats(path, c.tensor, r.tensor, wide, far, r.sample)
    return _equal(path, c, r)


def _plain(path: str, c: Any, r: Any, o: Any) -> Verdict:
    if isinstance(r, float):
        # A Python float has no dtype of its own to set a tolerance: float32's is taken.
        pair = [torch.tensor([v], dtype=torch.float32) for v in (c, r)]
        wide = torch.tensor([r if o is None else float(o)], dtype=torch.float64)
        return _floats(path, pair[0], pair[1], wide, wide)
    if c == r:
        return RIGHT
    return _wrong(Fault.WRONG_VALUES, f"{path} is {c!r}, the reference gives {r!r}")


def _floats(
    path: str,
    c: torch.Tensor,
    r: torch.Tensor,
    o: torch.Tensor,
    nearby: torch.Tensor,
    sample: Sample | None = None,
) -> Verdict:
    near = closeness(c, r, o, nearby)
    if near.accepted:
        return Verdict(ratio=near.ratio)
    if not bool(near.wrong.any()):
        summary = (
            f"{path} is off throughout: root mean square error {near.rms:.3g} ulp, "
            f"allowed {near.rms_allowed:.3g}"
        )
        return Verdict(Fault.WRONG_VALUES, summary, (), near.ratio)
    at = int((near.error / near.allowed).view(-1).argmax())
    index = _unravel(at, tuple(o.shape), sample)
    values = [float(t.reshape(-1)[at]) for t in (c, o, r, near.error, near.allowed)]
    return Verdict(
        Fault.WRONG_VALUES,
        f"{path} has wrong values",
        (
            ("worst", f"{path}{list(index)} is {values[0]:.9g}, expected {values[1]:.9g}"),
            ("", f"(the reference in {str(r.dtype).removeprefix('torch.')}: {values[2]:.9g})"),
            ("error", f"{values[3]:.3g}, allowed {values[4]:.3g}{_times(near)}"),
            ("off", _extent(near.wrong, sample)),
        ),
        near.ratio,
    )


def _equal(path: str, c: Value, r: Value) -> Verdict:
    a, b = (_comparable(v.tensor) for v in (c, r))
    wrong = a != b
    if a.is_floating_point():
        wrong &= ~(torch.isnan(a) & torch.isnan(b))
    if not bool(wrong.any()):
        return RIGHT
    at = int(wrong.reshape(-1).to(torch.uint8).argmax())
    index = _unravel(at, tuple(a.shape), r.sample)
    mine, theirs = a.reshape(-1)[at].item(), b.reshape(-1)[at].item()
    return _wrong(
        Fault.WRONG_VALUES,
        f"{path} has wrong values; every element must equal the reference's",
        ("first", f"{path}{list(index)} is {mine}, expected {theirs}"),
        ("off", _extent(wrong, r.sample)),
    )


def _comparable(t: torch.Tensor) -> torch.Tensor:
    # float8 has no comparison of its own; float64 holds each of its values exactly.
    return t.double() if t.is_floating_point() else t


def _times(near: Closeness) -> str:
    return f" ({near.ratio:.3g} times)" if math.isfinite(near.ratio) else ""


def _extent(wrong: torch.Tensor, sample: Sample | None) -> str:
    if sample is not None:
        return f"{int(wrong.sum())} of {wrong.numel()} elements that were sampled"
    return f"{int(wrong.sum())} of {wrong.numel()} elements, {whereabouts(wrong)}"


def _unravel(place: int, shape: tuple[int, ...], sample: Sample | None) -> tuple[int, ...]:
    flat = place
    if sample is not None:
        flat, shape = sample.flat(place), sample.shape
    index = []
    for size in reversed(shape):
        flat, place = divmod(flat, size)
        index.append(place)
    return tuple(reversed(index))
