"""`--tb-target`: without a GPU, kernels are compiled for the GPUs that they are meant for."""

import pytest

from tests.integration.project import Project


def test_a_kernel_is_compiled_for_every_target(double: Project) -> None:
    """The record of call has a report of every kernel for every target."""
    result = double.run_here(
        *("-m", "tb_call", "--tb-target", "sm_80,gfx942", "--tb-results", "out")
    )
    assert result.ret == pytest.ExitCode.OK
    [record] = double.records()
    assert sorted(kernel["target"] for kernel in record["kernels"]) == ["gfx942", "sm_80"]


def test_what_the_compiler_rejects_fails_call(double: Project) -> None:
    """A kernel that only the interpreter accepts fails, with the line that Triton names."""
    double.kernel(value="tl.reshape(x, (BLOCK // 2,), can_reorder=False)")
    result = double.run_here("-m", "tb_call")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["double: compile-error: *", "  kernel   kernels/double.py:12*"])
