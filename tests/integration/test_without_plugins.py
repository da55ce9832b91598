"""pytest-xdist, pytest-benchmark and pytest's cache may be switched off, or not be there."""

import pytest

from tests.integration.project import Project


@pytest.mark.parametrize(
    "absent", [["xdist"], ["benchmark"], ["cacheprovider"], ["hypothesispytest"]]
)
def test_a_plugin_is_switched_off(double: Project, absent: list[str]) -> None:
    """With `-p no:NAME` all phases behave as before."""
    off = [part for name in absent for part in ("-p", f"no:{name}")]
    result = double.run_here(*off, "--tb-examples", "3")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=4, skipped=1)
    result.stdout.no_fnmatch_line("*PytestUnknownMarkWarning*")


def test_all_of_them_at_once_and_strict(double: Project) -> None:
    """Without any of them, and with every strictness of pytest, no marker or key is unknown."""
    result = double.run_here(
        *("-p", "no:xdist", "-p", "no:benchmark", "-p", "no:cacheprovider"),
        *("--strict-markers", "--strict-config", "-W", "error", "--co", "-q"),
    )
    assert result.ret == pytest.ExitCode.OK
    assert len([line for line in result.outlines if "::" in line]) == 5
