"""Tasks of published benchmarks as pytest nodes; collecting them imports no torch."""

from __future__ import annotations

import re
import types
from collections.abc import Callable

import pytest

from pytest_tritonbench.imported.answers import Answered
from pytest_tritonbench.imported.phases import tests
from pytest_tritonbench.imported.plan import Plan
from pytest_tritonbench.imported.run import ImportedRun
from pytest_tritonbench.imported.selection import asks_for_times, selects, wanted
from pytest_tritonbench.nodes import TaskNode
from pytest_tritonbench.options import has_benchmark
from pytest_tritonbench.task.tritonbench.checkout import Upstream


class ImportedTask(TaskNode):
    """A task of a published benchmark, collected as a module."""

    run: ImportedRun
    answers: list[Answered]

    def _getobj(self) -> types.ModuleType:
        module = types.ModuleType(self.name, doc=self.run.task.description)
        config = self.config
        found = tests(
            with_benchmark=has_benchmark(config),
            timed=asks_for_times(config),
        )
        for name, test in found.items():
            test.__module__ = module.__name__
            setattr(module, name, test)
        return module


def markers_of(task: Upstream) -> list[str]:
    """Names of the markers of a task: its difficulty and the words of its family."""
    words = re.findall(r"[a-z0-9]+", (task.family or "").lower())
    levels = [] if task.difficulty is None else [f"difficulty{task.difficulty}"]
    return levels + [word for word in words if word.isidentifier()]


def declare_markers(plan: Plan, config: pytest.Config) -> None:
    """Let ``-m`` know the markers of every task of a plan."""
    names = {name for c in plan.channels for task in c.tasks.values() for name in markers_of(task)}
    for name in sorted(names):
        config.addinivalue_line("markers", f"{name}: of tasks of a published benchmark")


def collect(
    session: pytest.Session, plan: Plan, make: Callable[[Upstream, str], ImportedRun]
) -> list[pytest.Item]:
    """The tests of every imported task that was asked for.

    Args:
        session: pytest's, whose nodes they become.
        plan: The suites and the answers.
        make: Makes what runs a task of a suite.
    """
    config = session.config
    items: list[pytest.Item] = []
    for channel in plan.channels:
        for task in channel.tasks.values():
            nodeid = f"{channel.suite}::{task.name}"
            if not wanted(config, nodeid):
                continue
            node = ImportedTask.from_parent(session, path=task.path, nodeid=nodeid, name=task.name)
            node.run = make(task, channel.suite)
            node.answers = plan.answers(channel, task)
            for marker in markers_of(task):
                node.add_marker(marker)
            items += [item for item in session.genitems(node) if selects(config, item.nodeid)]
    return items


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Give the tests of an imported task its answers."""
    node = metafunc.definition.getparent(ImportedTask)
    if node is not None:
        answers = [pytest.param(answer, id=answer.id) for answer in node.answers]
        metafunc.parametrize("answer", answers)
