"""A trace is unpacked with limits and made a table, whatever a candidate may have put in."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest

from pytest_tritonbench.timing import profile_trace
from pytest_tritonbench.timing.profile_trace import TraceError, read, table

# What torch 2.11 writes of kernels, shortened.
ON_GPU: list[dict[str, Any]] = [
    {
        "ph": "X",
        "cat": "kernel",
        "name": "_softmax_rows",
        "pid": 0,
        "tid": 7,
        "ts": 1000.5,
        "dur": 12.25,
        "args": {"registers per thread": 40, "shared memory": 2048, "grid": [64, 1, 1]},
    },
    {
        "ph": "X",
        "cat": "kernel",
        "name": "_softmax_rows",
        "pid": 0,
        "tid": 7,
        "ts": 1020.5,
        "dur": 12.75,
        "args": {"registers per thread": 40, "shared memory": 2048},
    },
    {
        "ph": "X",
        "cat": "gpu_memcpy",
        "name": "Memcpy DtoD (Device -> Device)",
        "pid": 0,
        "tid": 7,
        "ts": 1040.5,
        "dur": 75,
        "args": {"bytes": 4096},
    },
    {"ph": "X", "cat": "cpu_op", "name": "aten::empty", "pid": 1, "tid": 1, "ts": 900, "dur": 90},
    {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "python"}},
]


def packed(events: Any, **more: Any) -> bytes:
    """A trace of these events."""
    return gzip.compress(json.dumps({"traceEvents": events, **more}).encode())


def operator(name: str, start: float, duration: float, tid: int = 1) -> dict[str, Any]:
    """An operator on the CPU."""
    return {
        "ph": "X",
        "cat": "cpu_op",
        "name": name,
        "pid": 1,
        "tid": tid,
        "ts": start,
        "dur": duration,
    }


def test_kernels_become_a_table() -> None:
    """Calls of one kernel are added up, with share, registers and shared memory, longest first."""
    trace = read(packed(ON_GPU))
    assert trace.on_gpu
    assert table(trace).splitlines() == [
        "kernel                                 calls       time  share  regs   shared",
        "Memcpy DtoD (Device -> Device)             1    75.0 us  75.0%     -        -",
        "_softmax_rows                              2    25.0 us  25.0%    40   2.0 KB",
        "100.0 us on the GPU, 115.0 us from the first to the last",
    ]
    assert json.loads(trace.text)["traceEvents"] == ON_GPU


def test_without_a_gpu_operators_are_shown() -> None:
    """Each has its own time without that of the operators it calls, thread by thread."""
    events = [
        operator("aten::mm", 20, 30),
        operator("aten::linear", 0, 100),
        operator("aten::t", 5, 10),
        operator("aten::transpose", 6, 8),
        operator("aten::relu", 100, 7),
        operator("aten::zeros", 1, 4, tid=2),
    ]
    trace = read(packed(events))
    assert not trace.on_gpu
    assert {row.name: row.us for row in trace.rows} == {
        "aten::linear": 60,
        "aten::mm": 30,
        "aten::t": 2,
        "aten::transpose": 8,
        "aten::relu": 7,
        "aten::zeros": 4,
    }
    assert table(trace).splitlines()[0].startswith("operator on the CPU ")
    assert table(trace).endswith("107.0 us from the first to the last; the trace has no kernel")


def test_nothing_ran() -> None:
    """A call that uses neither torch nor a kernel is said to."""
    assert table(read(packed([]))) == "the trace has no kernel and no operator of torch"


def test_the_table_fits_a_terminal() -> None:
    """Long names, long times and many rows stay within 80 columns and thirty lines."""
    events = [
        {**ON_GPU[0], "name": f"void at::native::elementwise<{'x' * 300}, {n}>", "dur": 1e9 + n}
        for n in range(40)
    ]
    lines = table(read(packed(events))).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) < 30
    assert lines[1].startswith("void at::native::elementw...")
    assert lines[1].split()[2].endswith("39>")
    assert lines[-2] == "... and 16 more, 16000.0 s"


def test_a_name_cannot_talk_to_the_terminal() -> None:
    """Escape sequences, line breaks and marks of direction in names are taken out."""
    name = "\x1b[2Jgood\nfaked line\u202e \ud800"
    text = table(read(packed([{**ON_GPU[0], "name": name}])))
    assert "?[2Jgood?faked line? ?" in text
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize(
    "event",
    [
        7,
        None,
        {},
        {**ON_GPU[0], "name": 7},
        {**ON_GPU[0], "dur": "12"},
        {**ON_GPU[0], "dur": True},
        {**ON_GPU[0], "dur": -1},
        {**ON_GPU[0], "dur": float("nan")},
        {**ON_GPU[0], "dur": float("inf")},
        {**ON_GPU[0], "ts": 10**400},
        {**ON_GPU[0], "cat": ["kernel"]},
        {**ON_GPU[0], "ph": {"X": 1}},
    ],
)
def test_a_malformed_event_is_left_out(event: object) -> None:
    """What is no event, and times that are none, count for nothing."""
    assert read(packed([event])).rows == ()


@pytest.mark.parametrize("args", [None, [1], {"registers per thread": -1, "shared memory": 1.5}])
def test_odd_facts_are_unknown(args: object) -> None:
    """Registers and shared memory that are no counts are shown as unknown."""
    (row,) = read(packed([{**ON_GPU[0], "args": args, "tid": [[]]}])).rows
    assert (row.registers, row.shared) == (None, None)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "too early"),
        (b"{}", "cannot be unpacked"),
        (packed([])[:-4], "too early"),
        (packed([]) + b"more", "too late"),
        (gzip.compress(b"nonsense"), "not JSON"),
        (gzip.compress(b"[" * 100_000), "not JSON"),
        (gzip.compress(b"[1]"), "no list of events"),
        (gzip.compress(b'{"traceEvents": {}}'), "no list of events"),
        (zlib.compress(b'{"traceEvents": []}'), "cannot be unpacked"),
    ],
    # Not the data, which has the time of day in it: workers must find the same tests.
    ids=("empty", "plain", "cut", "longer", "text", "deep", "list", "no-list", "zlib"),
)
def test_what_is_no_trace(data: bytes, told: str) -> None:
    """It is refused with the reason."""
    with pytest.raises(TraceError, match=told):
        read(data)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that unpacks to more than is allowed is refused before it is parsed."""
    monkeypatch.setattr(profile_trace, "MAX_JSON", 1 << 16)
    bomb = gzip.compress(b'{"traceEvents": [], "x": "' + b" " * (1 << 24) + b'"}')
    assert len(bomb) < 1 << 15
    tracemalloc.start()
    try:
        with pytest.raises(TraceError, match="passes"):
            read(bomb)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert read(packed([], x=" " * 60_000)).rows == ()
