"""The plugin is loaded in every run of its environment, so it must not be felt elsewhere."""

import pytest

from tests.integration.project import HEADER, Project

LIGHT = """
    import sys

    HEAVY = {"torch", "triton", "numpy", "hypothesis", "pynvml", "ml_dtypes", "pytest_benchmark"}

    def test_nothing_heavy_was_imported():
        assert not HEAVY & sys.modules.keys()
"""


@pytest.fixture
def elsewhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A repository that does not use the plugin."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    return pytester


def test_nothing_heavy_is_imported(elsewhere: pytest.Pytester) -> None:
    """A run without tasks loads the plugin, and none of torch, triton, numpy and the like."""
    elsewhere.makepyfile(test_light=LIGHT)
    result = elsewhere.runpytest_subprocess("-p", "no:benchmark", timeout=60)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["plugins: *tritonbench-*"])
    result.stdout.no_fnmatch_line("*= kernels =*")


def test_an_unrelated_references_folder_is_left_alone(elsewhere: pytest.Pytester) -> None:
    """Python files in a folder that merely has the name are neither run nor collected."""
    (elsewhere.mkdir("references") / "notes.py").write_text("raise SystemExit('was run')\n")
    (elsewhere.path / "references/test_mine.py").write_text("def test_mine(): pass\n")
    result = elsewhere.runpytest_inprocess("-v")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*notes.py*")


def test_an_unrelated_file_that_is_named_is_an_ordinary_module(
    elsewhere: pytest.Pytester,
) -> None:
    """A file without a task that is named on the command line is what pytest makes of it."""
    path = elsewhere.mkdir("references") / "sums.py"
    path.write_text("def test_sum():\n    assert 1 + 1 == 2\n")
    result = elsewhere.runpytest_inprocess("-v", path)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["references/sums.py::test_sum PASSED*"])


def test_tests_beside_the_tasks_run_as_ever(double: Project) -> None:
    """A user's own test modules and the tasks run in one session."""
    double.write("tests/test_own.py", "def test_own(tmp_path):\n    assert tmp_path.is_dir()\n")
    result = double.run_here("tests", "references", "-m", "not tb_fuzz and not tb_bench", "-v")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["tests/test_own.py::test_own PASSED*"])


def test_a_module_that_only_uses_the_package_is_no_task(double: Project) -> None:
    """A test module elsewhere that imports the package is collected by pytest as ever."""
    double.write("tests/test_pieces.py", HEADER + "\n\ndef test_it():\n    assert dim().low == 1\n")
    result = double.run_here("tests")
    result.assert_outcomes(passed=1)


def test_the_fixture_is_for_tasks(elsewhere: pytest.Pytester) -> None:
    """A user's test that asks for the plugin's fixture is told what it is for."""
    elsewhere.makepyfile(test_mine="def test_mine(tb): pass")
    result = elsewhere.runpytest_inprocess("test_mine.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the fixture 'tb' is for the plugin's own tests of a task*"])
