"""Watching a GPU while kernels are timed on it: clocks that are held back, processes that intrude.

NVML is asked, from outside the timed processes, before and after each block of calls. What the
driver, the GPU or a container does not tell is unknown: it disturbs nothing, and is named.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from pytest_tritonbench.sandbox.devices import Gpu, instance_handles
from pytest_tritonbench.timing.disturbance import Disturbance, Kind
from pytest_tritonbench.timing.neighbours import Neighbours

# NVML's bits (nvmlClocksEventReasons, once nvmlClocksThrottleReasons). What the user has set and
# what an idle GPU does is no disturbance.
_BITS = {
    0x4: Kind.POWER_CAP,
    0x8: Kind.HW_SLOWDOWN,
    0x20: Kind.SW_THERMAL,
    0x40: Kind.HW_THERMAL,
    0x80: Kind.HW_POWER_BRAKE,
}
# Counters of the time that a policy held the clocks back: they also tell of what happened between
# two looks. The numbers are NVML_PERF_POLICY_POWER and NVML_PERF_POLICY_THERMAL.
_POLICIES = {0: Kind.POWER_CAP, 1: Kind.SW_THERMAL}
_SM_CLOCK, _TEMPERATURE = 1, 0
# Return codes of NVML that say "none", not "unknown".
_NONE = (0, 6)
_FRESH_S = 0.01
_LEAST_SHARE = 0.001
"""Of a block's time; held back for less, it is not disturbed."""


@dataclass(frozen=True)
class Reading:
    """One look at a GPU; ``None`` where NVML has no answer."""

    at: float
    """Seconds of a clock that never jumps."""

    reasons: frozenset[Kind] | None = None
    held_back: Mapping[Kind, int] = field(default_factory=dict)
    """Nanoseconds since the driver was loaded, by what held the clocks back."""

    processes: tuple[int, ...] | None = None
    """Process IDs in a namespace of the driver's choice."""

    sm_mhz: int | None = None
    celsius: int | None = None
    watts: float | None = None

    def as_json(self) -> dict[str, Any]:
        """What a record keeps of it."""
        return {"sm_mhz": self.sm_mhz, "celsius": self.celsius, "watts": self.watts}


