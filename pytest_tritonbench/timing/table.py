"""pytest-benchmark's table, as a test that times kernels meets it."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_tritonbench.timing import bridge, machine
from pytest_tritonbench.timing.benchmark_rows import CANDIDATE, Rows, show
from pytest_tritonbench.timing.gates import Measured, interval_from_json


class Table:
    """Where one test shows what it measured, and finds what it measured before.

    Args:
        benchmark: pytest-benchmark's fixture, of a test with the mark ``replayed``.
        config: pytest's.
    """

    def __init__(self, benchmark: Any, config: pytest.Config) -> None:
        self._benchmark = benchmark
        self._config = config
        self._test = benchmark.fullname

    def show(self, timed: Rows) -> None:
        """Show rows; raises as :func:`~pytest_tritonbench.timing.benchmark_rows.show`."""
        show(self._benchmark, timed)

    @property
    def compares(self) -> bool:
        """Whether ``--benchmark-compare`` was given."""
        return bridge.compares(self._config)

    def saved(self) -> Measured | None:
        """The same test's speedup in what ``--benchmark-compare`` names, the latest first.

        Returns:
            ``None`` where nothing is to be compared with, or that has no such test.

        Raises:
            BaselineError: If what was saved of it is garbled.
        """
        wanted = f"{self._test} {CANDIDATE}"
        for path, data in reversed(bridge.compared(self._config)):
            for row in data["benchmarks"]:
                interval = row.get("extra_info", {}).get("interval")
                if row["fullname"] == wanted and interval is not None:
                    gpu = machine.model(data["machine_info"]) or "a GPU that it does not name"
                    return Measured(interval_from_json(interval), gpu, path)
        return None
