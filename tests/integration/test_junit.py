"""junitxml: CI systems read results from it."""

import xml.etree.ElementTree as ET

import pytest

from tests.integration.project import Project


def test_every_test_is_in_the_report(double: Project) -> None:
    """Names, outcomes, the message of a failure and the reason of a skip are in the XML."""
    double.kernel(value="tl.where(n > 32, x * 3, x * 2)")
    result = double.run_here("-m", "not tb_fuzz", "--junitxml=report.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    # Written by pytest itself a moment ago.
    cases = {
        case.get("name"): case
        for case in ET.parse(double.path / "report.xml").iter("testcase")  # noqa: S314
    }
    assert list(cases) == [
        "test_call",
        "test_exec[float32-m2-n5]",
        "test_exec[float32-m1-n33]",
        "test_bench[float32-m64-n1024]",
    ]
    assert {case.get("classname") for case in cases.values()} == {"references.double"}
    failure = cases["test_exec[float32-m1-n33]"].find("failure")
    assert failure is not None
    assert "double: wrong-values: output has wrong values" in (failure.text or "")
    skipped = cases["test_bench[float32-m64-n1024]"].find("skipped")
    assert skipped is not None
    assert "no GPU here" in (skipped.get("message") or "")
    assert len(cases["test_call"]) == 0
