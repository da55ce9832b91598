"""One call of a candidate under a profiler: torch's own, or one that wraps the process.

What comes out is for people to look at. It is made in the candidate's process, and nothing that is
decided rests on it.
"""

import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from . import launches, loading
from .calls import Call
from .delivering import Delivery
from .page import Phase
from .running import Runner, Storages
from .stopwatch import flush_bytes

MAX_TRACE = 1 << 24
"""Bytes of a trace as JSON."""

WARM_UP = 3
"""Calls before the one that is profiled; compilation and autotuning happen there."""

_profile = torch.profiler.profile
_schedule = torch.profiler.schedule
_CPU = torch.profiler.ProfilerActivity.CPU
_CUDA = torch.profiler.ProfilerActivity.CUDA
_compress = gzip.compress
_frombuffer = torch.frombuffer
_empty = torch.empty
_zero = torch.Tensor.zero_
_uint8 = torch.uint8


class Repeated:
    """A call that is made again and again, each time on its first inputs.

    Args:
        runner: calls the entry point.
        call: what to pass; gradients are not asked for.
        cold: whether the L2 cache is flushed before each call.

    Raises:
        loading.CandidateError: the entry point does not take these arguments.
    """

    def __init__(self, runner: Runner, call: Call, *, cold: bool) -> None:
        self._runner = runner
        self._storages = Storages(runner.inputs, runner.device)
        self._by_place, self._by_name = runner.split(call, runner.arguments(call, self._storages))
        loading.bind(runner.function, self._by_place, self._by_name)
        self._storages.keep()
        self._flush: torch.Tensor | None = None
        if cold and runner.device.type == "cuda":
            size = flush_bytes(runner.device)
            self._flush = _empty(size, dtype=_uint8, device=runner.device)
        # Counting launches would be seen in the profile.
        launches.watch(None)

    def prepare(self) -> None:
        """Restore the inputs and wait for the device."""
        with torch.no_grad():
            self._storages.restore()
        if self._flush is not None:
            _zero(self._flush)
        self._runner.finish()

    def __call__(self) -> None:
        """Call it and wait for the device.

        Raises:
            loading.CandidateError: it failed.
        """
        try:
            self._runner.page.note(Phase.CALLING)
            self._runner.function(*self._by_place.values(), **self._by_name)
            self._runner.finish()
        except BaseException as error:  # noqa: BLE001 - a candidate may raise anything
            raise loading.describe(error, self._runner.filename) from None


def traced(runner: Runner, call: Call, *, cold: bool) -> dict[str, Any]:
    """Profile one warmed call with torch's profiler.

    Returns:
        `trace`: a tensor's description, its bytes the Chrome trace in JSON, compressed by gzip;
        `None` if it is too large. `nbytes`: how large it was before.

    Raises:
        loading.CandidateError: a call failed.
    """
    repeated = Repeated(runner, call, cold=cold)
    for _ in range(WARM_UP):
        repeated.prepare()
        repeated()
    text = _trace(repeated, on_gpu=runner.device.type == "cuda")
    if len(text) > MAX_TRACE:
        return {"trace": None, "nbytes": len(text), "used": 0}
    packed = _frombuffer(bytearray(_compress(text)), dtype=_uint8)
    described = Delivery(runner.outputs, runner.limit).tensor(packed, "trace")
    return {"trace": described, "nbytes": len(text), "used": runner.outputs.used}


def bracketed(
    runner: Runner, call: Call, start: Callable[[], object], stop: Callable[[], object]
) -> None:
    """Make one warmed call between a start and a stop that another profiler listens for.

    Raises:
        loading.CandidateError: a call failed.
    """
    repeated = Repeated(runner, call, cold=False)
    for _ in range(WARM_UP):
        repeated.prepare()
        repeated()
    repeated.prepare()
    start()
    try:
        repeated()
    finally:
        stop()


def _trace(repeated: Repeated, *, on_gpu: bool) -> bytes:
    """The trace of one call, the profiler itself being warm."""
    activities = [_CPU, _CUDA] if on_gpu else [_CPU]
    plan = _schedule(wait=0, warmup=1, active=1, repeat=1)
    with _profile(activities=activities, schedule=plan, record_shapes=True) as profiler:
        repeated.prepare()
        repeated()
        repeated.prepare()
        profiler.step()
        repeated()
        profiler.step()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trace.json")
        profiler.export_chrome_trace(str(path))
        return path.read_bytes()
