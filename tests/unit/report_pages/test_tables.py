"""CSV and Markdown hold the page's numbers in forms that other tools read."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from pytest_tritonbench.report.pages import write_report
from pytest_tritonbench.report.pages.charts import intervals
from pytest_tritonbench.report.pages.markdown import plain
from pytest_tritonbench.report.pages.scores import Group, Share
from tests.unit.report_pages.made import answer, record, rows_of


def test_outcomes_have_a_row_an_answer_with_its_reason(tmp_path: Path) -> None:
    """The first failure's phase, reason, exception and message stand in the answer's row."""
    told = {"reason": "exception", "exception": "NameError", "message": "name 'x'"}
    listed = answer(call=("failed", told), exec="skipped")
    listed += [record("call", task="relu"), record("exec", task="relu")]
    relu, softmax = rows_of(write_report(listed, tmp_path).tables[1])
    assert (relu["task"], relu["letter"], relu["reason"]) == ("relu", "E", "")
    assert {key: softmax[key] for key in ("phase", *told)} == {"phase": "call", **told}


def test_text_cannot_become_a_formula(tmp_path: Path) -> None:
    """A message that a spreadsheet would take for a formula is kept as text."""
    told = {"reason": "exception", "message": "=HYPERLINK(1)"}
    (row,) = rows_of(write_report(answer(call=("failed", told)), tmp_path).tables[1])
    assert row["message"] == "'=HYPERLINK(1)"


def test_leaderboard_has_bounds_of_each_share(tmp_path: Path) -> None:
    """Each share comes with k, n and the bounds of its Wilson interval."""
    rows = rows_of(write_report(answer(call="passed", exec="passed"), tmp_path).tables[0])
    (row,) = [r for r in rows if (r["metric"], r["denominator"]) == ("strict_exec", "all")]
    assert (row["k"], row["n"], row["value"]) == ("1", "1", "1.000000")
    # 1 / (1 + z**2) with z = 1.96
    assert abs(float(row["low"]) - 0.2065) < 1e-4
    assert float(row["high"]) == 1.0


def test_answers_that_were_not_fuzzed_have_no_fuzz_share(tmp_path: Path) -> None:
    """Without fuzzing there is no fuzz metric, rather than one of 0 %."""
    for fuzz, expected in (("skipped", False), ("failed", True)):
        listed = answer(call="passed", exec="passed", fuzz=fuzz)
        rows = rows_of(write_report(listed, tmp_path / fuzz).tables[0])
        assert any(row["metric"] == "strict_fuzz" for row in rows) is expected


def test_text_is_no_markdown() -> None:
    """Bars, angle brackets and line breaks of a text leave the table whole."""
    assert plain("a|b\n<i>*c*") == r"a\|b \<i\>\*c\*"


def test_chart_puts_marks_where_the_shares_are() -> None:
    """On an axis to 100 % a share of a half lies in the middle, and names are escaped."""
    half, none = Share(5, 10, 0.25, 0.75), Share(0, 10, 0.0, 0.3)
    drawn = intervals([Group("<b>&", half, none)], about="a", whole=True, width=200)
    root = ET.fromstring(drawn)  # noqa: S314 - our own drawing
    marks = {mark.get("class"): mark for mark in root.iter() if mark.get("class")}
    left, right = (float(str(marks["rule"].get(k))) for k in ("x1", "x2"))
    assert left == right
    start = float(str(marks["dot"].get("cx")))
    assert float(str(marks["ring"].get("cx"))) == start + 100
    assert float(str(marks["interval"].get("x2"))) == start + 60
    assert marks["name"].text == "<b>&"
    assert marks["number"].text == "0/10"
