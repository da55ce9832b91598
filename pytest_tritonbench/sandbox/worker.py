"""The parent's handle on one worker: its channel, its warden, and what they say about an end."""

import os
import re
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import page
from .protocol import Connection, ConnectionLostError, ProtocolError
from .reasons import Reason

_KILL_S = 10.0
_TRACE_S = 1.0
_TRACE_BYTES = 1 << 16
_FRAME = re.compile(r'File "([^"]*)", line (\d+) in (\S+)')
_WAITING = ("synchronize", "item", "cpu", "tolist", "numpy", "nonzero", "wait", "equal")
_FAULTS = {"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS", "SIGTRAP"}


@dataclass(frozen=True)
class Beside:
    """What the parent has to do as soon as another process has sent something."""

    descriptor: int
    """Becomes readable when it is time."""
    work: Callable[[], object]


@dataclass(frozen=True)
class End:
    """How a worker's process ended, as its warden tells."""

    reason: Reason
    message: str
    stderr: str
    """The end of what it printed."""
    trace: str
    """Python's stack at a fault or at the end of time; empty if there is none."""


class WorkerEndedError(Exception):
    """The worker's process is gone.

    Args:
        end: how it went.
    """

    def __init__(self, end: End) -> None:
        super().__init__(end.message)
        self.end = end


