"""`--tb-examples`: how many cases test_fuzz draws."""

import pytest

from tests.integration.project import Project


def test_examples_bound_the_cases(double: Project) -> None:
    """With ``--tb-examples 4`` four cases are drawn, each with a record of its own."""
    result = double.run_here("-m", "tb_fuzz", "--tb-examples", "4", "--tb-results", "out")
    assert result.ret == pytest.ExitCode.OK
    records = double.records()
    assert len(records) == 4
    assert len({str(record["case"]) for record in records}) == 4
