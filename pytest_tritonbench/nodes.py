"""What the hooks know of a task: a node whose tests the plugin ships, and what runs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from pytest_tritonbench.report.records import Record

if TYPE_CHECKING:
    from pytest_tritonbench.asked.authors import Author
    from pytest_tritonbench.asked.topics import Topic


class PhaseRun(Protocol):
    """A task and its candidates on their way through the phases."""

    records: list[Record]
    """What the current test has found so far."""

    silent: bool
    """Whether an earlier run has the current test's record."""

    @property
    def line(self) -> int:
        """Line in the task's file that a report points at, counted from 1."""

    def enter(self, phase: str, test: str, parameters: Mapping[str, Any]) -> None:
        """Enter a test: what is recorded from here on is of its phase."""

    def asks(self, parameters: Mapping[str, Any]) -> tuple[Topic, Author] | None:
        """What a test with these parameters needs of a model; ``None`` if nothing."""

    def begin(self) -> None:
        """Make ready for the test that was entered, or skip it and say why."""

    def refuse_misfit(self) -> None:
        """Refuse a case to replay that does not fit the task.

        Raises:
            ValueError: If it does not.
        """

    def record(self, outcome: str, **found: Any) -> Record:
        """A record of the current test."""

    def close(self) -> None:
        """End what was started for the task."""


class TaskNode(pytest.Module):
    """A task, collected as a module with the tests call, exec, fuzz and bench."""

    run: PhaseRun


def run_of(item: pytest.Item) -> PhaseRun | None:
    """What runs a test of a task; ``None`` for every other test."""
    if "tb" not in getattr(item, "fixturenames", ()):
        return None
    node = item.getparent(TaskNode)
    return None if node is None else node.run
