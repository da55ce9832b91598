"""`--lf` and `--ff` run what failed, by case: fixing one shape of a kernel is a short loop."""

import pytest

from tests.integration.project import Project


def test_lf_repeats_the_failed_case_only(double: Project) -> None:
    """After a run in which one pinned case failed, `--lf` runs that case and no other."""
    double.kernel(value="tl.where(n > 32, x * 3, x * 2)")
    first = double.run_here("-m", "tb_call or tb_exec")
    first.assert_outcomes(passed=2, failed=1)
    second = double.run_here("-m", "tb_call or tb_exec", "--lf", "-v")
    second.assert_outcomes(failed=1)
    second.stdout.fnmatch_lines(["*test_exec?float32-m1-n33? FAILED*"])
    double.kernel()
    assert double.run_here("-m", "tb_call or tb_exec", "--lf").ret == pytest.ExitCode.OK
