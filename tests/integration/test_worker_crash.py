"""A worker of pytest-xdist dies in the middle of a task."""

import pytest

from tests.integration.project import Project
from tests.warm import VARIABLE

CONFTEST = """
    import os

    from pytest_tritonbench.taskrun import TaskRun

    def exec_(self, case):
        if self.task.name == "double" and case.values["n"] == 5:
            os._exit(9)

    TaskRun.exec = exec_
"""


@pytest.fixture(autouse=True)
def real(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have workers be real interpreters: what pytest-xdist sees of their end is the point."""
    monkeypatch.delenv(VARIABLE, raising=False)


def test_the_test_it_died_of_is_lost_and_no_other(double: Project) -> None:
    """It fails once, and a replacement runs what is left of the task and the tasks after it."""
    double.task("twice")
    double.kernel("twice")
    double.write("conftest.py", CONFTEST)
    result = double.run("-n", "1", "-m", "tb_exec", "-v")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        ["*worker 'gw0' crashed while running 'references/double.py::test_exec[[]float32-m2-n5]'*"]
    )


def test_it_dies_of_the_last_test(double: Project) -> None:
    """A replacement that finds nothing to do ends, though tasks of the dead one are done."""
    double.task("another")
    double.kernel("another")
    double.write("conftest.py", CONFTEST.replace("== 5", "== 33"))
    result = double.run("-n", "1", "-m", "tb_exec")
    result.assert_outcomes(passed=3, failed=1)