class Watch:
    """Looks at one GPU around blocks of timed calls; a context manager.

    Of an instance (MIG), clocks and power are those of the whole GPU, processes its own.

    Args:
        gpu: The GPU; one that is not NVIDIA's is not looked at, and all is unknown.
    """

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._nvml: Any = None
        self._handle: Any = None
        self._instance: Any = None
        self._neighbours = Neighbours()
        self._first: Reading | None = None
        self._before: Reading | None = None
        self._last: Reading | None = None
        self._clocks: list[int] = []
        self._seen: Counter[Kind] = Counter()
        self._blocks = 0
        self._longest = 0.0
        self._ended = 0.0
        """When the last look did."""

        self._others: int | None = None
        self._sampled = 0
        """When the last sample of who worked was taken: microseconds since the epoch."""

        self._workers_known = True

    def __enter__(self) -> Self:
        if self._gpu.maker != "nvidia":
            return self
        import pynvml  # noqa: PLC0415 - loads the driver's library, which few runs need

        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            return self
        self._nvml = pynvml
        self._handle = self._ask("HandleByIndex", self._gpu.index)
        self._instance = self._handle
        if self._gpu.parent is not None and self._handle is not None:
            found = instance_handles(self._handle) or ()
            same = [one for one in found if _text(self._ask("UUID", one)) == self._gpu.uuid]
            self._instance = same[0] if same else None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        nvml, self._nvml = self._nvml, None
        if nvml is not None:
            with contextlib.suppress(nvml.NVMLError):
                nvml.nvmlShutdown()

    def before(self) -> Reading:
        """Look, just before a block; if it follows another at once, that one's last look counts."""
        self._sampled = self._sampled or int(time.time() * 1e6)
        last = self._last
        fresh = last is not None and time.monotonic() - self._ended < _FRESH_S
        self._before = last if last is not None and fresh else self._look()
        self._first = self._first or self._before
        return self._before

    def after(self) -> Disturbance | None:
        """Look, just after a block, and say what disturbed it.

        NVML takes its samples of who worked several times a second: a block is charged with those
        that came in since the last look, so that of an intruder the block after may be charged.

        Raises:
            RuntimeError: If there was no look before it.
        """
        if self._before is None:
            raise RuntimeError("a block ends that has not begun")
        start, end = self._before, self._look()
        self._before, self._last = None, end
        self._blocks += 1
        if end.sm_mhz is not None:
            self._clocks.append(end.sm_mhz)
        shares = dict(_shares(start, end))
        kinds = {*(start.reasons or ()), *(end.reasons or ()), *shares}
        if _changed(start.processes, end.processes):
            kinds.add(Kind.CAME)
        if self._others_worked(end):
            kinds.add(Kind.WORKED)
        self._seen.update(kinds)
        # In the order of the class.
        return Disturbance(tuple(k for k in Kind if k in kinds), shares) if kinds else None

    @property
    def unknown(self) -> tuple[str, ...]:
        """What cannot be seen on this machine, in words."""
        last = self._last or self._first or Reading(0.0)
        lacking = {
            "why clocks are held back": last.reasons is None,
            "processes on the GPU": last.processes is None,
            "whose processes they are": last.processes is not None and self._others is None,
            "whether others worked": bool(self._others) and not self._workers_known,
            "the SM clock": last.sm_mhz is None,
            "the temperature": last.celsius is None,
            "the power": last.watts is None,
        }
        return tuple(words for words, missing in lacking.items() if missing)

    def as_json(self) -> dict[str, Any]:
        """What a record keeps: the first and the last look, and all that disturbed.

        ``others`` is the largest number of other people's processes, ``null`` where that is not
        known; ``look_ms`` what the longest look took.
        """
        return {
            "before": self._first.as_json() if self._first else None,
            "after": self._last.as_json() if self._last else None,
            "sm_mhz": [min(self._clocks), max(self._clocks)] if self._clocks else None,
            "blocks": self._blocks,
            "disturbed": {str(kind): count for kind, count in sorted(self._seen.items())},
            "others": self._others,
            "unknown": list(self.unknown),
            "look_ms": self._longest * 1e3,
        }

    def _look(self) -> Reading:
        began = time.monotonic()
        if self._handle is None:
            return Reading(began)
        # What may change first is asked first.
        bits = self._ask("CurrentClocksEventReasons", self._handle)
        if bits is None:
            bits = self._ask("CurrentClocksThrottleReasons", self._handle)
        clock = self._ask("ClockInfo", self._handle, _SM_CLOCK)
        held = {
            kind: self._ask("ViolationStatus", self._handle, n) for n, kind in _POLICIES.items()
        }
        power = self._ask("PowerUsage", self._handle)
        reading = Reading(
            at=began,
            reasons=None if bits is None else frozenset(k for b, k in _BITS.items() if b & bits),
            held_back={kind: int(one.violationTime) for kind, one in held.items() if one},
            processes=self._processes(),
            sm_mhz=clock,
            celsius=self._ask("Temperature", self._handle, _TEMPERATURE),
            watts=None if power is None else power / 1e3,
        )
        self._ended = time.monotonic()
        self._longest = max(self._longest, self._ended - began)
        return reading

    def _processes(self) -> tuple[int, ...] | None:
        if self._instance is None:
            return None
        running = self._ask("ComputeRunningProcesses", self._instance)
        return None if running is None else tuple(sorted(int(one.pid) for one in running))

    def _others_worked(self, end: Reading) -> bool:
        """Whether a process that is known to be none of ours has computed since the last look."""
        others = None if end.processes is None else self._neighbours.others(end.processes)
        if others is None:
            return False
        self._others = max(self._others or 0, len(others))
        if not others:
            return False
        samples = self._samples()
        self._workers_known = samples is not None
        if not samples:
            return False
        self._sampled = max([self._sampled, *(int(one.timeStamp) for one in samples)])
        return any(one.smUtil and one.pid in others for one in samples)

    def _samples(self) -> Sequence[Any] | None:
        """Who has worked since the last time; ``None`` where the driver does not say."""
        question = getattr(self._nvml, "nvmlDeviceGetProcessUtilization", None)
        if question is None:
            return None
        try:
            found: Sequence[Any] = question(self._handle, self._sampled)
        except self._nvml.NVMLError as error:
            return () if getattr(error, "value", None) in _NONE else None
        return found

    def _ask(self, what: str, *arguments: Any) -> Any:
        """NVML's answer, or ``None`` where this driver, this GPU or this package has none."""
        question = getattr(self._nvml, f"nvmlDeviceGet{what}", None)
        if question is None:
            return None
        try:
            return question(*arguments)
        except self._nvml.NVMLError:
            return None
        except getattr(self._nvml, "NVMLLibraryMismatchError", ()):
            # The package is newer than the driver.
            return None


def _shares(start: Reading, end: Reading) -> Mapping[Kind, float]:
    elapsed = max(1.0, (end.at - start.at) * 1e9)
    grown = {
        kind: end.held_back[kind] - before
        for kind, before in start.held_back.items()
        if kind in end.held_back
    }
    return {
        kind: min(1.0, ns / elapsed) for kind, ns in grown.items() if ns > _LEAST_SHARE * elapsed
    }


def _changed(start: tuple[int, ...] | None, end: tuple[int, ...] | None) -> bool:
    return start is not None and end is not None and start != end


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
