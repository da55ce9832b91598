"""A candidate's call, timed again and again at the parent's word, each time on fresh inputs.

The parent says how far the inputs are turned when it asks for a call, and only then; whether it
will want to see the output it decides afterwards.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from . import launches, loading
from .calls import Call, TensorArg
from .page import Phase
from .running import Runner, Storages
from .stopwatch import Stopwatch
from .turning import turn

_empty = torch.empty
_peak: Callable[[], int] = torch.cuda.max_memory_allocated
_allocated: Callable[[], int] = torch.cuda.memory_allocated
_forget_peak: Callable[[], None] = torch.cuda.reset_peak_memory_stats
_empty_cache: Callable[[], None] = torch.cuda.empty_cache
_Graph = torch.cuda.CUDAGraph
_capture = torch.cuda.graph


class TimedCall:
    """One call, with the memory that it works in.

    Args:
        runner: calls the entry point.
        call: what to pass; gradients are not timed.
        cold: whether the L2 cache is flushed before each call.
        graph: whether replays of a CUDA graph of the call are timed.
    """

    def __init__(self, runner: Runner, call: Call, *, cold: bool, graph: bool) -> None:
        self._runner = runner
        self._call = call
        self._stopwatch = Stopwatch(runner.device, cold=cold)
        self._wants_graph = graph and runner.device.type == "cuda"
        self._graph: Any = None
        self._why_no_graph: str | None = None if runner.device.type == "cuda" else "no GPU"
        self._output: Any = None
        self._captured: Any = None
        self._spacer: torch.Tensor | None = None
        self._storages = Storages(runner.inputs, runner.device)
        self._given = runner.arguments(call, self._storages)
        self._storages.keep()
        self._arguments = self._given

    def open(self) -> dict[str, Any]:
        """Call it for the first time: kernels are compiled and tuned here.

        Returns:
            The answer, and `peak_bytes`, the most memory that it took beyond its arguments.
        """
        by_place, by_name = self._runner.split(self._call, self._arguments)
        loading.bind(self._runner.function, by_place, by_name)
        on_gpu = self._runner.device.type == "cuda"
        before = 0
        if on_gpu:
            _forget_peak()
            before = _allocated()
        self._guarded(self._function)
        peak = _peak() - before if on_gpu else None
        return {**self.take(), "peak_bytes": peak}

    def ready(self) -> dict[str, Any]:
        """Warm up, and capture the graph where one is wanted.

        Returns:
            `method`, and `fallback`: why it is not the one that was asked for.
        """
        for _ in range(3):
            self._guarded(lambda: self._stopwatch.time(self._function))
        if not self._wants_graph:
            return {"method": self._stopwatch.method, "fallback": None}
        self._record_graph()
        method = self._stopwatch.method if self._graph is None else "cuda-graph"
        return {"method": method, "fallback": self._why_no_graph}

    def time(self, turns: Mapping[str, int], *, held: bool) -> dict[str, float]:
        """Turn the inputs and time one call on them."""
        self._output = None if self._graph is None else self._captured
        self._fresh(turns)
        work = self._function if self._graph is None else self._graph.replay
        found: dict[str, float] = self._guarded(lambda: self._stopwatch.time(work, held=held))
        return found

    def take(self) -> dict[str, Any]:
        """The answer of the last call, and the inputs as it left them."""
        return self._runner.deliver(self._output, [], self._storages)

    def move(self, spacer: int) -> None:
        """Let the inputs lie elsewhere.

        Args:
            spacer: bytes that are taken before them.
        """
        self._output = self._captured = self._graph = None
        self._storages.let_go()
        self._spacer = None
        if self._runner.device.type == "cuda":
            _empty_cache()
        self._spacer = _empty(spacer, dtype=torch.uint8, device=self._runner.device)
        self._storages.place_again()
        self._arguments = self._runner.arguments(self._call, self._storages)
        self._fresh({})
        self._guarded(lambda: self._stopwatch.time(self._function))
        if self._wants_graph and self._why_no_graph is None:
            self._record_graph()

    def burst(self, count: int) -> None:
        """Call it some times in a row and wait for the device once."""

        def calls() -> None:
            for _ in range(count):
                self._function()
            self._stopwatch.finish()

        self._guarded(calls)

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

    def _record_graph(self) -> None:
        graph = _Graph()
        try:
            with _capture(graph):
                self._function()
        except Exception as error:  # noqa: BLE001 - whatever a capture does not admit
            self._why_no_graph = f"{type(error).__name__}: {error}"[:300]
            return
        self._graph, self._captured = graph, self._output

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
            self._timed = TimedCall(
                self._runner, call, cold=request["cold"], graph=request["graph"]
            )
            return self._timed.open()
        # Counting launches would slow them down.
        launches.watch(None)
        timed = self._timed
        if timed is None:
            raise RuntimeError("the parent opens before it asks for more")
        if what == "ready":
            return timed.ready()
        if what == "time":
            return timed.time(request["turns"], held=request["held"])
        if what == "take":
            return timed.take()
        if what == "move":
            timed.move(request["spacer"])
        elif what == "burst":
            timed.burst(request["count"])
        else:
            self._timed = None
        return {}
