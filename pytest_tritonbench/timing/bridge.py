"""Workers of pytest-xdist time kernels, and the controller shows what they measured.

pytest-benchmark switches itself off under pytest-xdist, and refuses ``--benchmark-only``: what is
timed beside busy neighbours is noise. That holds for a benchmark of the CPU, and stays as it is. A
kernel has its GPU to itself while it is timed, in whichever worker.

The private names of pytest-benchmark that this needs are all in this module:
``config._benchmarksession`` with ``benchmarks``, ``disabled``, ``only``, ``skip``, ``storage`` and
``xdist_benchmark_found``, and ``stats.Metadata`` with what it reads off a fixture. They are touched
only in runs that time kernels.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Generator
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import pytest

ATTRIBUTE = "tb_benchmarks"
"""Name of the attribute that carries rows on a report; pytest-xdist serialises plain data."""

_COMPARED = pytest.StashKey[Any]()
_LOADED = pytest.StashKey[list[tuple[str, dict[str, Any]]]]()

# What Metadata reads off a fixture, and holds under the same name.
_OF_FIXTURE = ("name", "fullname", "group", "param", "params", "extra_info", "has_error")


def install(config: pytest.Config, has_tasks: Callable[[], bool]) -> None:
    """Register this process's half of a run whose tests are distributed.

    To be called in ``pytest_configure``, before pytest-benchmark reads its options.

    Args:
        config: pytest's, with pytest-benchmark.
        has_tasks: Says whether the run has kernels to time; asked only where it matters.
    """
    side = (Worker if hasattr(config, "workerinput") else Controller)(config)
    side.prepare(has_tasks)
    config.pluginmanager.register(side, "tritonbench-benchmark-bridge")


def is_timed(item: pytest.Item) -> bool:
    """Whether a test times kernels and has pytest-benchmark's fixture."""
    if not {"benchmark", "tb"} <= set(getattr(item, "fixturenames", ())):
        return False
    from pytest_tritonbench.nodes import run_of  # noqa: PLC0415 - only where there is a task

    return run_of(item) is not None


def compares(config: pytest.Config) -> bool:
    """Whether ``--benchmark-compare`` was given; in a worker too."""
    return bool(_wanted(config))


def compared(config: pytest.Config) -> list[tuple[str, dict[str, Any]]]:
    """The saved runs that ``--benchmark-compare`` names, in a worker too, the latest last.

    Args:
        config: pytest's, with pytest-benchmark.

    Returns:
        For each the path of its file and what is in it.
    """
    if _LOADED not in config.stash:
        wanted = _wanted(config)
        loaded = []
        if wanted:
            storage = _session_of(config).storage
            loaded = list(storage.load())[-1:] if wanted is True else list(storage.load(wanted))
        config.stash[_LOADED] = [(str(path), data) for path, data in loaded]
    return config.stash[_LOADED]


def _wanted(config: pytest.Config) -> Any:
    """What ``--benchmark-compare`` was given, which workers have set aside."""
    return config.stash.get(_COMPARED, config.option.benchmark_compare)


def _session_of(config: pytest.Config) -> Any:
    """pytest-benchmark's own session."""
    return config._benchmarksession  # type: ignore[attr-defined]  # noqa: SLF001 - see above


class _Side:
    """What both halves do: have pytest-benchmark accept ``--benchmark-only``."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        option = config.option
        self._wanted = option.benchmark_enable or not option.benchmark_disable
        self._hidden = False

    @property
    def _session(self) -> Any:
        return _session_of(self._config)

    def prepare(self, has_tasks: Callable[[], bool]) -> None:
        """Hide what pytest-benchmark would refuse, where there are kernels to time."""
        option = self._config.option
        if option.benchmark_only and self._wanted and has_tasks():
            self._hidden, option.benchmark_only = True, False

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Show it again, before anything is collected."""
        if self._hidden:
            self._config.option.benchmark_only = self._session.only = True
            # As pytest-benchmark decides where both are given.
            self._session.skip = False


class Worker(_Side):
    """Times kernels and sends the rows with the reports: these survive a crash."""

    def prepare(self, has_tasks: Callable[[], bool]) -> None:
        """Leave comparing to the controller as well: each worker would warn of the same."""
        super().prepare(has_tasks)
        option = self._config.option
        if option.benchmark_compare and has_tasks():
            self._config.stash[_COMPARED], option.benchmark_compare = option.benchmark_compare, []

    @pytest.hookimpl(wrapper=True)
    def pytest_collection_modifyitems(
        self, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Let pytest-benchmark warn of benchmarks that are off only where there are some."""
        yield
        asking = [item for item in items if "benchmark" in getattr(item, "fixturenames", ())]
        if asking and all(is_timed(item) for item in asking):
            self._session.xdist_benchmark_found = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Switch benchmarking on for the time of a test that times kernels."""
        if not (self._wanted and is_timed(item)):
            return (yield)
        before, self._session.disabled = self._session.disabled, False
        try:
            return (yield)
        finally:
            self._session.disabled = before

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the rows of a test on its report."""
        report = yield
        if report.when == "call" and is_timed(item):
            # No other benchmark is on in a worker: what has come in is this test's.
            rows = self._session.benchmarks
            setattr(report, ATTRIBUTE, [_sent(row) for row in rows])
            rows.clear()
        return report


class Controller(_Side):
    """Shows, saves and compares the rows that arrive, in the order of their names."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the rows off a report."""
        rows = getattr(report, ATTRIBUTE, None)
        if rows is None:
            return
        # From here on it says where nothing was measured, as it does without pytest-xdist.
        self._session.disabled = not self._wanted
        for row in rows:
            insort(self._session.benchmarks, _received(row), key=attrgetter("fullname"))


def _sent(row: Any) -> dict[str, Any]:
    """A row as plain data."""
    return {
        "fixture": {name: getattr(row, name) for name in _OF_FIXTURE},
        "iterations": row.iterations,
        "options": dict(row.options),
        "seconds": list(row.stats.data),
    }


def _received(sent: dict[str, Any]) -> Any:
    """The row that was sent."""
    from pytest_benchmark.stats import (  # noqa: PLC0415 - only where there are rows
        Metadata,
    )

    fixture = SimpleNamespace(cprofile_stats=None, **sent["fixture"])
    row = Metadata(fixture, iterations=sent["iterations"], options=sent["options"])
    for second in sent["seconds"]:
        row.stats.update(second)
    return row
