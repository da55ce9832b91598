"""`--tb-case`: one line that repeats a failure, taken from the output as it was printed."""

import shlex

import pytest

from tests.integration.project import Project

FUZZ = "references/double.py::test_fuzz"


def replay_line(result: pytest.RunResult) -> list[str]:
    """The arguments of the last replay line that a run printed."""
    lines = [line for line in result.outlines if line.strip().startswith("replay ")]
    word, program, *arguments = shlex.split(lines[-1])
    assert (word, program) == ("replay", "pytest")
    return arguments


def test_the_printed_line_repeats_the_failure(double: Project) -> None:
    """The line of a failure found by fuzzing fails again in the same way, on that case alone."""
    double.kernel(value="tl.where(n > 20, x * 3, x * 2)")
    found = double.run("-m", "tb_fuzz", "--hypothesis-seed", "1")
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    arguments = replay_line(found)
    assert arguments[0] == FUZZ
    again = double.run(*arguments, "--tb-results", "out")
    assert again.ret == pytest.ExitCode.TESTS_FAILED
    again.assert_outcomes(failed=1)

    def told(result: pytest.RunResult) -> list[str]:
        kept = ("double: ", "  worst", "  error", "  off", "  case", "  replay")
        return [line for line in result.outlines if line.startswith(kept)]

    assert told(again) == told(found)
    assert len(told(again)) == 6
    assert len(double.records()) == 1
    double.kernel()
    mended = double.run(*arguments)
    mended.assert_outcomes(passed=1)


def test_the_line_of_a_pinned_case_repeats_it_too(double: Project) -> None:
    """A failure of exec prints a line that works as well."""
    double.kernel(value="tl.where(n > 20, x * 3, x * 2)")
    found = double.run_here("-m", "tb_exec")
    again = double.run_here(*replay_line(found))
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["double: wrong-values: output has wrong values"])


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ('{"m": 2, "n": 3, "k": 4}', "the case has no 'k'; it takes m, n, x, dtype, pattern, seed"),
        ('{"b": 2, "h": 3}', "the case needs a size for the dim 'm' (at least 1), not None"),
        ('{"m": 2, "n": 0}', "the dim 'n' is at least 1, not 0"),
        ('{"m": 2, "n": 3, "dtype": "int8"}', "dtype 'int8' is none of this task's: float32"),
        ('{"m": 2, "n": 3, "x": "sideways"}', "'x' can be laid out as contiguous, *"),
    ],
)
def test_a_case_that_does_not_fit_the_task(double: Project, case: str, told: str) -> None:
    """A case of another task, or with an unknown part, is a usage error that says what fits."""
    result = double.run_here(FUZZ, "--tb-case", case)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    expected = f"ERROR: --tb-case does not fit the task 'double': {told}"
    result.stderr.fnmatch_lines([f"{expected}*"])


def test_a_misfit_is_told_by_workers_too(double: Project) -> None:
    """Under pytest-xdist the same words fail the test."""
    result = double.run_here(FUZZ, "--tb-case", '{"m": 2}', "-n", "1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*--tb-case does not fit the task 'double': *dim 'n'*"])


def test_other_phases_do_not_mind(double: Project) -> None:
    """`--tb-case` replaces what fuzz draws and nothing else."""
    line = '{"m": 2, "n": 3}'
    result = double.run_here("--tb-case", line, "--tb-results", "out")
    assert result.ret == pytest.ExitCode.OK
    phases = [record["phase"] for record in double.records()]
    assert phases == ["call", "exec", "exec", "fuzz", "bench"]
