"""`--tb-kernels`: the same tasks judge another folder of kernels."""

import pytest

from tests.integration.project import Project


def test_the_folder_is_taken_from_the_root(double: Project) -> None:
    """Kernels come from the named folder, and messages show the file as it was named."""
    double.kernel(value="x * 3").rename(double.path / "other.py")
    (double.path / "mine").mkdir()
    (double.path / "other.py").rename(double.path / "mine" / "double.py")
    result = double.run_here("-m", "tb_exec", "--tb-kernels", "mine", "--tb-results", "out")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["  kernel   mine/double.py"])
    assert {r["candidate"] for r in double.records()} == {"mine/double.py"}


def test_a_folder_without_the_kernel(double: Project) -> None:
    """An empty folder skips every task and says so in the summary."""
    (double.path / "mine").mkdir()
    result = double.run_here("--tb-kernels", "mine")
    result.assert_outcomes(skipped=5)
    result.stdout.fnmatch_lines(["  no kernel file mine/double.py for the task*"])
