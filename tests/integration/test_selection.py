"""Selection: a task's tests are ordinary pytest items, so every way to pick tests picks them."""

import pytest

from tests.integration.project import Project

CALL = "references/double.py::test_call"
SHORT = "references/double.py::test_exec[float32-m2-n5]"
LONG = "references/double.py::test_exec[float32-m1-n33]"
FUZZ = "references/double.py::test_fuzz"
BENCH = "references/double.py::test_bench[float32-m64-n1024]"


@pytest.fixture
def two(double: Project) -> Project:
    """Two tasks."""
    double.task("twice")
    double.kernel("twice")
    return double


def listed(result: pytest.RunResult) -> list[str]:
    """Node ids that ``--co -q`` prints."""
    return [line for line in result.outlines if "::" in line]


def test_co_lists_the_phases_in_order(double: Project) -> None:
    """`--co -q` prints one id a test, call before exec before fuzz before bench."""
    result = double.run_here("--co", "-q")
    assert result.ret == pytest.ExitCode.OK
    assert listed(result) == [CALL, SHORT, LONG, FUZZ, BENCH]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-k", "twice and call"], [CALL.replace("double", "twice")]),
        (["-k", "n33"], [LONG, LONG.replace("double", "twice")]),
        (["-m", "tb_fuzz"], [FUZZ, FUZZ.replace("double", "twice")]),
        (["-m", "tb_exec or tb_bench", "-k", "double"], [SHORT, LONG, BENCH]),
        ([LONG], [LONG]),
        ([FUZZ, CALL], [FUZZ, CALL]),
        (["references/double.py"], [CALL, SHORT, LONG, FUZZ, BENCH]),
        (
            ["--deselect", "references/double.py", "-m", "tb_call"],
            [CALL.replace("double", "twice")],
        ),
    ],
    ids=lambda value: None if value and "::" in value[0] else "_".join(value),
)
def test_tests_are_picked(two: Project, arguments: list[str], expected: list[str]) -> None:
    """-k, -m, --deselect, files and node ids pick what they say and nothing else."""
    result = two.run_here("--co", "-q", "--strict-markers", *arguments)
    assert result.ret == pytest.ExitCode.OK
    assert listed(result) == expected


def test_an_id_that_is_not_there_is_a_usage_error(double: Project) -> None:
    """A node id of a case that the task does not pin is refused, not passed over."""
    result = double.run_here("references/double.py::test_exec[float32-m9-n9]")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: not found: *references/double.py::test_exec*"])


def test_picked_tests_run_without_the_phases_before_them(double: Project) -> None:
    """An explicit test_exec runs by itself: call did not fail, it was not asked for."""
    result = double.run_here(LONG)
    result.assert_outcomes(passed=1)
