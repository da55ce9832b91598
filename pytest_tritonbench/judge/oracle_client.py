"""The judging side of the reference's process: ask for a case, get the arguments and the truth."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from pytest_tritonbench.judge.reference_process import ENTRY
from pytest_tritonbench.judge.verdict import Expected
from pytest_tritonbench.judge.wire import decode_answer, view
from pytest_tritonbench.sandbox import Sandbox, TensorArg, Value
from pytest_tritonbench.sandbox.calls import decode_value
from pytest_tritonbench.sandbox.worker import WorkerEndedError
from pytest_tritonbench.task.case import Case


class ReferenceFailedError(Exception):
    """The reference, or an input that the task file derives, failed on a case."""


class OutOfMemoryError(ReferenceFailedError):
    """The device had too little memory for the reference; at another time it may have enough."""


class RefusedCaseError(ReferenceFailedError):
    """The trusted side has no answer to a case that could be asked of a candidate."""


@dataclass(frozen=True)
class Asked:
    """One case, ready to be put to a candidate."""

    case: Case
    args: tuple[tuple[str, Value], ...]
    cotangents: tuple[TensorArg | None, ...]
    inputs: memoryview
    """The bytes that hold every argument and cotangent; views of it go stale with the next case."""

    values: Mapping[str, Any]
    """The arguments as CPU tensors (views of ``inputs``) and scalars."""

    truth: Callable[[], Expected]
    """Waits for what the judge compares with; the reference may still be at work."""

    truth_arrives: int | None = None
    """The descriptor that becomes readable when :attr:`truth` need not wait."""

    keywords: tuple[str, ...] = ()
    """Those of ``args`` that are passed by keyword."""

    turnable: tuple[str, ...] = ()
    """Those of ``args`` whose elements may change places, for fresh inputs at no price."""

    returns: bool = True
    """Whether what a candidate returns is judged; else nobody looks at it."""

    def prepare(self) -> None:
        """Take the truth and do what the judge can do without the candidate.

        What the reference may have failed with is kept for :attr:`expected`.
        """
        with contextlib.suppress(ReferenceFailedError):
            self.truth().prepare()

    @property
    def expected(self) -> Expected:
        """What the judge compares with.

        Raises:
            ReferenceFailedError: If the task file's own code fails on the case.
        """
        return self.truth()


class Asks(Protocol):
    """A trusted side: an :class:`Oracle`, or the gold of an imported task."""

    @property
    def device(self) -> str:
        """Where it and the candidate run: ``cpu`` or ``cuda``."""

    def ask(
        self,
        path: Path,
        case: Case,
        *,
        timed: bool = False,
        turns: Mapping[str, int] | None = None,
    ) -> Asked:
        """Make the arguments of a case and answer it."""


class Once:
    """Calls a function once and keeps what it gave or raised."""

    def __init__(self, function: Callable[[], Expected]) -> None:
        self._function = function
        self._found: Expected | ReferenceFailedError | None = None

    def __call__(self) -> Expected:
        """What the function gave, or what it raised."""
        if self._found is None:
            try:
                self._found = self._function()
            except ReferenceFailedError as e:
                self._found = e
        if isinstance(self._found, ReferenceFailedError):
            raise self._found
        return self._found


class Oracle:
    """Runs references in a process of their own.

    Args:
        sandbox: Where that process is forked from.
        device: ``cpu`` or ``cuda``.
        timeout: Seconds for one case.
        threads: Of PyTorch on the CPU, where arguments are made.
    """

    def __init__(self, sandbox: Sandbox, device: str, timeout: float, *, threads: int = 1) -> None:
        self._sandbox = sandbox
        self._threads = threads
        self._worker = sandbox.reference(ENTRY)
        self.device = device
        self._timeout = timeout
        self._pending: Once | None = None

    def ask(
        self,
        path: Path,
        case: Case,
        *,
        device: str | None = None,
        timed: bool = False,
        turns: Mapping[str, int] | None = None,
    ) -> Asked:
        """Make the arguments of a case and run the reference on them.

        Args:
            path: The task file.
            case: One of its cases.
            device: Where to run this case; by default where all run.
            timed: The case is one of the sweep: without gradients, compared by a sample.
            turns: Which arguments are turned, and by what number.

        Raises:
            ReferenceFailedError: If the task file's own code fails on the case.
        """
        where = {} if device is None else {"device": device}
        reply = self._request(path, case, timed=timed, turns=dict(turns or {}), **where)
        arena = self._worker.arena
        args = tuple((name, decode_value(value)) for name, value in reply["args"])
        cotangents = [decode_value(value) for value in reply["cotangents"]]
        self._pending = truth = Once(lambda: self._truth(path, case))
        return Asked(
            case=case,
            args=args,
            cotangents=tuple(c if isinstance(c, TensorArg) else None for c in cotangents),
            inputs=arena.view(0, reply["inputs"]),
            values={n: view(arena, v) if isinstance(v, TensorArg) else v for n, v in args},
            truth=truth,
            truth_arrives=self._worker.connection.fileno(),
            turnable=tuple(reply["turnable"]),
        )

    def _truth(self, path: Path, case: Case) -> Expected:
        reply = self._heard(_whose(path, case))
        arena = self._worker.arena
        truths = [reply["reference"], reply["oracle"], reply["nearby"]]
        reference, oracle, nearby = (None if t is None else decode_answer(t, arena) for t in truths)
        assert reference is not None  # noqa: S101 - the reference always answers
        return Expected(reference, oracle, nearby)

    def step(self, path: Path, case: Case, what: str, **more: Any) -> dict[str, Any]:
        """Do one step of timing the reference on a case, as ``reference_process.serve`` has them.

        Raises:
            ReferenceFailedError: If the task file's own code fails on the case.
        """
        return self._request(path, case, what=what, **more)

    def peaks(self) -> dict[str, Any]:
        """What the device can do, as ``timing.peak_measurement.measure`` finds it.

        Raises:
            ReferenceFailedError: If it cannot be measured.
        """
        self.settle()
        request = {"what": "peaks", "device": self.device}
        return self._heard("the device's peaks", request)

    def settle(self) -> None:
        """Wait for what the process is still at: the last case's truth, which nobody wanted."""
        if self._pending is not None:
            with contextlib.suppress(ReferenceFailedError):
                self._pending()
            self._pending = None

    def _request(self, path: Path, case: Case, **more: Any) -> dict[str, Any]:
        self.settle()
        request = {"task": str(path), "case": case.to_json(), "device": self.device, **more}
        return self._heard(_whose(path, case), {"threads": self._threads, **request})

    def _heard(self, whose: str, request: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The next answer, to a request if there is one."""
        try:
            if request is None:
                reply = self._worker.hear(self._timeout)
            else:
                if not self._worker.alive:
                    self._worker = self._sandbox.reference(ENTRY)
                reply = self._worker.ask(request, timeout=self._timeout)
        except TimeoutError:
            self._worker.close()
            reply = {"error": f"no answer within {self._timeout:g} seconds"}
        except WorkerEndedError as e:
            self._worker.close()
            reply = {"error": f"its process died: {e}"}
        if "error" in reply:
            if self.device != "cpu":
                # A CUDA error may have poisoned the process; the next case gets a fresh one.
                self._worker.close()
            failed = OutOfMemoryError if reply.get("exhausted") else ReferenceFailedError
            raise failed(f"{whose}: {reply['error']}")
        return reply

    def close(self) -> None:
        """End the process."""
        self._worker.close()


def _whose(path: Path, case: Case) -> str:
    return f"{path}: the reference fails on {case.to_json()}"


def tensor_of(arg: TensorArg, data: memoryview) -> torch.Tensor:
    """The tensor that ``arg`` describes inside ``data``, which starts where the arena does."""
    dtype: torch.dtype = getattr(torch, arg.dtype)
    storage = torch.frombuffer(data[arg.start : arg.start + arg.nbytes], dtype=dtype)
    return storage.as_strided(arg.shape, arg.strides, arg.offset)
