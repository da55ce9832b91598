"""The tests that every imported task has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_tritonbench.imported.answers import Answered
from pytest_tritonbench.imported.run import ImportedRun
from pytest_tritonbench.timing.benchmark_rows import replayed, show


def tests(*, with_benchmark: bool, timed: bool) -> dict[str, Callable[..., None]]:
    """The test functions of an imported task, by name.

    Args:
        with_benchmark: Whether pytest-benchmark is there to take the timings.
        timed: Whether answers are to be timed: on a large suite that takes hours.
    """

    def test_call(tb: ImportedRun, answer: Answered) -> None:
        del answer
        if not tb.ended_before():
            tb.call()

    def test_exec(tb: ImportedRun, answer: Answered) -> None:
        del answer
        if not tb.ended_before():
            tb.exec()

    def test_fuzz(tb: ImportedRun, answer: Answered) -> None:
        del answer
        if not tb.ended_before():
            tb.fuzz()

    found: dict[str, Callable[..., None]] = {
        "test_call": test_call,
        "test_exec": test_exec,
        "test_fuzz": test_fuzz,
    }
    if timed:
        found["test_bench"] = _timed() if with_benchmark else _timed_alone()
    for name, function in found.items():
        function.__name__ = function.__qualname__ = name
        found[name] = getattr(pytest.mark, f"tb_{name.removeprefix('test_')}")(function)
    return found


def _timed() -> Callable[..., None]:
    @replayed
    def test_bench(tb: ImportedRun, answer: Answered, benchmark: Any) -> None:
        del answer
        if benchmark.disabled:
            pytest.skip("--benchmark-disable: an answer's bench does nothing but time it")
        show(benchmark, tb.bench())

    made: Callable[..., None] = test_bench
    return made


def _timed_alone() -> Callable[..., None]:
    def test_bench(tb: ImportedRun, answer: Answered) -> None:
        del answer
        tb.bench()

    return test_bench
