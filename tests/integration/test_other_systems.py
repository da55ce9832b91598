"""The sandbox is made of Linux processes: elsewhere a task is refused with a way out."""

import pytest

from tests.integration.project import Project

PRETENDED = """
import types

from pytest_tritonbench import plugin

plugin.sys = types.SimpleNamespace(platform="darwin")
"""


def test_another_system_is_refused_where_there_are_tasks(project: Project) -> None:
    """Elsewhere a task is a collection error, and a repository without tasks is left alone."""
    project.write("conftest.py", PRETENDED)
    project.write("references/notes.py", "")
    project.write("test_plain.py", "def test_plain(): pass\n")
    project.run("test_plain.py").assert_outcomes(passed=1)
    assert project.run("references").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    project.task()
    done = project.run("references")
    assert done.ret == pytest.ExitCode.INTERRUPTED
    done.stdout.fnmatch_lines(["*this is darwin; run pytest in WSL 2 or in a Linux container*"])
