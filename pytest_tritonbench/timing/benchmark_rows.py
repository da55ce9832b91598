"""The rows of a timed test in pytest-benchmark's table: one a side, in one group.

The table's relative column then is the speedup.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_tritonbench.timing.replay import Replay

CANDIDATE = "candidate"
REFERENCE = "reference"
COMPILED = "compile"

ROW = "row"
"""Key of ``extra_info`` that holds which side a row is of; no other benchmark's has it."""

_TIMER = Replay()
replayed = pytest.mark.benchmark(timer=_TIMER)
"""Decorator of every test that calls :func:`show`."""


@dataclass(frozen=True)
class Rows:
    """What one timed test measured."""

    task: str
    """Name of the task, with which the rows' names begin."""

    group: str
    """Title of their group: the task and what it was called on."""

    rows: Mapping[str, Sequence[float]]
    """Seconds of each timed call by side, of which one is ``candidate``; none is empty."""

    method: str
    """How they were taken, such as ``cuda-events``."""

    extra_info: Mapping[str, Any] = field(default_factory=dict)
    """What else is to be said of the candidate: plain data, as JSON has it."""


def show(benchmark: Any, timed: Rows) -> None:
    """Hand the rows of a test to pytest-benchmark.

    A row is called ``softmax[float16-m4096-n256] candidate``; its full name begins with the test's
    node id and ends in the same way, so that ``--benchmark-compare`` finds it again.

    Args:
        benchmark: pytest-benchmark's fixture of a test with the mark :data:`replayed`. It becomes
            the candidate's row.
        timed: What to show.

    Raises:
        TypeError: If something in ``extra_info`` is no plain data.
    """
    test, parameters, own = benchmark.fullname, benchmark.param, dict(benchmark.extra_info)
    told = json.loads(json.dumps(dict(timed.extra_info)))
    # The fixture serves once a test: every further row has a copy of its own.
    rows = {name: benchmark if name == CANDIDATE else copy.copy(benchmark) for name in timed.rows}
    for name, row in rows.items():
        case = f"[{parameters}]" if parameters else ""
        row.name, row.fullname = f"{timed.task}{case} {name}", f"{test} {name}"
        row.group = timed.group
        row.params = {key: _plain(value) for key, value in (benchmark.params or {}).items()}
        row.extra_info = {**own, ROW: name, "method": timed.method}
        row.extra_info |= told if name == CANDIDATE else {}
        # What runs in this process is not the kernel.
        row.cprofile = False
        _replay(row, [float(second) for second in timed.rows[name]], timed.method)


def _replay(row: Any, seconds: Sequence[float], method: str) -> None:
    _TIMER.load(seconds)
    row.pedantic(lambda: None, rounds=len(seconds))
    if row.disabled:
        return
    if not _TIMER.spent:
        raise RuntimeError(f"{row.fullname}: a test that shows rows needs the mark 'replayed'")
    row.stats.options["timer"] = method


def _plain(value: Any) -> Any:
    """A parameter as JSON has it: cases, answers and authors by their id."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(getattr(value, "id", value))
