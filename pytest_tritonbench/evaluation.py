"""One candidate against one task: put a case to both sides and let the judge compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self

import torch

from pytest_tritonbench.judge.nest import Nest, Value, kind_of
from pytest_tritonbench.judge.oracle_client import Asked, Asks, tensor_of
from pytest_tritonbench.judge.verdict import Answer, Fault, Verdict, judge
from pytest_tritonbench.judge.wire import tensor_from
from pytest_tritonbench.judge.written import changed_around, same_bytes, tensor_args
from pytest_tritonbench.sandbox import (
    Call,
    Candidate,
    Delivered,
    Failure,
    Node,
    Reason,
    TensorArg,
    TensorOut,
)
from pytest_tritonbench.sandbox.devices import Gpu
from pytest_tritonbench.sandbox.timed_candidate import TimedCandidate
from pytest_tritonbench.sandbox.worker import Beside
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.loading import TaskFile
from pytest_tritonbench.timing.profile_place import Place
from pytest_tritonbench.timing.profile_tools import Work
from pytest_tritonbench.timing.profiles import Profile, profile

NOT_TRITON = "not-triton"


@dataclass(frozen=True)
class Outcome:
    """What became of one case."""

    case: Case
    verdict: Verdict | None = None
    """The judge's, where something was delivered and judged."""

    failure: Failure | None = None
    """Why nothing was delivered."""

    delivered: Delivered | None = None
    not_triton: str | None = None
    """Why the output is not the work of a Triton kernel."""

    @property
    def accepted(self) -> bool:
        """Whether the case passed."""
        judged = self.verdict is None or self.verdict.accepted
        return self.failure is None and self.not_triton is None and judged

    @property
    def reason(self) -> str | None:
        """One word for what went wrong."""
        if self.failure is not None:
            return str(self.failure.reason)
        if self.not_triton is not None:
            return NOT_TRITON
        return str(self.verdict.fault) if self.verdict and self.verdict.fault else None

    @property
    def ratio(self) -> float | None:
        """The worst error over what was allowed."""
        return self.verdict.ratio if self.verdict else None


@dataclass(frozen=True)
class Timing:
    """A case on which the candidate is about to be timed."""

    asked: Asked
    call: Call
    timed: TimedCandidate


class Evaluation:
    """Puts cases of a task to a candidate.

    Args:
        taskfile: The task.
        oracle: Its trusted side.
        make: Gives the sandboxed side, a fresh one at each call.
    """

    def __init__(self, taskfile: TaskFile, oracle: Asks, make: Callable[[], Candidate]) -> None:
        self.taskfile = taskfile
        self._oracle = oracle
        self._make = make
        self._candidate = make()
        # An argument that may change is judged after the call and must hold still for it.
        self._held = taskfile.task.mutates

    def run(self, case: Case, *, timeout: float, compiled: bool = False) -> Outcome:
        """Call the candidate on a case and judge what it delivers.

        Args:
            case: The case.
            timeout: Seconds for the candidate's call.
            compiled: Also compile every specialisation that is launched (without a GPU).

        Raises:
            ReferenceFailedError: If the reference itself fails on the case.
        """
        asked = self._ask(case)
        call = replace(_call(self.taskfile, asked), compile=compiled)
        beside = None
        # What a canonical form is made of needs the arguments: it is measured afterwards.
        if self.taskfile.task.canonical is None and asked.truth_arrives is not None:
            beside = Beside(asked.truth_arrives, asked.prepare)
        result = self._candidate.call(call, timeout=timeout, copy_inputs=self._held, beside=beside)
        if isinstance(result, Failure):
            # A reference that cannot run the case either is the task's fault.
            asked.truth()
            return Outcome(case, failure=result)
        return Outcome(case, self._judged(asked, call, result), delivered=result)

    def prove_triton(self, first: Outcome, *, timeout: float) -> Outcome:
        """Confirm that a delivered output is the work of Triton kernels.

        The call is repeated in a fresh process with every launch made a no-op: an output that is
        right all the same did not need the kernels.
        """
        if first.delivered is None:
            return first
        if first.delivered.launches == 0:
            return replace(first, not_triton="no Triton kernel was launched")
        asked = self._ask(first.case)
        call = replace(_call(self.taskfile, asked), launches=False)
        with self._make() as idle:
            idle.inputs.write(0, asked.inputs)
            result = idle.call(call, timeout=timeout, copy_inputs=self._held)
        if isinstance(result, Failure):
            return first
        if self._judged(asked, call, result).accepted and _has_elements(asked):
            told = "the output is right with every Triton launch left out"
            return replace(first, not_triton=told)
        return first

    def timing(self, case: Case, *, cold: bool, timeout: float, cupti: bool = False) -> Timing:
        """Make ready to time the candidate on a case.

        Args:
            case: The case.
            cold: Whether the L2 cache is flushed before each call.
            timeout: Seconds for one step.
            cupti: Whether CUPTI is to be ready for use.

        Raises:
            ReferenceFailedError: If the reference itself fails on the case.
        """
        asked = self._ask(case, timed=True)
        # The device is the candidate's alone while it is timed.
        asked.truth()
        call = replace(_call(self.taskfile, asked), gradients=(), poison=False)
        timed = TimedCandidate(
            self._candidate,
            call,
            cold=cold,
            timeout=timeout,
            copy_inputs=self._held,
            cupti=cupti,
        )
        return Timing(asked, call, timed)

    def judge_timed(
        self, timing: Timing, got: Delivered, turns: Mapping[str, int] | None = None
    ) -> Outcome:
        """Judge what a timed call delivered, whose inputs were turned."""
        asked = timing.asked
        if turns:
            asked = self._oracle.ask(self.taskfile.path, asked.case, timed=True, turns=turns)
        return Outcome(asked.case, self._judged(asked, timing.call, got), delivered=got)

    def profile(
        self, case: Case, by: str, place: Place, *, cold: bool, device: str | Gpu, timeout: float
    ) -> Profile:
        """Profile one call of the candidate on a case, in a process of its own.

        Args:
            case: The case.
            by: ``torch``, ``nsys`` or ``ncu``.
            place: Where the files go.
            cold: Whether the L2 cache is flushed before the call, under torch's profiler.
            device: As for the sandbox.
            timeout: Seconds for everything.

        Raises:
            ReferenceFailedError: If the reference itself fails on the case.
        """
        asked = self._ask(case, timed=True)
        asked.truth()
        call = replace(_call(self.taskfile, asked), gradients=(), poison=False)
        with self._make() as fresh:
            fresh.inputs.write(0, asked.inputs)
            work = Work(fresh.source, fresh.filename, fresh.entry, call, asked.inputs)
            return profile(by, fresh, work, place, cold=cold, device=device, timeout=timeout)

    def renew(self) -> None:
        """Have a new process for the calls to come."""
        self._candidate.renew()

    def close(self) -> None:
        """End the candidate's process."""
        self._candidate.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, case: Case, *, timed: bool = False) -> Asked:
        asked = self._oracle.ask(self.taskfile.path, case, timed=timed)
        self._candidate.inputs.write(0, asked.inputs)
        return asked

    def _judged(self, asked: Asked, call: Call, got: Delivered) -> Verdict:
        changed = _changed(self.taskfile.task.mutates, asked, got)
        if changed is not None:
            return Verdict(Fault.INPUT_CHANGED, changed, (), math.inf)
        arguments = dict(asked.args)
        mutated = {}
        for name in asked.expected.reference.mutated:
            arg = arguments[name]
            if isinstance(arg, TensorArg):
                after = tensor_of(replace(arg, start=0), got.bytes_after(arg))
                reference = asked.expected.reference.mutated[name]
                mutated[name] = Value(after.contiguous(), reference.strides, reference.device)
        pairs = zip(call.gradients, got.gradients, strict=True)
        on_gpu = self._oracle.device != "cpu"
        gradients = {n: None if g is None else _value(g, on_gpu=on_gpu) for n, g in pairs}
        output = _nest(got.output, on_gpu=on_gpu) if asked.returns else None
        answer = Answer(output, mutated, gradients)
        return judge(self.taskfile.task, asked.values, answer, asked.expected)


