"""One candidate as the parent sees it: calls go in, deliveries or failures come out."""

import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from .blame import Blame, file_name
from .calls import Call, arena_bytes, encode_call, tensors_in
from .limits import Limits
from .memory import Arena, SnapshotPool, copy
from .protocol import FrameTooLongError, ProtocolError
from .reasons import Reason
from .results import (
    Delivered,
    Failure,
    Reader,
    demand,
    kernel_reports,
    whole,
)
from .retry import Alone, retried_alone
from .script import Ran, Script, ScriptReader, encode_script, read_ran
from .worker import Beside, End, Worker, WorkerEndedError

_pool = SnapshotPool()


def _copied(live: memoryview) -> memoryview:
    private = _pool.take(len(live))
    copy(private, live)
    return private


@dataclass(frozen=True)
class Use:
    """What a process is for; another use has a process of its own."""

    compiles: bool = False
    scripts: bool = False
    cupti: bool = False


class Candidate:
    """A module whose entry point is called in a process of its own.

    The process is forked at the first call and again after a death. A call with `compile` and one
    without need different processes; alternate between them only where that is meant.

    Args:
        fork: gives a worker that has loaded nothing.
        limits: bounds of the workers.
        source: text of the module.
        filename: its name in messages.
        entry: name of the function to call.
        alone: a turn at the device while no other worker uses it, where several do.
    """

    def __init__(
        self,
        fork: Callable[[], Worker],
        limits: Limits,
        source: str,
        filename: str,
        entry: str,
        alone: Alone | None = None,
    ) -> None:
        self.inputs = Arena()
        """Where the caller puts the bytes of the next call's tensors."""
        self.source = source
        self.filename = filename
        self.entry = entry
        self._fork = fork
        self._limits = limits
        self._outputs = Arena(limit=limits.file)
        self._worker: Worker | None = None
        self._use = Use()
        self._blame = Blame(source, filename, entry)
        self._copy_inputs: bool | Collection[str] = True
        self._alone = alone

    def call(
        self,
        call: Call,
        timeout: float = 60.0,
        *,
        copy_inputs: bool | Collection[str] = True,
        beside: Beside | None = None,
    ) -> Delivered | Failure:
        """Call the entry point once; again, alone, where others had the memory that it needs.

        Args:
            call: what to pass; its tensors' bytes are in `inputs`.
            timeout: seconds, compilation included.
            copy_inputs: whether `Delivered.inputs_after` is a copy. Without it, it is a view of
                the arena, good for comparing until the next call, and saves a pass over the bytes.
                Names of arguments: these alone are copied, for `Delivered.bytes_after`.
            beside: what is done while the candidate is at work.
        """
        self._copy_inputs = copy_inputs
        request = {"op": "call", "call": encode_call(call)}
        answer = retried_alone(lambda: self._ask(request, call, timeout, beside), self._alone)
        if isinstance(answer, Failure):
            return answer
        delivered = answer[0]
        assert delivered is not None  # noqa: S101 - a call delivers
        return delivered

    def timed(
        self,
        call: Call,
        what: Mapping[str, Any],
        timeout: float,
        *,
        delivers: bool = False,
        copy_inputs: bool | Collection[str] = True,
        cupti: bool = False,
    ) -> tuple[Delivered | None, dict[str, Any], float] | Failure:
        """Do one step of timing a call; `timed.TimedService` has the steps.

        Args:
            call: what is timed.
            what: the step and its arguments.
            timeout: seconds.
            delivers: whether the step comes back with an output.
            copy_inputs: as for `call`.
            cupti: whether it is in a process in which CUPTI was started before the module was
                loaded.

        Returns:
            What was delivered, what the child said, and the seconds that it took by the parent's
            clock.
        """
        self._copy_inputs = copy_inputs
        request = {"op": "timed", "call": encode_call(call), **what}
        # Later steps have their turn alone, and what the first has opened.
        alone = self._alone if what["what"] == "open" else None
        return retried_alone(
            lambda: self._ask(request, call, timeout, delivers=delivers, cupti=cupti), alone
        )

    def profile(self, call: Call, timeout: float, *, cold: bool) -> memoryview | Failure:
        """Profile one warmed call with torch's profiler.

        The profiler leaves threads in the process, which is given up: the next call has a new one.

        Args:
            call: what to pass; its tensors' bytes are in `inputs`.
            timeout: seconds, compilation included.
            cold: whether the L2 cache is flushed before the call.

        Returns:
            A Chrome trace as the child has it: JSON, compressed by gzip.
        """
        request = {"op": "profile", "call": encode_call(call), "cold": cold}
        answer = self._ask(request, call, timeout, delivers=False)
        if isinstance(answer, Failure):
            return answer
        message = answer[1]
        reader = Reader(self._outputs, _pool)
        try:
            nbytes = whole(message.get("nbytes"))
            if message.get("trace") is None:
                return Failure(Reason.OUTPUT_FLOOD, f"the trace of one call has {nbytes} bytes")
            reader.snapshot(message.get("used"))
            return reader.tensor(message["trace"]).data
        except ProtocolError as error:
            return self._breach(str(error))
        finally:
            self._let_go()

    def script(self, script: Script, timeout: float = 60.0) -> Ran | Failure:
        """Run the module together with a test part; again, alone, as a call.

        The module is loaded afresh each time, in the process of the script before it; a call in
        between, or another `compile`, has a process of its own.

        Args:
            script: what to run.
            timeout: seconds for everything, loading and compilation included.
        """
        self._blame.script = script
        try:
            return retried_alone(lambda: self._run_script(script, timeout), self._alone)
        finally:
            self._blame.script = None

    def _run_script(self, script: Script, timeout: float) -> Ran | Failure:
        source = {"source": self.source, "name": file_name(self.filename)}
        request = {"op": "script", **source, "script": encode_script(script)}
        try:
            fresh = self._fresh_worker(Use(compiles=script.compile, scripts=True))
            arenas = [self._outputs.descriptor] if fresh else []
            message, seconds = self._exchange(request, timeout, arenas)
            failed = self._refusal(message)
            if failed is not None:
                return failed
            # The warden looks while the bytes are copied here.
            self._running().look_for_left_over()
            ran = read_ran(ScriptReader(self._outputs, _pool), message, seconds)
        except FrameTooLongError as error:
            self._dispose()
            return Failure(Reason.SYNTAX_ERROR, f"the source is too long: {error}")
        except ProtocolError as error:
            return self._breach(str(error))
        except WorkerEndedError as error:
            return self._ended(error.end)
        except TimeoutError:
            return self._out_of_time(timeout)
        return self._left_running() or ran

    def _ask(
        self,
        request: dict[str, Any],
        call: Call,
        timeout: float,
        beside: Beside | None = None,
        *,
        delivers: bool = True,
        cupti: bool = False,
    ) -> Failure | tuple[Delivered | None, dict[str, Any], float]:
        try:
            failed = self._prepare(call, cupti=cupti)
            if failed is not None:
                return failed
            message, seconds = self._exchange(request, timeout, beside=beside)
            failed = self._refusal(message)
            if failed is not None or not delivers:
                return failed or (None, message, seconds)
            # The warden looks while the bytes are copied here.
            self._running().look_for_left_over()
            delivered = self._delivered(message, call, seconds)
        except ProtocolError as error:
            return self._breach(str(error))
        except WorkerEndedError as error:
            return self._ended(error.end)
        except TimeoutError:
            return self._out_of_time(timeout)
        return self._left_running() or (delivered, message, seconds)

    def _prepare(self, call: Call, *, cupti: bool) -> Failure | None:
        """Have a worker that has loaded the module."""
        use = Use(compiles=call.compile, cupti=cupti)
        if not self._fresh_worker(use):
            return None
        if cupti:
            self._exchange({"op": "cupti"}, self._limits.load)
            self._running().trust_threads()
        request = {
            "op": "load",
            "source": self.source,
            "name": file_name(self.filename),
            "entry": self.entry,
            "compile": call.compile,
        }
        arenas = [self.inputs.descriptor, self._outputs.descriptor]
        try:
            message, _ = self._exchange(request, self._limits.load, arenas)
        except FrameTooLongError as error:
            self._dispose()
            return Failure(Reason.SYNTAX_ERROR, f"the source is too long: {error}")
        failed = self._refusal(message)
        if failed is not None:
            self._let_go()
        return failed

    def _fresh_worker(self, use: Use) -> bool:
        """Have a worker for this use, and say whether it has just been forked."""
        worker = self._worker
        if worker is not None and (self._use != use or not worker.alive):
            self._let_go()
        if self._worker is not None:
            demand(not self._worker.channel.pending(), "a message that nobody asked for")
            return False
        self._worker = self._fork()
        self._use = use
        self._worker.wait_ready(self._limits.start)
        self._worker.mind()
        return True

    def _exchange(
        self,
        request: dict[str, Any],
        timeout: float,
        descriptors: list[int] | None = None,
        beside: Beside | None = None,
    ) -> tuple[dict[str, Any], float]:
        worker = self._running()
        identity = secrets.token_hex(8)
        start = time.monotonic()
        worker.send({**request, "id": identity}, descriptors or ())
        message = worker.recv(timeout, beside)
        seconds = time.monotonic() - start
        demand(message.get("id") == identity, "an answer to another request")
        demand(message.get("op") in {"done", "failed"}, "an answer of an unknown kind")
        return message, seconds

    def _refusal(self, message: Mapping[str, Any]) -> Failure | None:
        """The failure that an answer tells of; the worker is given up where it cannot go on."""
        failed = self._blame.told(message)
        if failed is not None and failed.fatal:
            self._let_go()
        return failed

    def _delivered(self, message: Mapping[str, Any], call: Call, seconds: float) -> Delivered:
        reader = Reader(self._outputs, _pool)
        reader.snapshot(message.get("used"))
        used = arena_bytes(call)
        inputs = self.inputs.view(0, used)
        held = {}
        if self._copy_inputs is True:
            inputs = _copied(inputs)
        elif self._copy_inputs:
            wanted = [value for name, value in call.args if name in self._copy_inputs]
            held = {
                arg.start: _copied(inputs[arg.start : arg.start + arg.nbytes])
                for arg in tensors_in(*wanted)
            }
        return Delivered(
            output=reader.node(message.get("output")),
            gradients=reader.gradients(message.get("gradients")),
            inputs_after=inputs,
            launches=whole(message.get("launches")),
            kernels=kernel_reports(message.get("kernels")),
            seconds=seconds,
            held=held,
        )

    def _left_running(self) -> Failure | None:
        """Look for threads and processes that outlive the call; the worker dies with them."""
        worker = self._running()
        left = worker.left_over()
        if not worker.alive:
            return self._ended(worker.kill())
        failed = self._blame.left_running(left["threads"], left["processes"])
        if failed is not None:
            self._dispose()
        return failed

    def _out_of_time(self, timeout: float) -> Failure:
        worker = self._running()
        phase, kernel = worker.phase()
        trace = worker.stack()
        end = self._dispose()
        return self._blame.out_of_time(timeout, phase, kernel, trace, end)

    def _ended(self, end: End) -> Failure:
        self._dispose()
        return self._blame.ended(end)

    def _breach(self, what: str) -> Failure:
        return self._blame.breach(what, self._dispose())

    def _running(self) -> Worker:
        if self._worker is None:
            raise RuntimeError("no worker was forked for this candidate")
        return self._worker

    def _dispose(self) -> End | None:
        worker, self._worker = self._worker, None
        if worker is None:
            return None
        end = worker.kill()
        worker.close()
        return end

    def _let_go(self) -> None:
        """Give the worker up without waiting for its end."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def renew(self) -> None:
        """Give the process up; the next call has a new one, with the inputs that are there."""
        self._let_go()

    def close(self) -> None:
        """End the process and give the memory back."""
        self._let_go()
        self.inputs.close()
        self._outputs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
