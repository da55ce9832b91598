"""A kernel that became slower since a saved run fails, in a worker too.

The times are the interpreter's; what was saved of one kernel is edited to have been a hundred times
as fast.
"""

import json

import pytest

from tests.integration.made_up_times import read, saved
from tests.integration.project import Project
from tests.integration.timed_project import QUICK

BENCH = ("--benchmark-only", "--tb-bench-budget", "0.4", "--benchmark-columns=median")


@pytest.fixture
def kernels(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two kernels that were timed before; one of them was faster then."""
    monkeypatch.setenv("PYTEST_TRITONBENCH_TIME_ON_CPU", "1")
    for name in ("double", "twice"):
        project.task(name, QUICK)
        project.kernel(name)
    project.run_here(*BENCH, "--benchmark-save=then")
    (name,) = saved(project)
    then = read(project, name)
    for row in then["benchmarks"]:
        if row["name"].startswith("twice") and row["extra_info"]["row"] == "candidate":
            interval = row["extra_info"]["interval"]
            for bound in ("value", "low", "high"):
                interval[bound] *= 100
    (project.path / name).write_text(json.dumps(then), encoding="utf-8")
    return project


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["serial", "worker"])
def test_a_kernel_became_slower(kernels: Project, workers: tuple[str, ...]) -> None:
    """It fails by name and file, is shown all the same, and the one that did not is left alone."""
    gate = ("--benchmark-compare", "--tb-max-regression=900%")
    result = kernels.run(*BENCH, *gate, *workers)
    result.assert_outcomes(passed=1, failed=1, skipped=8)
    result.stdout.fnmatch_lines(
        [
            "*twice: *regression: *% of time * since *0001_then.json, allowed +900.0%*",
            "  replay   pytest '*' --tb-max-regression 9 --benchmark-compare",
            "twice[[]float32-m2-n16] candidate (NOW) *",
        ]
    )


def test_without_a_saved_run_there_is_nothing_to_regress_from(kernels: Project) -> None:
    """What merely lies there is not read; the end of the run says that nothing was compared."""
    result = kernels.run_here(*BENCH, "--tb-max-regression=900%")
    result.assert_outcomes(passed=2, skipped=8)
    result.stdout.fnmatch_lines(
        [
            "uncompared: 2 cases: nothing to compare with: give --tb-base REV or",
            "  --benchmark-compare",
            "gates: 2 uncompared",
        ]
    )


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["serial", "worker"])
def test_a_kernel_that_was_not_saved_is_told(kernels: Project, workers: tuple[str, ...]) -> None:
    """It passes, beside those that were compared."""
    kernels.task("third", QUICK)
    kernels.kernel("third")
    gate = ("--benchmark-compare", "--tb-max-regression=100000%")
    result = kernels.run(*BENCH, *gate, *workers)
    result.assert_outcomes(passed=3, skipped=12)
    result.stdout.fnmatch_lines(["uncompared: 1 case: nothing was saved of it by *"])
    result.stdout.fnmatch_lines(["gates: 2 passed, 1 uncompared"])


@pytest.mark.parametrize("strict", [False, True])
def test_what_cannot_be_told_is_named(kernels: Project, *, strict: bool) -> None:
    """An interval that holds the limit passes with its name, and fails only where that is asked."""
    (name,) = saved(kernels)
    then = read(kernels, name)
    for row in then["benchmarks"]:
        if row["extra_info"]["row"] == "candidate":
            row["extra_info"]["interval"]["low"] /= 1e6
            row["extra_info"]["interval"]["high"] *= 1e6
    (kernels.path / name).write_text(json.dumps(then), encoding="utf-8")
    gate = ("--benchmark-compare", "--tb-max-regression=2%")
    result = kernels.run(*BENCH, *gate, *(["--tb-strict-timing"] if strict else []))
    result.assert_outcomes(**{"failed" if strict else "passed": 2}, skipped=8)
    result.stdout.fnmatch_lines(
        [
            "ambiguous: *double.py::test_bench*",
            "  *% of time *",
            "ambiguous: *twice.py::test_bench*",
            "gates: 2 ambiguous",
        ]
    )
