"""A skip always says why: a run with nothing but skips must not look like one that judged."""

import pytest

from tests.integration.project import Project


def test_later_phases_skip_when_call_failed(double: Project) -> None:
    """exec, fuzz and bench name the reason for which call failed; the records have it, too."""
    double.kernel(before="raise RuntimeError('not today')\n")
    result = double.run_here("-rs", "--tb-results", "out")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(failed=1, skipped=4)
    result.stdout.fnmatch_lines(["SKIPPED * call failed: exception"])
    records = double.records()
    assert [(r["phase"], r["outcome"], r["reason"]) for r in records if r["phase"] == "call"] == [
        ("call", "failed", "exception")
    ]
    assert {r["message"] for r in records if r["outcome"] == "skipped"} == {
        "call failed: exception"
    }


def test_a_task_without_a_kernel_is_skipped(double: Project) -> None:
    """A task that has no kernel file yet is skipped, told so, and the others are judged."""
    double.task("twice")
    result = double.run_here("-rs", "-m", "tb_call", "--tb-results", "out")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1, skipped=1)
    told = "no kernel file kernels/twice.py for the task 'twice'; write it to have it judged"
    result.stdout.fnmatch_lines([f"SKIPPED * {told}"])
    assert {r["message"] for r in double.records() if r["task"] == "twice"} == {told}


def test_a_kernel_that_is_not_utf8_fails(double: Project) -> None:
    """A kernel file in another encoding fails with file and line; it is not skipped."""
    path = double.kernel()
    path.write_bytes(b"# one\n# caf\xe9\n" + path.read_bytes())
    result = double.run_here()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*kernels/double.py:2: not UTF-8 (*); save the kernel file*"])


def test_a_kernel_that_cannot_be_read_fails(double: Project) -> None:
    """A folder where the kernel file should be fails with what the system says."""
    path = double.kernel()
    path.unlink()
    path.mkdir()
    result = double.run_here("-m", "tb_call")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*kernels/double.py: cannot read the kernel file: Is a directory*"]
    )
