"""The page shows what the records say and nothing that they could smuggle in."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report.pages import write_report
from tests.unit.report_pages.made import answer, page_of, record, rows_of
from tests.unit.report_pages.sample import predictions, records

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)><!--"


def test_text_of_records_cannot_become_markup(tmp_path: Path) -> None:
    """Names, messages and predictions that hold tags add no element to the page."""
    harmless = answer(call="passed", exec=("failed", {"reason": "wrong-values"}))
    plain = page_of(write_report(harmless, tmp_path / "plain"))
    fields = {
        "task": f"t{HOSTILE}",
        "model": f"m{HOSTILE}",
        "message": HOSTILE,
        "family": HOSTILE,
        "exception": HOSTILE,
        "run": f"2026{HOSTILE}",
        "environment": {"device": HOSTILE, "triton": HOSTILE},
    }
    listed = [{**one, **fields} for one in harmless]
    listed.append(record(task="other", reason=f"vacuous: {HOSTILE}", outcome="skipped"))
    texts = {("TritonBench-T", f"m{HOSTILE}", f"t{HOSTILE}"): HOSTILE}
    hostile = page_of(write_report(listed, tmp_path / "hostile", predictions=texts))
    assert "img" not in hostile.tags
    # Data, page script, and one blob for each of the two models.
    assert len(hostile.scripts) == len(plain.scripts) + 1 == 4
    told = hostile.told(model=1)
    (mine,) = [entry for entry in told if entry]
    assert mine[0]["code"] == HOSTILE
    assert mine[0]["phases"]["exec"]["message"] == HOSTILE


def test_page_needs_no_network(tmp_path: Path) -> None:
    """The page names no other file, and its policy admits its own script and style alone."""
    text = write_report(answer(exec="passed"), tmp_path).page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert re.search(r"script-src 'sha256-[\w+/=]+';", text)
    assert not re.search(r"""(?:src|href)=["'](?!#|data:,)""", text)
    assert not re.search(r"@import|url\(", text)


def test_last_run_of_a_test_counts(tmp_path: Path) -> None:
    """Of two runs the one that began last is shown, in whatever order they are read."""
    old = answer(call="passed", exec=("failed", {"reason": "wrong-values"}))
    new = [{**one, "run": "2026-11-21T09:00:00Z"} for one in answer(exec="passed")]
    for number, listed in enumerate(([*old, *new], [*new, *old])):
        written = write_report(listed, tmp_path / str(number))
        (row,) = rows_of(written.tables[1])
        assert (row["letter"], row["exec"]) == ("E", "passed")
        assert [run["records"] for run in _runs(written.markdown)] == ["1", "1"]


def _runs(markdown: Path) -> list[dict[str, str]]:
    lines = markdown.read_text(encoding="utf-8").split("## Provenance")[1].strip().splitlines()
    heads, _, *rows = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    return [dict(zip(heads, row, strict=True)) for row in rows]


def test_both_denominators_are_shown(tmp_path: Path) -> None:
    """A broken task stays in the denominator of all and leaves that of the judgeable."""
    listed = answer(call="passed", exec="passed")
    broken = {"task": "svd", "reason": "gold-broken: RuntimeError"}
    listed += [record("call", task="svd"), record("exec", "skipped", **broken)]
    written = write_report(listed, tmp_path)
    shares = {
        row["denominator"]: (row["k"], row["n"])
        for row in rows_of(written.tables[0])
        if row["metric"] == "strict_exec"
    }
    assert shares == {"all": ("1", "2"), "judgeable": ("1", "1")}
    shown = page_of(written).text
    assert "1/2" in shown
    assert "of 1" in shown
    assert "gold-broken" not in shown
    assert "RuntimeError" in shown


def test_bundled_tasks_have_their_folder_for_a_model(tmp_path: Path) -> None:
    """Records without a suite make one model, named after the folder of the kernels."""
    case = {"m": 4, "dtype": "float32"}
    fields: dict[str, Any] = {"suite": None, "model": None, "difficulty": None, "family": None}
    fields |= {"candidate": "kernels/softmax.py", "case": case}
    test = "references/softmax.py::test_exec[m=4]"
    wrong = {"reason": "wrong-values", "ratio": 3.0, "test": test}
    listed = answer(call=("passed", fields), exec=("failed", {**fields, **wrong}))
    page = page_of(write_report(listed, tmp_path))
    (suite,) = page.data()["suites"]
    assert (suite["models"], suite["cells"]) == (["kernels"], ["W"])
    replay = page.told()[0][0]["phases"]["exec"]["replay"]
    given = """'{"m": 4, "dtype": "float32"}'"""
    assert replay == f"pytest references/softmax.py::test_fuzz --tb-case {given}"


def test_each_sample_is_told_with_its_text(tmp_path: Path) -> None:
    """The cell shows the first sample; the sheet has all, each with the text that was judged."""
    listed = answer(call="passed", exec="passed")
    listed += [{**one, "sample": 1} for one in answer(call="passed", exec="failed")]
    texts = {("TritonBench-T", "gpt-4o", "softmax"): ["first", "second"]}
    page = page_of(write_report(listed, tmp_path, predictions=texts))
    assert page.data()["suites"][0]["cells"] == ["E"]
    assert [(one["sample"], one["code"]) for one in page.told()[0]] == [(0, "first"), (1, "second")]


def test_long_texts_are_cut_and_say_so(tmp_path: Path) -> None:
    """One runaway answer does not weigh like all others, and what is left out is counted."""
    texts = {("TritonBench-T", "gpt-4o", "softmax"): "x" * 100_000}
    page = page_of(write_report(answer(exec="passed"), tmp_path, predictions=texts))
    code = page.told()[0][0]["code"]
    assert len(code) < 41_000
    assert code.endswith("[cut here: 60,000 more characters]")


def test_records_of_golds_alone_make_no_report(tmp_path: Path) -> None:
    """Without an answer there is nothing to report, and no file is written."""
    with pytest.raises(ValueError, match="no answers"):
        write_report([record(model="gold")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_large_report_stays_below_15_mb(tmp_path: Path) -> None:
    """44 models on 350 tasks, 61,600 records with their programs, fit in 15 MB."""
    written = write_report(records(full=True), tmp_path, predictions=predictions(full=True))
    assert written.answers == 44 * 350
    assert written.page.stat().st_size < 15_000_000


def test_reports_are_written_without_torch() -> None:
    """A machine without torch can merge and report records."""
    program = (
        "import sys, pytest_tritonbench.report.pages, pytest_tritonbench.report.__main__;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
