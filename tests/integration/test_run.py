"""A whole run: what a user sees who has two folders and no configuration of the plugin."""

import pytest

from tests.integration.project import Project


def test_a_right_kernel_passes_every_phase(double: Project) -> None:
    """call, exec and fuzz pass; bench says why it cannot; each case leaves a record."""
    result = double.run_here("-rs", "--tb-gpu", "cpu", "--tb-results", "out")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=4, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "SKIPPED * no GPU here: a kernel is timed on the device or not at all",
        ]
    )
    result.stdout.fnmatch_lines(
        [
            "*= kernels =*",
            "task  *call  exec  fuzz  bench cases error/allowed",
            "double  *ok    ok    ok    -        28          0.00",
            "1 of 1 tasks good",
            f"records: {double.path / 'out' / 'records.jsonl'}",
        ]
    )
    records = double.records()
    count = {p: sum(r["phase"] == p for r in records) for p in ("call", "exec", "fuzz", "bench")}
    assert count == {"call": 1, "exec": 2, "fuzz": 25, "bench": 1}
    assert {r["schema"] for r in records} == {2}
    [skipped] = [r for r in records if r["outcome"] == "skipped"]
    assert skipped["phase"] == "bench"
    assert "no GPU" in skipped["message"]
    [called] = [r for r in records if r["phase"] == "call"]
    assert called["candidate"] == "kernels/double.py"
    assert called["launches"] == 1
    [kernel] = called["kernels"]
    assert (kernel["kernel"], kernel["target"]) == ("_rows", "sm_90")
    assert kernel["registers"] > 0
    assert kernel["spills"] == 0


def test_a_wrong_kernel_among_right_ones(double: Project) -> None:
    """Only the wrong task fails, the summary says where, and the exit code is 1."""
    double.task("twice")
    double.kernel("twice", value="x * 3")
    result = double.run("-m", "not tb_fuzz", "-q")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=4, failed=2, skipped=2)
    result.stdout.fnmatch_lines(
        [
            "double  *ok    ok          -*",
            "twice  *ok    FAIL        -*",
            "  exec: twice: wrong-values: output has wrong values",
            "1 of 2 tasks good, 1 not",
        ]
    )


def test_x_stops_at_the_first_failure(double: Project) -> None:
    """`-x` ends the run at the first failed case; the phases after it do not run."""
    double.kernel(value="x * 3")
    result = double.run_here("-x")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, failed=1)


def test_the_traceback_of_the_plugin_is_not_shown(double: Project) -> None:
    """A failure is the message about the kernel and nothing of the plugin's own code."""
    double.kernel(value="x * 3")
    result = double.run_here("-x")
    result.stdout.no_fnmatch_line("*pytest_tritonbench/*.py*")
    result.stdout.no_fnmatch_line("*Traceback*")


def test_reports_point_at_the_task(double: Project) -> None:
    """`-v` and `--durations` name the task file, and the location is the reference's line."""
    double.write(
        "conftest.py",
        """
        def pytest_collection_modifyitems(items):
            print({(item.location[0], item.location[1]) for item in items})
        """,
    )
    result = double.run_here("--co", "-q", "-s")
    line = (double.path / "references/double.py").read_text().splitlines().index("@task(")
    result.stdout.fnmatch_lines([f"{{('references/double.py', {line})}}"])
