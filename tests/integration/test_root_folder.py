"""A folder elsewhere as a value: the root folder is the project's, or nothing runs."""

from pathlib import Path

import pytest

from tests.integration.project import Project

EXEC = ("-m", "tb_exec")


def elsewhere(project: Project) -> Path:
    """A folder that is there, beside the project's."""
    folder = project.path.parent / f"{project.path.name}-elsewhere"
    folder.mkdir()
    return folder


def test_a_value_that_pytest_takes_for_a_path_is_refused(double: Project) -> None:
    """What is not read because of it is told, and how to write the option; so written, it runs."""
    folder = elsewhere(double)
    refused = double.run(*EXEC, "--tb-results", folder)
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    told = (
        f"ERROR: pytest takes {folder} for a path of tests: {folder.parent} is its root "
        f"folder, and {double.path / 'pytest.ini'} is not looked at; write --tb-results={folder}"
    )
    refused.stderr.fnmatch_lines([told])
    assert not list(folder.iterdir())
    double.run(*EXEC, f"--tb-results={folder}").assert_outcomes(passed=2, deselected=3)


def test_a_folder_within_the_project_is_no_trouble(double: Project) -> None:
    """However it is written, and in a second run, when it is there."""
    for _ in range(2):
        double.run(*EXEC, "--tb-results", "out").assert_outcomes(passed=2, deselected=3)


def test_kernels_are_missed_where_there_is_no_configuration(double: Project) -> None:
    """Without an ini file the root folder is what both have in common, where no kernels are."""
    (double.path / "pytest.ini").unlink()
    folder = elsewhere(double)
    refused = double.run(*EXEC, "--tb-results", folder)
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines([f"*and {double.path / 'kernels'} is not looked at; write *"])
    named = double.run(*EXEC, "--rootdir", double.path, "--tb-results", folder)
    named.assert_outcomes(passed=2, deselected=3)


@pytest.mark.parametrize("configured", [True, False])
def test_workers_begin_where_the_controller_began(double: Project, configured: bool) -> None:  # noqa: FBT001 - a parameter
    """Workers read the command line when the folder of the records is there already."""
    if not configured:
        (double.path / "pytest.ini").unlink()
    folder = elsewhere(double) / "new"
    double.write("tests/test_other.py", "def test_other():\n    raise ValueError\n")
    paths = () if configured else ("references",)
    ran = double.run(*paths, "-k", "exec or other", "--tb-results", folder, "-n", "2")
    ran.assert_outcomes(passed=2)
