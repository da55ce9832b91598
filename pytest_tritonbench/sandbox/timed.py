"""A candidate's call, timed again and again at the parent's word, each time on fresh inputs.

The parent says how far the inputs are turned when it asks for a call, and only then; whether it
will want to see the output it decides afterwards.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from . import launches, loading
from .calls import Call, TensorArg
from .device_memory import give_back
from .page import Phase
from .running import Runner, Storages
from .stopwatch import Stopwatch
from .turning import turn

_empty = torch.empty
_peak: Callable[[], int] = torch.cuda.max_memory_allocated
_allocated: Callable[[], int] = torch.cuda.memory_allocated
_forget_peak: Callable[[], None] = torch.cuda.reset_peak_memory_stats
_empty_cache: Callable[[], None] = torch.cuda.empty_cache


class TimedCall:
    """One call, with the memory that it works in.

    Args:
        runner: calls the entry point.
        call: what to pass; gradients are not timed.
        cold: whether the L2 cache is flushed before each call.
    """

    def __init__(self, runner: Runner, call: Call, *, cold: bool) -> None:
        self._runner = runner
        self._call = call
        self._stopwatch = Stopwatch(runner.device, self._function, cold=cold)
        self._output: Any = None
        self._spacer: torch.Tensor | None = None
        self._storages = Storages(runner.inputs, runner.device)
        self._arguments = runner.arguments(call, self._storages)
        self._storages.keep()

    def open(self) -> dict[str, Any]:
        """Call it for the first time: kernels are compiled and tuned here.

        Returns:
            The answer.
        """
        by_place, by_name = self._runner.split(self._call, self._arguments)
        loading.bind(self._runner.function, by_place, by_name)
        self._guarded(self._function)
        delivered = self.take()
        # Until it is its turn to be timed, others may need the memory.
        self._output = None
        give_back(self._runner.device.type)
        return delivered

    def ready(self, clock: str) -> dict[str, Any]:
        """Tune again, choose the clock and warm up, as `Stopwatch.ready` does.

        Returns:
            What that returns, and `peak_bytes`, the most memory that a call takes beyond its
            arguments.
        """
        self._output = None
        self._fresh({})
        if launches.forget_tunings():
            # While it was opened, others may have been at work on the device.
            self._guarded(self._function)
            self._output = None
        # Counting launches would slow them down.
        launches.watch(None)
        peak = self._peak_bytes() if self._runner.device.type == "cuda" else None
        found: dict[str, Any] = self._guarded(lambda: self._stopwatch.ready(clock))
        return {**found, "peak_bytes": peak}

    def time(self, turns: Mapping[str, int], *, held: bool) -> dict[str, Any]:
        """Turn the inputs and time one call on them."""
        if not self._stopwatch.replays:
            self._output = None
        self._fresh(turns)
        found: dict[str, Any] = self._guarded(lambda: self._stopwatch.time(held=held))
        return found

    def take(self) -> dict[str, Any]:
        """The answer of the last call, and the inputs as it left them."""
        return self._runner.deliver(self._output, [], self._storages)

    def move(self, spacer: int) -> None:
        """Let the inputs lie elsewhere.

        Args:
            spacer: bytes that are taken before them.
        """
        # Whatever holds the old memory would keep it.
        self._stopwatch.let_go()
        self._output, self._arguments, self._spacer = None, {}, None
        self._storages.let_go()
        if self._runner.device.type == "cuda":
            _empty_cache()
        self._spacer = _empty(spacer, dtype=torch.uint8, device=self._runner.device)
        self._storages.place_again()
        self._arguments = self._runner.arguments(self._call, self._storages)
        self._fresh({})
        self._guarded(self._function)
        self._guarded(self._stopwatch.prepare)

    def burst(self, count: int) -> dict[str, float]:
        """Call it some times in a row, as `Stopwatch.burst` does."""
        found: dict[str, float] = self._guarded(lambda: self._stopwatch.burst(count))
        return found

    def _peak_bytes(self) -> int:
        _forget_peak()
        before = _allocated()
        self._guarded(self._function)
        return _peak() - before

    def _function(self) -> None:
        by_place, by_name = self._runner.split(self._call, self._arguments)
        self._output = self._runner.function(*by_place.values(), **by_name)

    def _fresh(self, turns: Mapping[str, int]) -> None:
        with torch.no_grad():
            self._storages.restore()
            for name, arg in self._call.args:
                if name in turns and isinstance(arg, TensorArg):
                    kept, used = self._storages.elements(arg)
                    turn(used, kept, turns[name])

    def _guarded(self, work: Callable[[], Any]) -> Any:
        try:
            self._runner.page.note(Phase.CALLING)
            found = work()
            self._runner.finish()
        except BaseException as error:  # noqa: BLE001 - a candidate may raise anything
            raise loading.describe(error, self._runner.filename) from None
        return found


class TimedService:
    """Answers what a parent asks of a timed call.

    Args:
        runner: calls the entry point.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._timed: TimedCall | None = None

    def answer(self, request: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Do one thing: `open`, `ready`, `time`, `take`, `move`, `burst` or `close`."""
        what = request["what"]
        if what == "open":
            self._timed = None
            self._timed = TimedCall(self._runner, call, cold=request["cold"])
            return self._timed.open()
        if what != "ready":
            # Counting launches would slow them down; `ready` still has a tuning to report.
            launches.watch(None)
        timed = self._timed
        if timed is None:
            raise RuntimeError("the parent opens before it asks for more")
        if what == "ready":
            return timed.ready(request["clock"])
        if what == "time":
            return timed.time(request["turns"], held=request["held"])
        if what == "take":
            return timed.take()
        if what == "burst":
            return timed.burst(request["count"])
        if what == "move":
            timed.move(request["spacer"])
        else:
            self._timed, timed = None, None
            give_back(self._runner.device.type)
        return {}
