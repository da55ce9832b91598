"""How pytest-xdist hands tests out: a task stays together, everything else goes one by one."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


class TaskScheduling(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist is not typed
    """Sends all tests of a task to one worker.

    Args:
        config: pytest's.
        log: pytest-xdist's.
        references: Globs of task files.
        suites: Names of published benchmarks, whose tasks stay together as well.
    """

    def __init__(
        self,
        config: pytest.Config,
        log: Any,
        references: tuple[str, ...],
        suites: tuple[str, ...] = (),
    ) -> None:
        super().__init__(config, log)
        self._references = references
        self._suites = suites

    def remove_node(self, node: Any) -> str | None:
        """Give up the test that a worker died of, and hand the others of its on.

        pytest-xdist would run that test again in every replacement, and hand out tasks whose tests
        are all done, which leaves a replacement without work waiting for ever.

        Args:
            node: The worker, which has ended or died.

        Returns:
            The test that it died of.
        """
        tasks: dict[str, dict[str, bool]] = self.assigned_work.pop(node)
        left = [(task, test) for task, ran in tasks.items() for test in ran if not ran[test]]
        if not left:
            return None
        task, died_of = left[0]
        tasks[task][died_of] = True
        self.workqueue.update({t: ran for t, ran in tasks.items() if not all(ran.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return died_of

    def _reschedule(self, node: Any) -> None:
        """Give a worker that is running out of tests another task.

        It begins a test once it knows of the next one, so that it needs two. More would wait for
        it while others have nothing to do: a test may take minutes.
        """
        if node.shutting_down:
            return
        while self.workqueue:
            if self._pending_of(self.assigned_work[node]) > 1:
                return
            self._assign_work_unit(node)
        if self._pending_of(self.assigned_work[node]) <= 1:
            # Nothing will follow: the last test need not wait for it.
            node.shutdown()

    def _split_scope(self, nodeid: str) -> str:
        """What is sent together: the name of the scope that a test belongs to."""
        path, _, rest = nodeid.partition("::")
        if path in self._suites:
            return f"{path}::{rest.partition('::')[0]}"
        return path if any(PurePath(path).match(g) for g in self._references) else nodeid
