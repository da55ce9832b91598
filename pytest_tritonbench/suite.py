"""The four tests of a task: call, exec, fuzz, bench."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.taskrun import TaskRun
from pytest_tritonbench.timing.benchmark_rows import replayed
from pytest_tritonbench.timing.table import Table


def tests(task: Task, *, with_benchmark: bool) -> dict[str, Callable[..., None]]:
    """The test functions of a task, by name.

    Args:
        task: The task.
        with_benchmark: Whether pytest-benchmark is there to take the timings.
    """

    def test_call(tb: TaskRun) -> None:
        tb.call()

    def test_exec(tb: TaskRun, case: Case) -> None:
        tb.exec(case)

    def test_fuzz(tb: TaskRun) -> None:
        tb.fuzz()

    @replayed
    def test_bench(tb: TaskRun, case: Case, benchmark: Any, request: pytest.FixtureRequest) -> None:
        if benchmark.disabled:
            # As --benchmark-disable has it: run it once and time nothing.
            benchmark(tb.untimed, case)
        else:
            tb.bench(case, Table(benchmark, request.config))

    def test_bench_alone(tb: TaskRun, case: Case) -> None:
        tb.bench(case)

    found: dict[str, Callable[..., None]] = {
        "test_call": test_call,
        "test_exec": test_exec,
        "test_fuzz": test_fuzz,
    }
    if task.sweep:
        found["test_bench"] = test_bench if with_benchmark else test_bench_alone
    for name, function in found.items():
        function.__name__ = function.__qualname__ = name
        found[name] = getattr(pytest.mark, f"tb_{name.removeprefix('test_')}")(function)
    return found
