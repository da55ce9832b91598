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

    def _split_scope(self, nodeid: str) -> str:
        """What is sent together: the name of the scope that a test belongs to."""
        path, _, rest = nodeid.partition("::")
        if path in self._suites:
            return f"{path}::{rest.partition('::')[0]}"
        return path if any(PurePath(path).match(g) for g in self._references) else nodeid
