"""Repositories without kernels, and environments without a plugin, see nothing of the bridge."""

import json

import pytest

from tests.integration.made_up_times import CASE, CPU_BENCHMARK, timed
from tests.integration.project import Project


@pytest.fixture
def elsewhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A repository of benchmarks of the CPU."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(test_cpu=CPU_BENCHMARK)
    # It merely has a folder of the name.
    (pytester.mkdir("references") / "notes.py").write_text("raise SystemExit('was run')\n")
    return pytester


def test_only_with_workers_stays_an_error(elsewhere: pytest.Pytester) -> None:
    """Without kernels, `--benchmark-only -n 2` is pytest-benchmark's own usage error."""
    result = elsewhere.runpytest_subprocess("-n", "2", "--benchmark-only", timeout=60)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*Can't have both --benchmark-only and --benchmark-disable*"])


def test_a_file_of_kernels_elsewhere_in_the_tree_counts(project: Project) -> None:
    """Task files are looked for in what pytest was told to run, at any depth."""
    timed(project)
    (project.path / "references").rename(project.path / "deep")
    (project.path / "a/b").mkdir(parents=True)
    (project.path / "deep").rename(project.path / "a/b/references")
    inside = project.run("-n", "2", "--benchmark-only", "--co", "-q", "a")
    assert inside.ret == pytest.ExitCode.OK
    beside = project.run("-n", "2", "--benchmark-only", "--co", "-q", "tests")
    assert beside.ret == pytest.ExitCode.USAGE_ERROR


def test_saved_files_are_as_before(elsewhere: pytest.Pytester) -> None:
    """What is saved of other benchmarks is not told of GPUs."""
    result = elsewhere.runpytest_subprocess("--benchmark-json=o.json", timeout=60)
    result.assert_outcomes(passed=1)
    saved = json.loads((elsewhere.path / "o.json").read_text(encoding="utf-8"))
    assert not {"gpu", "triton"} & saved["machine_info"].keys()
    assert "row" not in saved["benchmarks"][0]["extra_info"]


def test_workers_leave_plain_benchmarks_off(elsewhere: pytest.Pytester) -> None:
    """Under `-n 2` benchmarks of the CPU are run once, and pytest-benchmark says why."""
    result = elsewhere.runpytest_subprocess(
        "-n", "2", "--benchmark-json=o.json", "--benchmark-enable", timeout=60
    )
    result.assert_outcomes(passed=1)
    result.stderr.fnmatch_lines(["*disabled because xdist plugin is active*"])
    assert not (elsewhere.path / "o.json").exists()


def test_nothing_is_imported_in_vain(elsewhere: pytest.Pytester) -> None:
    """With pytest-benchmark, a run without tasks loads one module for it, nothing behind that."""
    elsewhere.makepyfile(
        test_light="""
        import sys

        NEEDLESS = ("torch", "triton", "numpy", "pynvml", "pytest_tritonbench.sandbox")

        def test_nothing_needless_was_imported():
            timing = {name for name in sys.modules if name.startswith("pytest_tritonbench.timing.")}
            assert timing == {"pytest_tritonbench.timing.benchmark_plugin"}
            assert not [name for name in sys.modules if name.startswith(NEEDLESS)]
        """
    )
    result = elsewhere.runpytest_subprocess("test_light.py", timeout=60)
    result.assert_outcomes(passed=1)


def test_without_pytest_benchmark(project: Project) -> None:
    """Kernels are timed all the same, serial and in workers; there is only no table."""
    timed(project)
    for workers in ((), ("-n", "2")):
        result = project.run("-p", "no:benchmark", *workers, "-m", "tb_bench")
        assert result.ret == pytest.ExitCode.OK
        assert result.parseoutcomes()["passed"] == 2
        result.stdout.no_fnmatch_line(f"*{CASE}] candidate*")


def test_without_pytest_xdist(project: Project) -> None:
    """The table does not need pytest-xdist."""
    result = timed(project).run_here("-p", "no:xdist", "--benchmark-only")
    result.assert_outcomes(passed=2, skipped=8)
    result.stdout.fnmatch_lines([f"double[[]{CASE}] candidate *"])


def test_plugins_that_are_loaded_by_name(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the entry points of what is installed, pytest-benchmark is there all the same."""
    timed(project)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = ("pytest_benchmark.plugin", "pytest_tritonbench.plugin")
    named = [argument for name in plugins for argument in ("-p", name)]
    result = project.run(*named, "--benchmark-only")
    result.assert_outcomes(passed=2, skipped=8)
    result.stdout.fnmatch_lines([f"double[[]{CASE}] candidate *"])
