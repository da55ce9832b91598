"""The parent's side of the sandbox: start it, hand it candidates, get bytes or a reason back."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import confine, nursery, page, protocol
from .candidate import Candidate
from .devices import Gpu
from .environment import environment
from .limits import Limits
from .memory import Arena
from .protocol import Connection, ConnectionLostError
from .retry import Alone
from .worker import Worker, WorkerEndedError

__all__ = ["Candidate", "ReferenceWorker", "Sandbox", "SandboxError"]

_CLOSE_S = 10.0


class SandboxError(RuntimeError):
    """The sandbox cannot do its work on this machine."""


class Sandbox:
    """Starts workers out of one warm process.

    Args:
        device: `"cpu"`, a GPU, or `"cuda:"` and the index or UUID of one of NVIDIA's.
        targets: what a call with `compile` compiles for, where there is no GPU.
        limits: bounds for each candidate.
        readable: paths beside the system's and Python's that candidates may read.
        spares: workers that are forked at the start, while others still import; after that one is
            kept forked ahead, so that the next candidate need not wait. 0: none is.
        without: borders that are not to be used, of `"namespaces"` and `"landlock"`, for machines
            on which they are in the way.
        warm: give every process of a candidate a CUDA context ahead, else only those of the start:
            a driver makes one context after the other, and of the answers of models half end
            before they need one.
        times: whether something may be timed in it; else contexts have one queue of work, unless
            the environment says otherwise, and are there in half the time.
    """

    def __init__(
        self,
        device: str | Gpu = "cpu",
        targets: Sequence[str] = ("sm_90",),
        limits: Limits | None = None,
        readable: Sequence[str | Path] = (),
        *,
        spares: int = 1,
        without: Collection[str] = (),
        warm: bool = True,
        times: bool = True,
    ) -> None:
        self._device = device
        self.alone: Alone | None = None
        """A turn at the device while no other worker uses it, where several do: for candidates
        that find too little memory."""

        self.targets = tuple(targets)
        self.limits = limits or Limits()
        self.readable = tuple(str(Path(path).resolve()) for path in readable)
        self._without = tuple(without)
        self._first_spares = spares
        self._warm = warm
        self._times = times
        self._spares: list[Worker] = []
        self._zygote: _Zygote | None = None
        self._tiers: dict[str, Any] | None = None
        self._count = 0

    def start(self) -> None:
        """Start the process that workers are forked from; returns while it still imports."""
        if self._zygote is None:
            # It forks them as soon as it can.
            self._spares = [self._fork("candidate") for _ in range(self._first_spares)]
        self._started()

    def _started(self) -> "_Zygote":
        if self._zygote is None:
            kind = "cpu" if self._device == "cpu" else "cuda"
            self._zygote = _Zygote(kind, environment(os.environ, self._device))
            self._zygote.control.send(
                {
                    "device": kind,
                    "targets": self.targets,
                    "readable": self.readable,
                    "without": self._without,
                    "root": self._zygote.root,
                }
            )
        return self._zygote

    def wait(self) -> Mapping[str, Any]:
        """Wait until workers can be forked.

        Returns:
            Which borders the machine allows.

        Raises:
            SandboxError: they cannot.
        """
        zygote = self._started()
        if self._tiers is None:
            try:
                event = zygote.control.recv(self.limits.start)
            except (ConnectionLostError, TimeoutError) as error:
                said = zygote.said()
                raise SandboxError(f"the sandbox does not start: {error}\n{said}") from None
            if event["event"] != "ready":
                raise SandboxError(f"the sandbox does not start:\n{event.get('message')}")
            self._tiers = event["tiers"]
        return self._tiers

    def describe(self) -> str:
        """The active borders in one line, for a header."""
        return confine.describe(self.wait(), self.limits)

    def candidate(self, source: str, filename: str, entry: str) -> Candidate:
        """A candidate, to be used as a context manager; its process is forked at its first call.

        Args:
            source: text of its module.
            filename: its name in messages.
            entry: name of the function to call.
        """
        return Candidate(
            self.fork_candidate, self.limits, source, filename, entry, alone=self.alone
        )

    def reference(self, entry: str) -> "ReferenceWorker":
        """A trusted worker that is not confined.

        Args:
            entry: `package.module:function`; called with a `Connection` and an `Arena`.

        Raises:
            SandboxError: it does not start.
        """
        self.wait()
        worker = self._fork("reference", entry)
        return ReferenceWorker(worker, self.limits.start)

    def fork_candidate(self) -> Worker:
        """A worker that has loaded nothing yet: a spare one, if there is one."""
        self.wait()
        worker = self._spares.pop(0) if self._spares else None
        if worker is None or not worker.alive:
            worker = self._fork("candidate")
        if self._first_spares and not self._spares:
            self._spares.append(self._fork("candidate"))
        return worker

    def _fork(self, role: str, entry: str = "") -> Worker:
        zygote = self._started()
        self._count += 1
        channel, channel_end = protocol.pair()
        status, status_end = protocol.pair()
        trace, note = os.memfd_create("trace", os.MFD_CLOEXEC), page.make()
        request = {
            "role": role,
            "entry": entry,
            "limits": self.limits.as_json() if role == "candidate" else _unlimited().as_json(),
            "scratch": f"{zygote.root}/{self._count}",
            "warm": self._warm or self._count <= self._first_spares,
            "times": self._times,
        }
        with channel_end, status_end:
            try:
                descriptors = [channel_end.fileno(), status_end.fileno(), trace, note]
                zygote.control.send(request, descriptors)
            except ConnectionLostError as error:
                said = zygote.said()
                raise SandboxError(f"the sandbox has ended: {error}\n{said}") from None
        return Worker(Connection(channel), Connection(status), trace, note)

    def close(self) -> None:
        """End every process of the sandbox and remove its folders."""
        for spare in self._spares:
            spare.close()
        if self._zygote is not None:
            self._zygote.close()
        self._spares = []
        self._zygote = self._tiers = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Zygote:
    """The process that workers are forked from, as its parent holds it.

    Args:
        device: `"cpu"` or `"cuda"`.
        env: its environment.
    """

    def __init__(self, device: str, env: Mapping[str, str]) -> None:
        self.root = tempfile.mkdtemp(prefix="tritonbench-")
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        ours, theirs = protocol.pair()
        with theirs:
            forked = nursery.born(
                device, env, self.root, theirs.fileno(), self._complaints.fileno()
            )
            self.process = forked or self._started(env, theirs.fileno())
        self.control = Connection(ours)

    def _started(self, env: Mapping[str, str], control: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
            [sys.executable, "-P", "-m", f"{__package__}.zygote", str(control)],
            env=dict(env),
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=self._complaints,
            stderr=self._complaints,
            pass_fds=[control],
            start_new_session=True,
        )

    def said(self) -> str:
        """What it has printed."""
        self._complaints.seek(0)
        return self._complaints.read()[-(1 << 14) :].decode("utf-8", "replace")

    def close(self) -> None:
        """Let it go and wait: it ends by itself once the last worker is buried."""
        self.control.close()
        try:
            self.process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._complaints.close()
        shutil.rmtree(self.root, ignore_errors=True)


class ReferenceWorker:
    """A trusted function in a process of its own.

    Args:
        worker: the process.
        timeout: seconds for it to import its function.

    Raises:
        SandboxError: it does not start.
    """

    def __init__(self, worker: Worker, timeout: float) -> None:
        self._worker = worker
        self._closed = False
        self.arena = Arena()
        try:
            worker.send({"op": "arena"}, [self.arena.descriptor])
            worker.wait_ready(timeout)
        except (WorkerEndedError, TimeoutError) as error:
            end = worker.kill()
            raise SandboxError(f"the reference's worker: {error}\n{end.stderr}") from None

    @property
    def connection(self) -> Connection:
        """The connection that the function holds the other end of."""
        return self._worker.channel

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return not self._closed and self._worker.alive

    def ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Send one message and wait for the answer.

        Raises:
            WorkerEndedError: the process died; `end.stderr` has its last words.
            TimeoutError: it takes too long.
        """
        self._worker.send(request)
        return self.hear(timeout)

    def hear(self, timeout: float) -> dict[str, Any]:
        """Wait for one more message; raises as `ask` does."""
        return self._worker.recv(timeout)

    def close(self) -> None:
        """End the process."""
        if self._closed:
            return
        self._closed = True
        self._worker.close()
        self.arena.close()


def _unlimited() -> Limits:
    huge = 1 << 50
    return Limits(memory=huge, processes=1 << 20, output=huge, file=huge, files=1 << 20)
