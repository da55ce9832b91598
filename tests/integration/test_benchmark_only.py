"""pytest-benchmark's own switches choose timing or leave it out."""

import pytest

from tests.integration.project import Project


def test_benchmark_only_without_a_gpu(double: Project) -> None:
    """`--benchmark-only` skips the other phases, and bench with its own reason."""
    result = double.run_here("--benchmark-only", "-rs")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(skipped=5)
    result.stdout.fnmatch_lines(["SKIPPED * no GPU here: a kernel is timed on the device*"])


def test_benchmark_skip(double: Project) -> None:
    """`--benchmark-skip` leaves only timing out."""
    result = double.run_here("--benchmark-skip", "--tb-examples", "3")
    result.assert_outcomes(passed=4, skipped=1)
