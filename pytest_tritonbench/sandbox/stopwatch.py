"""The time of single calls: on the device by CUDA events, and on the host.

Everything of torch that it uses is taken before a candidate was loaded.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

_empty = torch.empty
_Event = torch.cuda.Event
_record = torch.cuda.Event.record
_elapsed = torch.cuda.Event.elapsed_time
_wait = torch.cuda.Event.synchronize
_synchronize = torch.cuda.synchronize
_sleep: Callable[[int], None] = getattr(torch.cuda, "_sleep", lambda _: None)
_zero = torch.Tensor.zero_
_now = time.perf_counter
_DEFAULT_L2 = 1 << 27
_REMEMBERED = 16
_HOLD_AT_LEAST = 20e-6
_HOLD_AT_MOST = 5e-3
_CYCLES_PER_SECOND = 2e9


class Stopwatch:
    """Times one call after another.

    The queue is held back by a spinning kernel until the whole call has been queued behind it, so
    that the events are apart by what the device does, and not by how long Python takes to ask for
    it. The hold is 1.5 times the host's usual time for the call. A call that waits for the device
    itself spends the rest of the hold as well; that is why the host's time is reported beside.

    Args:
        device: a CUDA device; on a CPU both times are the host's.
        cold: whether the L2 cache is flushed before each call.
    """

    def __init__(self, device: torch.device, *, cold: bool = True) -> None:
        self._on_gpu = device.type == "cuda"
        self._flush: torch.Tensor | None = None
        if self._on_gpu and cold:
            self._flush = _empty(flush_bytes(device), dtype=torch.uint8, device=device)
        self._host: list[float] = []

    @property
    def method(self) -> str:
        """How the device's time is taken."""
        return "cuda-events" if self._on_gpu else "host-clock"

    def time(self, call: Callable[[], Any], *, held: bool = True) -> dict[str, float]:
        """Time one call, whose inputs are ready.

        Args:
            call: what is timed.
            held: whether the queue is held back. Without it, work on another stream that nobody
                waits for is still under way when the call's own has ended.

        Returns:
            Milliseconds: `ms` of the device, `host_ms` until the call returned, and `late_ms` that
            the device was at work after the call's own stream had ended.
        """
        if not self._on_gpu:
            start = _now()
            call()
            spent = 1e3 * (_now() - start)
            return {"ms": spent, "host_ms": spent, "late_ms": 0.0}
        if self._flush is not None:
            _zero(self._flush)
        begin, end = _Event(enable_timing=True), _Event(enable_timing=True)
        if held and self._host:
            hold = 1.5 * statistics.median(self._host) + _HOLD_AT_LEAST
            _sleep(int(min(hold, _HOLD_AT_MOST) * _CYCLES_PER_SECOND))
        elif not held:
            _synchronize()
        _record(begin)
        asked = _now()
        call()
        returned = _now()
        _record(end)
        _wait(end)
        ended = _now()
        _synchronize()
        late = _now() - ended
        self._host = [*self._host[1 - _REMEMBERED :], returned - asked]
        return {
            "ms": _elapsed(begin, end),
            "host_ms": 1e3 * (returned - asked),
            "late_ms": 1e3 * late,
        }

    def finish(self) -> None:
        """Wait for the device."""
        if self._on_gpu:
            _synchronize()


def flush_bytes(device: torch.device) -> int:
    """Twice the device's L2."""
    properties = torch.cuda.get_device_properties(device)
    return 2 * int(getattr(properties, "L2_cache_size", 0) or _DEFAULT_L2)