class Worker:
    """One worker, alive or not.

    Args:
        channel: the connection to the worker.
        status: the connection to its warden.
        trace: memfd to which the worker's stack is written.
        note: memfd of the worker's page.
    """

    def __init__(self, channel: Connection, status: Connection, trace: int, note: int) -> None:
        self.channel = channel
        self._status = status
        self._trace = trace
        self._note = note
        self._end: End | None = None
        self._ready = False

    @property
    def alive(self) -> bool:
        """Whether nobody has told of an end."""
        if self._end is None and self._status.readable(0):
            self._hear(0)
        return self._end is None

    def wait_ready(self, timeout: float) -> None:
        """Wait until the worker is behind its borders.

        Raises:
            WorkerEndedError: it died.
            TimeoutError: it takes too long.
        """
        if not self._ready:
            self.recv(timeout)
            self._ready = True

    def send(self, request: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send a request.

        Raises:
            WorkerEndedError: nobody is there.
        """
        try:
            self.channel.send(request, descriptors)
        except ConnectionLostError:
            raise WorkerEndedError(self._wait_end(_KILL_S)) from None

    def recv(self, timeout: float, beside: Beside | None = None) -> dict[str, Any]:
        """The worker's next message.

        Args:
            timeout: seconds to wait.
            beside: is done once while the worker is waited for, if its time comes; the worker is
                given as much longer.

        Raises:
            WorkerEndedError: it died first.
            TimeoutError: it takes too long.
            ProtocolError: it sent what is no message.
        """
        deadline = time.monotonic() + timeout
        poller = select.poll()
        poller.register(self.channel.fileno(), select.POLLIN)
        poller.register(self._status.fileno(), select.POLLIN)
        if beside is not None:
            poller.register(beside.descriptor, select.POLLIN)
        while (message := self.channel.take()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("no answer in time")
            ready = {descriptor for descriptor, _ in poller.poll(left * 1000)}
            if self.channel.fileno() in ready:
                try:
                    self.channel.fill()
                except ConnectionLostError:
                    raise WorkerEndedError(self._wait_end(_KILL_S)) from None
                # Whoever sends descriptors to us wants to exhaust ours.
                for descriptor in self.channel.descriptors():
                    os.close(descriptor)
            elif self._status.fileno() in ready:
                raise WorkerEndedError(self._wait_end(_KILL_S))
            elif beside is not None and beside.descriptor in ready:
                poller.unregister(beside.descriptor)
                start = time.monotonic()
                beside.work()
                deadline += time.monotonic() - start
        return message

    def mind(self) -> None:
        """Have the warden mind the limits from now on."""
        self._tell({"op": "mind"})

    def trust_threads(self) -> None:
        """Take the threads that there are for the worker's own: nothing foreign has run yet."""
        self._tell({"op": "trusted"})
        self._hear(_KILL_S)

    def look_for_left_over(self) -> None:
        """Have the warden look for threads and processes that are left."""
        self._tell({"op": "quiet"})

    def left_over(self) -> dict[str, Any]:
        """What the warden has found: `threads` (names) and `processes` (a number)."""
        return self._hear(_KILL_S)

    def phase(self) -> tuple[page.Phase, str]:
        """What the worker says it is doing, and in which kernel."""
        return page.read(self._note)

    def stack(self) -> str:
        """Python's stack in the worker now; empty if it does not answer."""
        self._tell({"op": "trace"})
        self._hear(_KILL_S)
        deadline = time.monotonic() + _TRACE_S
        before = -1
        while time.monotonic() < deadline:
            size = os.fstat(self._trace).st_size
            if size and size == before:
                break
            before = size
            time.sleep(0.01)
        return self._read_trace()

    def kill(self) -> End:
        """End the worker and all below it; returns once nothing is left."""
        if self._end is None:
            self._tell({"op": "kill"})
        return self._wait_end(_KILL_S)

    def close(self) -> None:
        """Let go: the warden kills and cleans up by itself once nobody listens."""
        self.channel.close()
        self._status.close()
        for descriptor in (self._trace, self._note):
            os.close(descriptor)

    def _read_trace(self) -> str:
        return os.pread(self._trace, _TRACE_BYTES, 0).decode("utf-8", "replace")

    def _tell(self, request: Mapping[str, Any]) -> None:
        try:
            self._status.send(request)
        except ConnectionLostError:
            self._wait_end(_KILL_S)

    def _hear(self, timeout: float) -> dict[str, Any]:
        """The warden's next word; an end is kept."""
        if self._end is not None:
            return {}
        try:
            event = self._status.recv(timeout)
        except (ConnectionLostError, ProtocolError, TimeoutError):
            event = {"event": "dead", "why": "vanished"}
        if event["event"] == "dead":
            self._end = _end(event, self._read_trace())
        return event

    def _wait_end(self, timeout: float) -> End:
        while self._end is None:
            self._hear(timeout)
        return self._end


def _end(event: Mapping[str, Any], trace: str) -> End:
    reason, message = _meaning(event)
    return End(reason, message, event.get("stderr", ""), trace)


def _meaning(event: Mapping[str, Any]) -> tuple[Reason, str]:
    watched = {
        "memory": (Reason.OUT_OF_MEMORY, "the process passed its memory limit"),
        "output": (Reason.OUTPUT_FLOOD, "the process passed its limit on printed output"),
        "processes": (Reason.PROCESS_LIMIT, "the process passed its limit on processes"),
        "vanished": (Reason.SANDBOX, "the process that watches over the worker is gone"),
    }
    if event["why"] in watched:
        return watched[event["why"]]
    if "signal" in event:
        name = signal.Signals(event["signal"]).name
        if name in _FAULTS:
            return Reason.SEGFAULT, f"the process died of {name}"
        return Reason.EXIT, f"the process was ended by {name}, its own or the machine's"
    if "code" in event:
        return (
            Reason.EXIT,
            f"the process ended itself with status {event['code']} before it delivered",
        )
    return Reason.SANDBOX, "the process was ended"


def line_in(trace: str, filename: str) -> tuple[int | None, str | None]:
    """The innermost line of the candidate's file in a stack, and the function it is in."""
    for path, line, function in _FRAME.findall(trace):
        if Path(path).name == filename:
            return int(line), function
    return None, None


def waits(trace: str, line: str | None) -> bool:
    """Whether a stack that was taken with work queued on a GPU looks like waiting for it."""
    innermost = _FRAME.search(trace)
    if innermost is not None and innermost[3] in _WAITING:
        return True
    return any(f".{name}(" in (line or "") for name in _WAITING)
