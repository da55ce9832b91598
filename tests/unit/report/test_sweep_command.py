"""``python -m pytest_tritonbench.report sweep`` draws what runs left."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report.__main__ import main
from tests.unit.report.sweep_records import matmul, softmax


def _lines(records: Iterable[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


def test_curves_of_several_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Records of two folders, one of them compressed, make one page."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "records.jsonl").write_text(_lines(matmul()))
    packed = gzip.compress(_lines(softmax()).encode())
    (tmp_path / "b" / "records.jsonl.gz").write_bytes(packed)
    out = tmp_path / "out"
    assert main(["sweep", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"curves: {out / 'sweep.html'}, {out / 'sweep.csv'}\n"
    page = (out / "sweep.html").read_text()
    assert "matmul" in page
    assert "softmax" in page


def test_broken_line_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that is no record is named on stderr and in the exit code; the rest is drawn."""
    file = tmp_path / "records.jsonl"
    file.write_text(_lines(matmul()) + '{"task"\n')
    assert main(["sweep", str(file), "--out", str(tmp_path)]) == 1
    assert f"{file}:7: " in capsys.readouterr().err
    assert (tmp_path / "sweep.html").exists()


@pytest.mark.parametrize("text", [None, '{"task": "f", "phase": "exec", "outcome": "passed"}\n'])
def test_nothing_to_draw_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    """A file that is not there, and records without times, end with exit code 2."""
    file = tmp_path / "records.jsonl"
    if text is not None:
        file.write_text(text)
    assert main(["sweep", str(file), "--out", str(tmp_path / "out")]) == 2
    assert "error: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
