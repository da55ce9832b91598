"""One part of a run that is divided among machines, as pytest has it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import pytest

from pytest_tritonbench.sharding import Shard, select

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

_ELSEWHERE = "tritonbench_elsewhere"


class Part:
    """Leaves the tests of other parts out.

    There may be more parts than files. Pytest calls a run without tests a failure, which it is for
    a typo in ``-k``; a part that has none while others have some is right, and ends as such.

    Args:
        shard: Which part.
        suites: Names of the published benchmarks, which are divided by task.
    """

    def __init__(self, shard: Shard, suites: Collection[str]) -> None:
        self._shard = shard
        self._suites = suites
        self._elsewhere = 0
        self._is_empty = False

    # After whatever else chooses among the tests: what it leaves is what the parts have.
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Keep the tests of this part."""
        items[:], others = select(items, self._shard, self._suites)
        self._elsewhere = len(others)
        config.hook.pytest_deselected(items=others)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerController) -> None:
        """With pytest-xdist, workers know what there is and the controller ends the run."""
        self._elsewhere = getattr(node, "workeroutput", {}).get(_ELSEWHERE, self._elsewhere)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """An empty part ends with success where others have tests."""
        told = getattr(session.config, "workeroutput", None)
        if told is not None:
            told[_ELSEWHERE] = self._elsewhere
        elif session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._elsewhere:
            self._is_empty = True
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say that the part is empty."""
        if self._is_empty:
            told = f"part {self._shard} has no tests: other parts have all {self._elsewhere}"
            terminalreporter.write_line(told)