def _call(taskfile: TaskFile, asked: Asked) -> Call:
    present = dict(asked.args)
    return Call(
        args=asked.args,
        keywords=asked.keywords,
        gradients=tuple(n for n in taskfile.task.gradients if present[n] is not None),
        cotangents=asked.cotangents,
    )


def _has_elements(asked: Asked) -> bool:
    return any(isinstance(v, torch.Tensor) and v.numel() for v in asked.values.values())


def _changed(mutates: tuple[str, ...], asked: Asked, got: Delivered) -> str | None:
    """Which argument was written without leave, guards and gaps included."""
    length = min(len(asked.inputs), len(got.inputs_after))
    if not mutates and same_bytes(asked.inputs[:length], got.inputs_after[:length]):
        return None
    for name, arg in tensor_args(asked.args):
        before, after = asked.inputs[arg.start : arg.start + arg.nbytes], got.bytes_after(arg)
        if same_bytes(before, after):
            continue
        if name not in mutates:
            return f"the argument {name!r} was changed, and the task gives no leave to"
        if changed_around(arg, before, after):
            return f"memory around the elements of {name!r} was written"
    for number, cotangent in enumerate(asked.cotangents):
        if cotangent is None:
            continue
        before = asked.inputs[cotangent.start : cotangent.start + cotangent.nbytes]
        if not same_bytes(before, got.bytes_after(cotangent)):
            return f"the incoming gradient of output {number} was changed"
    return None


def _value(out: TensorOut, *, on_gpu: bool) -> Value:
    tensor = tensor_from(out.dtype, out.shape, out.data)
    return Value(tensor, out.strides, kind_of(out.device, on_gpu=on_gpu))


def _nest(node: Node, *, on_gpu: bool) -> Nest:
    match node:
        case TensorOut():
            return _value(node, on_gpu=on_gpu)
        case tuple():
            return tuple(_nest(part, on_gpu=on_gpu) for part in node)
        case list():
            return [_nest(part, on_gpu=on_gpu) for part in node]
        case dict():
            return {key: _nest(part, on_gpu=on_gpu) for key, part in node.items()}
        case _:
            return node


def is_hang(outcome: Outcome) -> bool:
    """Whether the candidate ran out of time: shrinking such a case costs a timeout a step."""
    hangs = (Reason.HANG_IN_PYTHON, Reason.HANG_IN_KERNEL)
    return outcome.failure is not None and outcome.failure.reason in hangs
