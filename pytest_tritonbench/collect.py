"""A task file is a test module whose tests the plugin ships."""

from __future__ import annotations

import types
from collections.abc import Sequence

import pytest

from pytest_tritonbench import suite
from pytest_tritonbench.asked.authors import Author
from pytest_tritonbench.asked.stash import desk_of
from pytest_tritonbench.judge.vacuity import VacuousTaskError, refuse_vacuous
from pytest_tritonbench.nodes import TaskNode
from pytest_tritonbench.options import has_benchmark
from pytest_tritonbench.session import session_of
from pytest_tritonbench.task.loading import TaskFileError, load
from pytest_tritonbench.taskrun import TaskRun


class TaskModule(TaskNode):
    """A task file, collected as a module with the tests call, exec, fuzz and bench."""

    run: TaskRun

    def _getobj(self) -> types.ModuleType:
        session = session_of(self.config)
        try:
            taskfile = load(self.path)
            # Without pytest's cache provider there is no cache, not even the attribute.
            refuse_vacuous(taskfile, session, getattr(self.config, "cache", None))
        except (TaskFileError, VacuousTaskError) as e:
            raise self.CollectError(str(e)) from None
        self.run = TaskRun(session, taskfile, self.nodeid, desk_of(self.config))
        module = types.ModuleType(self.path.stem, doc=taskfile.task.doc)
        module.__file__ = str(self.path)
        benchmark = has_benchmark(self.config)
        for name, test in suite.tests(taskfile.task, with_benchmark=benchmark).items():
            test.__module__ = module.__name__
            setattr(module, name, test)
        return module


def parametrize(metafunc: pytest.Metafunc, authors: Sequence[Author] = ()) -> None:
    """Give every test its author, exec its pinned cases and bench its sweep.

    Args:
        metafunc: Of one test.
        authors: Who writes the kernels; none: they are files.
    """
    parent = metafunc.definition.getparent(TaskModule)
    if parent is None:
        return
    if authors:
        given = [pytest.param(author, id=author.id) for author in authors]
        metafunc.parametrize("tb", given, indirect=True)
    if "case" not in metafunc.fixturenames:
        return
    task = parent.run.task
    cases = task.sweep if metafunc.definition.originalname == "test_bench" else task.cases
    metafunc.parametrize("case", [pytest.param(case, id=case.id) for case in cases])
