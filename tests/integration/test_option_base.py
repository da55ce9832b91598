"""``--tb-base REV``: the kernels of a git revision are timed in the same blocks as today's."""

from typing import Any

import pytest

from tests.integration.project import Project
from tests.integration.timed_project import TimedProject, git

SLEEPS = "import time\ntime.sleep(0.03)\n"


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> TimedProject:
    """A run whose kernels differ from those of the last commit in various ways."""
    project = TimedProject(tmp_path_factory.mktemp("base"))
    project.quick("slower")
    project.quick("faster", before=SLEEPS)
    project.quick("same")
    project.quick("mended", value="x * 3")
    git(project.path, "init", "-q")
    git(project.path, "add", ".")
    git(project.path, "commit", "-q", "-m", "before")
    project.quick("slower", before=SLEEPS)
    project.quick("faster")
    project.quick("mended")
    project.quick("new")
    project.time("--tb-base", "HEAD", "--tb-max-regression", "50%", "--tb-bench-budget", "1.5")
    return project


def against(project: TimedProject, task: str) -> dict[str, Any]:
    """What a record says of the revision."""
    (record,) = (record for record in project.records() if record["task"] == task)
    found: dict[str, Any] = record["timing"]["against"]
    return found


def test_a_regression_fails(compared: TimedProject) -> None:
    """Today's kernel takes many times as long, and the message says since when."""
    assert compared.outcome("slower") == ("failed", "regression")
    assert against(compared, "slower")["HEAD"]["speedup"] < 0.7
    assert "% of time" in compared.output
    assert "since HEAD, allowed +50.0%" in compared.output
    assert "test_bench[float32-m2-n16]' --tb-max-regression 0.5 --tb-base HEAD" in compared.output


def test_the_work_tree_is_left_alone(compared: TimedProject) -> None:
    """What is being edited is neither checked out nor stashed."""
    assert "sleep" in (compared.path / "kernels" / "slower.py").read_text()


def test_a_kernel_that_became_faster_passes(compared: TimedProject) -> None:
    """The gate looks one way only."""
    assert compared.outcome("faster") == ("passed", None)
    assert against(compared, "faster")["HEAD"]["speedup"] > 1.5


@pytest.mark.parametrize("task", ["same", "new"])
def test_what_is_the_same_or_new_is_timed_once(compared: TimedProject, task: str) -> None:
    """It cannot have become slower."""
    assert compared.outcome(task) == ("passed", None)
    assert against(compared, task) == {}


def test_a_kernel_that_was_wrong_is_no_measure(compared: TimedProject) -> None:
    """Today's passes, and the record says what was wrong with that of the revision."""
    assert compared.outcome("mended") == ("passed", None)
    assert against(compared, "mended") == {"HEAD": {"error": "wrong-values"}}


def test_the_end_of_the_run_says_what_was_compared(compared: TimedProject) -> None:
    """What is new or was wrong has nothing to be slower than, and does not go unsaid."""
    assert "uncompared: 1 case: there is no such kernel at HEAD" in compared.output
    assert "uncompared: 1 case: the kernel at HEAD has no time: wrong-values" in compared.output
    assert "gates: 2 passed, 1 failed, 2 uncompared" in compared.output
    gates = {one["task"]: one["timing"]["gates"] for one in compared.records()}
    same = {"gate": "max-regression", "outcome": "passed"}
    assert gates["same"] == [same | {"message": "the kernel is the same as at HEAD"}]


def test_a_revision_that_is_not_there_is_refused(project: Project) -> None:
    """Before anything runs, with what would be right."""
    git(project.path, "init", "-q")
    done = project.run("--tb-base", "nowhere")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*--tb-base: there is no revision 'nowhere'*"])
