"""The time of single calls: on the device, and on the host.

Everything of torch that it uses is taken before a candidate was loaded.
"""

import time
from collections.abc import Callable
from typing import Any

import torch

from . import cupti

_empty = torch.empty
_Event = torch.cuda.Event
_record = torch.cuda.Event.record
_elapsed = torch.cuda.Event.elapsed_time
_wait = torch.cuda.Event.synchronize
_passed: Callable[[torch.cuda.Event], bool] = torch.cuda.Event.query
_synchronize = torch.cuda.synchronize
_sleep: Callable[[int], None] = getattr(torch.cuda, "_sleep", lambda _: None)
_zero = torch.Tensor.zero_
_Graph = torch.cuda.CUDAGraph
_capture = torch.cuda.graph
_now = time.perf_counter
_METHODS = {
    "host": "host-clock",
    "events": "cuda-events",
    "graph": "cuda-graph",
    "cupti": "cupti",
}
_WARMUP = 3
_LONGEST_REASON = 300
_DEFAULT_L2 = 1 << 27
_REMEMBERED = 16
_HOLD_AT_LEAST = 20e-6
_HOLD_AT_MOST = 5e-3
_OUTLASTED = 5
_CYCLES_PER_SECOND = 2e9


class Stopwatch:
    """Times one call again and again.

    The queue is held back by a spinning kernel until the whole call has been queued behind it, so
    that the events are apart by what the device does, and not by how long Python takes to ask for
    it. The hold is 1.5 times the longest that the host took lately; where that was too short, the
    answer says so. A call that waits for the device itself always outlasts its hold: after a few
    such calls there is none, for a host that has waited for milliseconds is slow to go on.

    Args:
        device: a CUDA device; on a CPU both times are the host's.
        call: what is timed.
        cold: whether the L2 cache is flushed before each call.
    """

    def __init__(self, device: torch.device, call: Callable[[], Any], *, cold: bool = True) -> None:
        self._on_gpu = device.type == "cuda"
        self._call = call
        self._work = call
        self._clock = "events" if self._on_gpu else "host"
        self._flush: torch.Tensor | None = None
        if self._on_gpu and cold:
            self._flush = _empty(flush_bytes(device), dtype=torch.uint8, device=device)
        self._host: list[float] = []
        self._outlasted = 0
        self._waits = False

    @property
    def replays(self) -> bool:
        """Whether a graph of the call is replayed: its output is where it was captured."""
        return self._clock == "graph"

    def ready(self, clock: str) -> dict[str, str | None]:
        """Choose how the device's time is taken, and warm up.

        Args:
            clock: `events`, `graph`, `cupti`, or `auto` for the first of these.

        Returns:
            `method`, and `fallback`: why it is not what was asked for.
        """
        self.let_go()
        cupti.stop()
        self._clock = "events" if self._on_gpu else "host"
        for _ in range(_WARMUP):
            self.time()
        fallback = None
        if clock in ("graph", "cupti"):
            fallback = self._use(clock) if self._on_gpu else "no GPU"
        return {"method": _METHODS[self._clock], "fallback": fallback}

    def _use(self, clock: str) -> str | None:
        """Use another clock than events; why it cannot be, if it cannot."""
        try:
            if clock == "graph":
                self.prepare(clock)
            else:
                cupti.extent_ms(cupti.kernel_spans(self._call))
        except Exception as error:  # noqa: BLE001 - whatever a capture does not admit
            self.let_go()
            return f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
        self._clock = clock
        return None

    def prepare(self, clock: str | None = None) -> None:
        """Capture the call anew where graphs are replayed, as after its inputs were moved."""
        if (clock or self._clock) != "graph":
            return
        graph = _Graph()
        with _capture(graph):
            self._call()
        self._work = graph.replay

    def let_go(self) -> None:
        """Give up a graph, and the memory in it."""
        self._work = self._call

    def time(self, *, held: bool = True) -> dict[str, Any]:
        """Time one call, whose inputs are ready.

        Args:
            held: whether the queue is held back. Without it, work on another stream that nobody
                waits for is still under way when the call's own has ended.

        Returns:
            Milliseconds: `ms` of the device, `host_ms` until the call returned, and `late_ms` that
            the device was at work after the call's own stream had ended. `gap` says whether the
            device may have waited for the host in between.
        """
        if not self._on_gpu:
            start = _now()
            self._work()
            spent = 1e3 * (_now() - start)
            return {"ms": spent, "host_ms": spent, "late_ms": 0.0, "gap": False}
        if self._clock == "cupti" and held:
            return self._by_cupti()
        if self._flush is not None:
            _zero(self._flush)
        begin, end = _Event(enable_timing=True), _Event(enable_timing=True)
        queued = held and self._hold()
        if not held:
            _synchronize()
        _record(begin)
        asked = _now()
        self._work()
        returned = _now()
        _record(end)
        gap = _passed(begin)
        self._heed(held=queued, gap=gap)
        _wait(end)
        ended = _now()
        _synchronize()
        late = _now() - ended
        self._remember(returned - asked)
        return {
            "ms": _elapsed(begin, end),
            "host_ms": 1e3 * (returned - asked),
            "late_ms": 1e3 * late,
            "gap": gap,
        }

    def _hold(self) -> bool:
        """Hold the queue back for as long as the host will take; whether it is held."""
        if self._waits or not self._host:
            return False
        hold = 1.5 * max(self._host) + _HOLD_AT_LEAST
        _sleep(int(min(hold, _HOLD_AT_MOST) * _CYCLES_PER_SECOND))
        return True

    def _heed(self, *, held: bool, gap: bool) -> None:
        """Notice a call that outlasts every hold, each half as long again as the one before."""
        if held:
            self._outlasted = self._outlasted + 1 if gap else 0
            self._waits = self._outlasted >= _OUTLASTED

    def _remember(self, host: float) -> None:
        self._host = [*self._host[1 - _REMEMBERED :], host]

    def _by_cupti(self) -> dict[str, Any]:
        begin = _Event()
        host, held, gap = 0.0, False, False
        first = _empty(1, device="cuda") if self._flush is None else self._flush

        def call() -> None:
            nonlocal host, held, gap
            # The first launch takes long: CUPTI asks for a buffer in it.
            _zero(first)
            held = self._hold()
            _record(begin)
            asked = _now()
            self._work()
            host = _now() - asked
            gap = _passed(begin)

        spans = cupti.kernel_spans(call)
        self._heed(held=held, gap=gap)
        self._remember(host)
        before = 2 if held else 1
        extent = cupti.extent_ms(spans[before:])
        return {"ms": extent, "host_ms": 1e3 * host, "late_ms": 0.0, "gap": gap}

    def burst(self, count: int) -> dict[str, float]:
        """Make so many calls in a row, and wait for the device once.

        Returns:
            `host_ms`: the host's milliseconds for one of them.
        """
        asked = _now()
        for _ in range(count):
            self._work()
        spent = _now() - asked
        if self._on_gpu:
            _synchronize()
        return {"host_ms": 1e3 * spent / count}


def flush_bytes(device: torch.device) -> int:
    """Twice the device's L2."""
    properties = torch.cuda.get_device_properties(device)
    return 2 * int(getattr(properties, "L2_cache_size", 0) or _DEFAULT_L2)
