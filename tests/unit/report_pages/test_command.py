"""``python -m pytest_tritonbench.report`` merges records and writes their report."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report.__main__ import main
from tests.integration.checkout import Checkout
from tests.unit.report_pages.made import Page, record


def _write(file: Path, *lines: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return file


def test_results_of_two_machines_make_one_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two folders of records give one page with the answers of both."""
    _write(tmp_path / "a" / "records.jsonl", record(model="one"))
    _write(tmp_path / "b" / "records.jsonl", record(model="two"))
    out = tmp_path / "out"
    assert main([str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(out)]) == 0
    assert "2 answers from 2 records" in capsys.readouterr().out
    names = {"report.html", "report.md", "leaderboard.csv", "outcomes.csv"}
    assert {file.name for file in out.iterdir()} == names
    assert Page((out / "report.html").read_text()).data()["suites"][0]["models"] == ["one", "two"]


def test_broken_line_is_told_and_the_report_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A skipped line is named on stderr and in the exit code; the report is there all the same."""
    file = _write(tmp_path / "records.jsonl", record(), "no record")
    assert main([str(file), "--out", str(tmp_path)]) == 1
    assert f"{file}:2: " in capsys.readouterr().err
    assert (tmp_path / "report.html").exists()


def test_nothing_to_report_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is not there and records without answers end with exit code 2."""
    file = _write(tmp_path / "records.jsonl", record(model="gold"))
    for path in (tmp_path / "none", file):
        assert main([str(path), "--out", str(tmp_path)]) == 2
        assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("same", [True, False])
def test_kernel_file_is_shown_if_it_is_what_was_judged(tmp_path: Path, *, same: bool) -> None:
    """The page shows a kernel file of the repository, unless it was changed since."""
    kernel = tmp_path / "kernels" / "softmax.py"
    kernel.parent.mkdir()
    kernel.write_text("judged = 1\n")
    digest = hashlib.sha256(kernel.read_bytes()).hexdigest()
    own: dict[str, Any] = {"suite": None, "model": None, "candidate": "kernels/softmax.py"}
    file = _write(tmp_path / "records.jsonl", record(**own, candidate_hash=digest))
    if not same:
        kernel.write_text("changed = 2\n")
    assert main([str(file), "--out", str(tmp_path), "--root", str(tmp_path)]) == 0
    told = Page((tmp_path / "report.html").read_text()).told()[0][0]
    assert told.get("code") == ("judged = 1\n" if same else None)


def test_predictions_need_their_suite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Texts of predictions cannot be placed without the checkout that they answer."""
    file = _write(tmp_path / "records.jsonl", record())
    with pytest.raises(SystemExit):
        main([str(file), "--out", str(tmp_path), "--predictions", "x.jsonl"])
    assert "--suite" in capsys.readouterr().err


def test_a_glob_of_predictions_is_read(tmp_path: Path) -> None:
    """The page shows answers of every file that a glob stands for, as pytest's option takes it."""
    checkout = Checkout(tmp_path / "bench")
    checkout.task("twice")
    rows = []
    for name in ("one", "two"):
        checkout.predictions(name, {"twice": f"answer {name}"})
        rows.append(record(suite="TritonBench-T", task="twice", model=name))
    file = _write(tmp_path / "records.jsonl", *rows)
    options = ["--suite", str(checkout.path), "--predictions", f"{checkout.path}/*.jsonl"]
    assert main([str(file), "--out", str(tmp_path), *options]) == 0
    page = Page((tmp_path / "report.html").read_text())
    for number, name in enumerate(("one", "two")):
        assert f"answer {name}" in json.dumps(page.told(model=number))


def test_predictions_that_are_not_there_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A glob that stands for no file is an error, and no report is written."""
    checkout = Checkout(tmp_path / "bench")
    checkout.task("twice")
    file = _write(tmp_path / "records.jsonl", record())
    options = ["--suite", str(checkout.path), "--predictions", f"{tmp_path}/no*.jsonl"]
    assert main([str(file), "--out", str(tmp_path / "out"), *options]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_codebleu_is_made_up_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run without tree-sitter records no similarity; with the answers at hand it is computed."""
    pytest.importorskip("tree_sitter_python")
    checkout = Checkout(tmp_path / "bench")
    checkout.task("twice", channel="G")
    gold = (
        (checkout.path / "data" / "TritonBench_G_v1" / "twice.py").read_text().partition("###")[0]
    )
    checkout.predictions("same", {"twice": gold})
    checkout.predictions("other", {"twice": "def twice(x):\n    return x\n"})
    rows = [record(suite="TritonBench-G", task="twice", model=m) for m in ("same", "other")]
    file = _write(tmp_path / "records.jsonl", *rows)
    options = ["--suite", str(checkout.path), "--predictions", f"{checkout.path}/*.jsonl"]
    assert main([str(file), "--out", str(tmp_path), *options]) == 0
    assert "similarity: other\nsimilarity: same\n" in capsys.readouterr().err
    table = (tmp_path / "leaderboard.csv").read_text().splitlines()
    proper = [r for r in csv.DictReader(table) if r["metric"] == "strict_similarity"]
    scores = {row["model"]: float(row["value"]) for row in proper}
    assert scores["same"] == pytest.approx(100.0)
    assert 0 < scores["other"] < 90
