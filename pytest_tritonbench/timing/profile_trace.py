"""A Chrome trace that came out of a candidate's process: unpacked with limits, and made a table.

Whoever wrote the trace shares a process with the candidate: it is material for a person to look at,
and no figure in it is believed.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_JSON = 1 << 24
"""Bytes of a trace once it is unpacked."""

_ON_GPU = ("kernel", "gpu_memcpy", "gpu_memset")
_ON_CPU = ("cpu_op",)
_MOST_ROWS = 24
_NAME = 38
_GZIP = 31
"""zlib's number for a gzip header and its largest window."""


class TraceError(ValueError):
    """What came is no trace; the message says why."""


@dataclass(frozen=True)
class Row:
    """Everything of one name."""

    name: str
    calls: int
    us: float
    """Microseconds in all; of operators on the CPU without those that they call."""

    registers: int | None = None
    """Of a thread."""

    shared: int | None = None
    """Bytes of shared memory of a block."""


@dataclass(frozen=True)
class Trace:
    """What ran during one call."""

    text: bytes
    """The JSON."""

    rows: tuple[Row, ...]
    """By time, the longest first."""

    on_gpu: bool
    """Whether the trace has kernels; if it has none, the rows are of the CPU."""

    span: float
    """Microseconds from the first row's start to the last one's end."""


def read(packed: bytes | memoryview) -> Trace:
    """Unpack a trace and add up what ran.

    Args:
        packed: JSON, compressed by gzip.

    Raises:
        TraceError: If it is no such thing, or passes a limit.
    """
    text = _unpacked(bytes(packed))
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise TraceError(f"the trace is not JSON: {e}") from None
    events = data.get("traceEvents") if isinstance(data, dict) else None
    if not isinstance(events, list):
        raise TraceError("the trace has no list of events")
    ran = list(_events(events, _ON_GPU))
    on_gpu = bool(ran)
    if not on_gpu:
        ran = list(_without_callees(_events(events, _ON_CPU)))
    ends = [event.start + event.whole for event in ran]
    span = max(ends) - min(event.start for event in ran) if ran else 0.0
    return Trace(text, _rows(ran), on_gpu, span)


def table(trace: Trace) -> str:
    """The kernels of a trace in at most 80 columns, several lines."""
    if not trace.rows:
        return "the trace has no kernel and no operator of torch"
    total = sum(row.us for row in trace.rows)
    kind = "kernel" if trace.on_gpu else "operator on the CPU"
    lines = [f"{kind:{_NAME}} calls       time  share  regs   shared"]
    for row in trace.rows[:_MOST_ROWS]:
        registers = "-" if row.registers is None else str(row.registers)
        shared = "-" if row.shared is None else _bytes(row.shared)
        share = row.us / total if total else 0.0
        lines.append(
            f"{_short(row.name):{_NAME}} {row.calls:5d} {_time(row.us):>10} {share:6.1%} "
            f"{registers:>5} {shared:>8}"
        )
    left = trace.rows[_MOST_ROWS:]
    if left:
        rest = sum(row.us for row in left)
        lines.append(f"... and {len(left)} more, {_time(rest)}")
    total_of = f"{_time(total)} on the {'GPU' if trace.on_gpu else 'CPU'}"
    note = "" if trace.on_gpu else "; the trace has no kernel"
    lines.append(f"{total_of}, {_time(trace.span)} from the first to the last{note}")
    return "\n".join(line.rstrip() for line in lines)


@dataclass(frozen=True)
class _Event:
    name: str
    thread: tuple[str, str]
    start: float
    whole: float
    own: float
    registers: int | None
    shared: int | None


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        text = unpacker.decompress(packed, MAX_JSON + 1)
    except zlib.error as e:
        raise TraceError(f"the trace cannot be unpacked: {e}") from None
    if len(text) > MAX_JSON:
        raise TraceError(f"the trace of one call passes {MAX_JSON >> 20} MiB")
    if not unpacker.eof or unpacker.unused_data:
        raise TraceError("the trace ends too early or too late")
    return text


def _events(events: Sequence[Any], kinds: Iterable[str]) -> Iterator[_Event]:
    """The whole events of some kinds; what is malformed is left out."""
    wanted = frozenset(kinds)
    for event in events:
        if not isinstance(event, dict) or event.get("ph") != "X":
            continue
        kind, name = event.get("cat"), event.get("name")
        start, whole = _number(event.get("ts")), _number(event.get("dur"))
        if not isinstance(kind, str) or kind not in wanted or not isinstance(name, str):
            continue
        if start is None or whole is None or whole < 0:
            continue
        args = event.get("args")
        told: Mapping[str, Any] = args if isinstance(args, dict) else {}
        thread = (_name_of(event.get("pid")), _name_of(event.get("tid")))
        registers = _count(told.get("registers per thread"))
        shared = _count(told.get("shared memory"))
        yield _Event(_plain(name), thread, start, whole, whole, registers, shared)


def _without_callees(events: Iterable[_Event]) -> Iterator[_Event]:
    """Each event with the time of its own, that of the events inside it taken away."""
    open_ones: dict[tuple[str, str], list[tuple[float, int]]] = {}
    found: list[_Event] = []
    inner: list[float] = []
    for event in sorted(events, key=lambda one: (one.start, -one.whole)):
        around = open_ones.setdefault(event.thread, [])
        while around and around[-1][0] <= event.start:
            around.pop()
        if around:
            inner[around[-1][1]] += event.whole
        around.append((event.start + event.whole, len(found)))
        found.append(event)
        inner.append(0.0)
    for event, taken in zip(found, inner, strict=True):
        own = max(0.0, event.whole - taken)
        yield _Event(event.name, event.thread, event.start, event.whole, own, None, None)


def _rows(events: Iterable[_Event]) -> tuple[Row, ...]:
    groups: dict[tuple[str, int | None, int | None], list[float]] = {}
    for event in events:
        # Specialisations of one kernel bear one name.
        groups.setdefault((event.name, event.registers, event.shared), []).append(event.own)
    rows = [
        Row(name, len(times), math.fsum(times), registers, shared)
        for (name, registers, shared), times in groups.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.us, row.name)))


def _number(value: Any) -> float | None:
    if type(value) not in {int, float}:
        return None
    # Microseconds of a hundred thousand years are none.
    return float(value) if -1e18 < value < 1e18 else None


def _name_of(value: Any) -> str:
    return str(value)[:80] if type(value) in {int, str} else ""


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 40 else None


def _plain(name: str) -> str:
    """A name that does nothing to a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:400])


def _short(name: str) -> str:
    """The beginning and the end of a name: those of C++ differ in their arguments."""
    if len(name) <= _NAME:
        return name
    tail = 10
    return f"{name[: _NAME - tail - 3]}...{name[-tail:]}"


def _time(us: float) -> str:
    return f"{us:.1f} us" if us < 1e4 else f"{us / 1e3:.1f} ms" if us < 1e7 else f"{us / 1e6:.1f} s"


def _bytes(count: int) -> str:
    return f"{count} B" if count < 1024 else f"{count / 1024:.1f} KB"
