"""Saved times of kernels are compared with, unless they are of another model of GPU."""

from collections.abc import Callable

import pytest

from tests.integration.made_up_times import CASE, saved, timed
from tests.integration.project import Project

# pytest-benchmark's own, of all that differs between two machines.
pytestmark = pytest.mark.filterwarnings("ignore:Benchmark machine_info is different")

Run = Callable[..., pytest.RunResult]
H200, H100 = "NVIDIA H200", "NVIDIA H100 80GB HBM3"


@pytest.fixture
def kernels(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two tasks whose kernels have times, saved on an H200."""
    monkeypatch.setenv("GPU", H200)
    timed(project).run_here("--benchmark-only", "--benchmark-save=then")
    return project


@pytest.fixture(params=["serial", "workers"])
def run(request: pytest.FixtureRequest, kernels: Project) -> Run:
    """Runs pytest, in this process or with a worker."""
    if request.param == "serial":
        return kernels.run_here
    return lambda *arguments: kernels.run("-n", "1", *arguments)


def test_then_and_now(run: Run) -> None:
    """`--benchmark-compare` puts each side's saved time beside the one of now."""
    result = run("--benchmark-only", "--benchmark-compare", "--benchmark-columns=median")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines_random(
        [
            f"*- benchmark 'double[[]{CASE}]': 4 tests -*",
            f"double[[]{CASE}] candidate (NOW)  *",
            f"double[[]{CASE}] candidate (0001_then) *",
            f"double[[]{CASE}] reference (NOW)  *",
            f"double[[]{CASE}] reference (0001_then) *",
        ]
    )
    told = [line for line in result.errlines if line.startswith("Comparing against benchmarks")]
    assert len(told) == 1, "once, and not in every worker"


def test_a_regression_ends_with_an_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--benchmark-compare-fail` names the kernel and the case that became slower."""
    monkeypatch.setenv("SLOWER", "1.2")
    result = run("--benchmark-only", "--benchmark-compare=0001", "--benchmark-compare-fail=min:5%")
    assert result.ret not in (pytest.ExitCode.OK, pytest.ExitCode.USAGE_ERROR)
    told = result.errlines + result.outlines
    assert any(line.startswith(f"\tdouble[{CASE}] candidate (0001_then) - ") for line in told)
    assert not any(line.startswith(f"\tdouble[{CASE}] reference") for line in told)
    assert any("Performance has regressed" in line for line in told)


def test_no_regression(run: Run) -> None:
    """Times within what `--benchmark-compare-fail` allows pass."""
    result = run("--benchmark-only", "--benchmark-compare=0001", "--benchmark-compare-fail=min:5%")
    assert result.ret == pytest.ExitCode.OK


def test_another_gpu_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of another model end the run before it begins; the message says what can be done."""
    monkeypatch.setenv("GPU", H100)
    result = run("--benchmark-only", "--benchmark-compare")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = f"ERROR: --benchmark-compare: the run of * was measured on {H200}, and this is {H100}: *"
    result.stderr.fnmatch_lines([f"{told}give --tb-any-gpu"])
    assert not any(CASE in line for line in result.outlines)


def test_another_gpu_may_be_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--tb-any-gpu` compares all the same."""
    monkeypatch.setenv("GPU", H100)
    result = run("--benchmark-only", "--benchmark-compare", "--tb-any-gpu")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"double[[]{CASE}] candidate (NOW)  *"])


def test_a_test_finds_what_was_saved_of_it(
    kernels: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate has the saved speedup, its GPU and its file, in a worker too; without, it has none."""
    monkeypatch.setenv("SAVED", str(kernels.path / "saved"))
    run("--benchmark-only", "--benchmark-compare", "-k", "double")
    run("--benchmark-only", "-k", "twice")
    found = (kernels.path / "saved").read_text(encoding="utf-8").splitlines()
    assert found[1] == "twice None"
    assert found[0].startswith("double Measured(speedup=Interval(value=2.0, low=1.9, high=2.1,")
    assert f"gpu='{H200}', source='" in found[0]
    assert found[0].endswith("/0001_then.json')")


def test_without_a_gpu_there_is_nothing_to_refuse(
    kernels: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is timed, a saved run of a GPU is no reason to end the run."""
    monkeypatch.setenv("GPU", "none")
    result = kernels.run_here("--benchmark-compare", "-m", "tb_call")
    assert result.ret == pytest.ExitCode.OK


def test_plain_benchmarks_are_compared_across_gpus(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was saved of the CPU alone is no matter of the GPU."""
    timed(project)
    monkeypatch.setenv("GPU", H200)
    project.run_here("--benchmark-save=then", "tests")
    (name,) = saved(project)
    assert name.endswith("0001_then.json")
    monkeypatch.setenv("GPU", H100)
    result = project.run_here("tests", "--benchmark-compare")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["test_sum (NOW)  *"])
