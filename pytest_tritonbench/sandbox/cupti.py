"""When each kernel of a call ran on the device, by CUPTI's activity records.

They hold the device's own clock and nothing of the launches around. The package is `cupti-python`,
https://docs.nvidia.com/cupti-python/. What is used of it is taken when this module is imported,
before a candidate is loaded; like any clock in the candidate's process it is believed as far as the
parent's clock bears it out.
"""

import contextlib
import importlib
import importlib.metadata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

LEAST = 13
"""Major version of the package, and of CUDA, that its records are read in."""

_BUFFER_BYTES = 1 << 20
_FORCED = 1
"""Flag of `activity_flush_all`: give back buffers that are not full as well."""

_synchronize = torch.cuda.synchronize


class CuptiError(RuntimeError):
    """CUPTI did not tell; the message says why."""


@dataclass(frozen=True)
class Span:
    """Something that ran on the device."""

    name: str
    """The kernel's, or `memcpy` or `memset`."""
    start_ns: int
    """By the device's clock, as `end_ns`."""
    end_ns: int


def _load() -> tuple[Any, str | None]:
    """The module, and why it cannot be used."""
    try:
        version = importlib.metadata.version("cupti-python")
    except importlib.metadata.PackageNotFoundError:
        return None, "the package cupti-python is not installed"
    if int(version.partition(".")[0]) < LEAST:
        return None, f"cupti-python is {version}, and {LEAST} or later is needed"
    cuda = torch.version.cuda
    if cuda is None or int(cuda.partition(".")[0]) < LEAST:
        return None, f"torch is built for CUDA {cuda}, and cupti-python needs {LEAST} or later"
    try:
        return importlib.import_module("cupti.cupti"), None
    except (ImportError, OSError, RuntimeError) as error:
        return None, f"cupti-python cannot be imported: {error}"


_cupti, _why_not = _load()
_register: Any = getattr(_cupti, "activity_register_callbacks", None)
_enable: Any = getattr(_cupti, "activity_enable", None)
_disable: Any = getattr(_cupti, "activity_disable", None)
_flush: Any = getattr(_cupti, "activity_flush_all", None)
# All its errors are of this class.
_Refused: Any = getattr(_cupti, "cuptiError", ())
# Whoever copies instead of computing takes the device's time all the same.
_KINDS: dict[int, str] = (
    {}
    if _cupti is None
    else {
        int(_cupti.ActivityKind.CONCURRENT_KERNEL): "",
        int(_cupti.ActivityKind.MEMCPY): "memcpy",
        int(_cupti.ActivityKind.MEMSET): "memset",
    }
)
_spans: list[Span] = []
_registered: list[bool] = []
_recorded: list[int] = []


def available() -> str | None:
    """Why there are no records here; `None` if there are."""
    return _why_not


def start() -> None:
    """Have the threads that CUPTI starts for itself; why it cannot be had is said when it is used.

    They look like any other thread, so that this happens before a candidate is loaded.
    """
    with contextlib.suppress(Exception):
        kernel_spans(lambda: torch.zeros(1, device="cuda"))


def kernel_spans(call: Callable[[], object]) -> list[Span]:
    """Make a call and say what ran on the device.

    Args:
        call: What is called; whatever was queued before has run when it begins.

    Returns:
        In the order of their start.

    Raises:
        CuptiError: CUPTI cannot be had, as when another profiler has it, or gave no times.
    """
    if _why_not is not None:
        raise CuptiError(_why_not)
    # What was queued before is not the call's.
    _synchronize()
    try:
        _record()
        _flush(_FORCED)
        _spans.clear()
        call()
        _synchronize()
        _flush(_FORCED)
    except _Refused as error:
        stop()
        raise CuptiError(f"CUPTI refuses: {error}") from None
    except BaseException:
        stop()
        raise
    found = sorted(_spans, key=lambda span: (span.start_ns, span.end_ns))
    _spans.clear()
    if any(not 0 < span.start_ns <= span.end_ns for span in found):
        raise CuptiError("CUPTI has records without times")
    return found


def stop() -> None:
    """Record no more, so that launches cost what they do without it."""
    while _recorded:
        with contextlib.suppress(_Refused):
            _disable(_recorded.pop())


def _record() -> None:
    """Record from now on: the first launch after CUPTI was told to begin takes long."""
    if not _registered:
        _register(_buffer_requested, _buffer_completed)
        _registered.append(True)
    for kind in _KINDS:
        if kind not in _recorded:
            _enable(kind)
            _recorded.append(kind)


def extent_ms(spans: Iterable[Span]) -> float:
    """Milliseconds from the first start to the last end; 0 if nothing ran."""
    listed = list(spans)
    if not listed:
        return 0.0
    return (max(span.end_ns for span in listed) - min(span.start_ns for span in listed)) / 1e6


def _buffer_requested() -> tuple[int, int]:
    """Bytes of a buffer, and its most records, of which 0 is as many as fit."""
    return _BUFFER_BYTES, 0


def _buffer_completed(activities: list[Any]) -> None:
    # The records are CUPTI's memory, which it takes back after this.
    for activity in activities:
        told = _KINDS.get(int(activity.kind))
        if told is not None:
            name = told or str(activity.name)
            _spans.append(Span(name, int(activity.start), int(activity.end)))
