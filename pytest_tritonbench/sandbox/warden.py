"""The trusted process over one worker: starts it behind its borders, watches it, buries it.

The warden is forked by the zygote and never runs a line of the candidate's. It reports to the
parent over its own connection, so that what it says about a death, about memory or about threads
cannot be forged by the process that died.
"""

import contextlib
import os
import select
import shutil
import signal
import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from . import confine, proc, system
from .limits import Limits
from .protocol import Connection, ConnectionLostError, ProtocolError

TICK_MS = 25
TAIL = 1 << 16
GRACE_S = 0.1
"""How long threads may take to end after the entry point has returned."""
TRUSTED_THREADS = ("pt_autograd", "cuda", "nv", "pt_nccl", "iou-")
"""Prefixes of the names of threads that torch and the driver start and keep."""
_STATUS = struct.Struct("i")


class Warden:
    """One worker's process and everything below it.

    Args:
        limits: what it may use.
        status: the connection to the parent.
        scratch: the worker's folder; removed at the end.
    """

    def __init__(self, limits: Limits, status: Connection, scratch: str) -> None:
        self.limits = limits
        self.status = status
        self.scratch = scratch
        self.top = 0
        """The process we forked: the worker, or the init of its process IDs."""
        self.worker = 0
        """The worker's ID as we see it, for signals."""
        self.shown = 0
        """The worker's ID in /proc."""
        self.own_proc = False
        """Whether /proc shows the worker's namespace alone."""
        self.why = ""
        self._verdict: int | None = None
        self._minding = False
        self._total = 0
        self._tail = bytearray()
        self._baseline = 0
        self._first_threads: set[int] = set()
        self._ticks = 0
        self._crowd = 0

    def start(
        self, work: Callable[[], NoReturn], tiers: Mapping[str, Any], *, confined: bool
    ) -> None:
        """Fork the worker; behind namespaces, below an init of its own."""
        namespaces = tuple(tiers["namespaces"]) if confined else ()
        entered = confine.enter_namespaces(namespaces)
        self._outlet, outlet = os.pipe()
        self._result, result = os.pipe()
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.top = os.fork()
        if self.top == 0:
            with contextlib.suppress(BaseException):
                ours.close()
                os.close(self._outlet)
                os.close(self._result)
                self.status.close()
                system.die_with_parent(signal.SIGKILL)
                own_proc = {"pid", "mnt"} <= set(entered) and confine.mount_proc()
                _be_init(work, theirs, (outlet, result), own_proc=own_proc)
            os._exit(70)
        theirs.close()
        os.close(outlet)
        os.close(result)
        self._hear_of_worker(ours)
        os.set_blocking(self._outlet, False)

    def _hear_of_worker(self, ours: socket.socket) -> None:
        """Learn the worker's process ID, which the kernel translates between namespaces."""
        size = struct.calcsize("3i")
        data, ancillary, _, _ = ours.recvmsg(16, socket.CMSG_SPACE(size))
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                self.worker = struct.unpack("3i", payload[:size])[0]
        inner, own_proc = struct.unpack("2i", data)
        if self.worker <= 0:
            raise OSError("the kernel does not tell the worker's process ID")
        self.own_proc = bool(own_proc)
        self.shown = inner if self.own_proc else self.worker
        self._baseline = proc.private_bytes(self.shown)[0]
        self._first_threads = set(proc.threads(self.shown))
        ours.send(b"!")
        ours.close()

    def watch(self) -> None:
        """Serve the parent and mind the limits until the worker is gone."""
        poller = select.poll()
        for descriptor in (self._outlet, self._result, self.status.fileno()):
            poller.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poller.poll(TICK_MS if self._minding else None):
                if descriptor == self._outlet and not self._drain():
                    poller.unregister(self._outlet)
                elif descriptor == self._result or (
                    descriptor == self.status.fileno() and not self._serve()
                ):
                    return
            if self._minding:
                self._mind_limits()
            if self.why:
                return

    def _drain(self) -> bool:
        """Take what the worker printed; False once nobody can print any more."""
        for _ in range(64):
            try:
                data = os.read(self._outlet, 1 << 16)
            except BlockingIOError:
                return True
            if not data:
                return False
            self._total += len(data)
            self._tail += data
            del self._tail[:-TAIL]
            if self._total > self.limits.output:
                self.why = "output"
                return True
        return True

    def _mind_limits(self) -> None:
        self._ticks += 1
        processes = self._processes()
        if len(processes) > self.limits.processes:
            self.why = "processes"
            return
        used = 0
        for pid in {self.shown, *processes}:
            anonymous, shared = proc.private_bytes(pid)
            used += max(0, anonymous - self._baseline) + max(0, shared - self.limits.file)
        if used > self.limits.memory:
            self.why = "memory"

    def _processes(self) -> list[int]:
        """The worker and what it started; a full look at /proc only when it may have changed."""
        if self.own_proc:
            return [pid for pid in proc.numbers("/proc") if pid != 1]
        crowd = proc.tasks_on_machine()
        if self._ticks % 10 and crowd < self._crowd + 8:
            return [self.shown]
        self._crowd = crowd
        return self._below()

    def _below(self) -> list[int]:
        return sorted(proc.descendants(os.getpid()) - {self.top})

    def _serve(self) -> bool:
        """Answer the parent; False when it wants the worker gone."""
        try:
            self.status.fill()
            while (request := self.status.take()) is not None:
                kind = request.get("op")
                if kind == "mind":
                    self._minding = True
                elif kind == "quiet":
                    self.status.send({"event": "quiet", **self._left_over()})
                elif kind == "trusted":
                    self._first_threads |= set(proc.threads(self.shown))
                    self.status.send({"event": "trusted"})
                elif kind == "trace":
                    os.kill(self.worker, signal.SIGUSR1)
                    self.status.send({"event": "trace"})
                else:
                    return False
        except (ConnectionLostError, ProtocolError, ProcessLookupError):
            return False
        return True

    def _left_over(self) -> dict[str, Any]:
        """Threads and processes that are still there when none should be."""
        deadline = time.monotonic() + GRACE_S
        while True:
            now = proc.threads(self.shown)
            names = (name for task, name in now.items() if task not in self._first_threads)
            threads = proc.strangers(names, TRUSTED_THREADS)
            running = self._processes() if self.own_proc else self._below()
            processes = [pid for pid in running if pid != self.shown]
            if not (threads or processes) or time.monotonic() > deadline:
                return {"threads": threads[:32], "processes": len(processes)}
            time.sleep(0.005)

    def bury(self) -> None:
        """Kill what is left, remove the scratch folder and tell the parent how it ended."""
        verdict = self._ended()
        with contextlib.suppress(ProcessLookupError):
            # Killing the init of a namespace kills all that is in it.
            os.kill(self.top, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            left = set() if self.own_proc else proc.descendants(os.getpid())
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if not _reap() and not left:
                break
            time.sleep(0.001)
        self._drain()
        shutil.rmtree(self.scratch, ignore_errors=True)
        ended: dict[str, int] = {}
        if verdict is not None:
            by_signal = os.WIFSIGNALED(verdict)
            ended = (
                {"signal": os.WTERMSIG(verdict)} if by_signal else {"code": os.WEXITSTATUS(verdict)}
            )
        tail = self._tail.decode("utf-8", "replace")
        with contextlib.suppress(ConnectionLostError):
            self.status.send({"event": "dead", "why": self.why, "stderr": tail, **ended})

    def _ended(self) -> int | None:
        """The worker's wait status, if it ended by itself."""
        ready, _, _ = select.select([self._result], [], [], 0)
        data = os.read(self._result, _STATUS.size) if ready else b""
        return int(_STATUS.unpack(data)[0]) if len(data) == _STATUS.size else None


def _reap() -> bool:
    """Collect dead children; whether any child is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _be_init(
    work: Callable[[], NoReturn], theirs: socket.socket, outlets: tuple[int, int], *, own_proc: bool
) -> NoReturn:
    """Be process 1: start the worker, take in orphans, pass on how the worker ended."""
    outlet, result = outlets
    worker = os.fork()
    if worker == 0:
        system.die_with_parent(signal.SIGKILL)
        theirs.send(struct.pack("2i", os.getpid(), own_proc))
        theirs.recv(1)
        theirs.close()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, place in ((nothing, 0), (outlet, 1), (outlet, 2)):
            os.dup2(descriptor, place)
        for descriptor in (nothing, outlet, result):
            os.close(descriptor)
        work()
    while True:
        pid, verdict = os.wait()
        if pid == worker:
            os.write(result, _STATUS.pack(verdict))
            os._exit(0)
