"""The summary at the end fits a terminal of 80 columns and needs no colour."""

import pytest

from tests.integration.project import Project

LONG = "a_kernel_with_a_name_that_no_table_has_room_for"


@pytest.fixture
def mixed(double: Project) -> Project:
    """A good task, one without a kernel, and one with a long name whose kernel says much."""
    double.task("twice")
    double.task(LONG)
    double.kernel(LONG, before="raise ValueError('much ' * 100)\n")
    return double


def summary(result: pytest.RunResult) -> list[str]:
    """The lines of the plugin's section."""
    lines = [line for line in result.outlines if line]
    start = next(
        n for n, line in enumerate(lines) if line.strip("\x1b[01m;= ").startswith("kernels")
    )
    return lines[start : next(n for n in range(start, len(lines)) if " tasks good" in lines[n]) + 1]


def test_it_fits_eighty_columns_without_colour(mixed: Project) -> None:
    """No line is longer than 80 columns, and without colour a word says what is wrong."""
    result = mixed.run_here("-m", "tb_call", "--color=no")
    lines = summary(result)
    assert all(len(line) <= 80 for line in lines), lines
    assert "\x1b" not in "".join(lines)
    table = "\n".join(lines)
    assert "double                 ok" in table
    assert f"{LONG[:21]}~ FAIL" in table
    assert f"  call: {LONG}: exception" in table
    assert "twice                  -" in table
    assert "kernels/twice.py" in table


def test_colour_marks_what_is_wrong(mixed: Project) -> None:
    """With colour the failed row is red and the good one is not."""
    lines = summary(mixed.run_here("-m", "tb_call", "--color=yes"))
    [good] = [line for line in lines if "double" in line]
    [bad] = [line for line in lines if "~" in line]
    assert "\x1b[31m" in bad
    assert "\x1b[31m" not in good


def test_there_is_no_summary_without_kernels(pytester: pytest.Pytester) -> None:
    """A run that judged no kernel says nothing about kernels."""
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_inprocess()
    result.stdout.no_fnmatch_line("*= kernels =*")
