"""The table of curves is for other tools."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report.spreadsheet import harmless
from pytest_tritonbench.report.sweep import write
from pytest_tritonbench.report.sweep.rows import COLUMNS
from tests.unit.report.sweep_records import attention, matmul, persistent, softmax


def _rows(records: Any, folder: Path) -> list[dict[str, str]]:
    _, table = write(records, folder)
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_for_each_case_and_curve(tmp_path: Path) -> None:
    """Four curves over six sizes are 24 rows with all columns."""
    rows = _rows(matmul(compiled=0.9, then=0.8), tmp_path)
    assert len(rows) == 24
    assert tuple(rows[0]) == COLUMNS
    assert {row["series"] for row in rows} == {"candidate", "reference", "compile", "revision"}
    assert [row["x"] for row in rows][::4] == ["256", "512", "1024", "2048", "4096", "8192"]


def test_numbers_are_those_of_the_record(tmp_path: Path) -> None:
    """Times, rates, share, speedup and interval are the record's, of PyTorch by the same work."""
    [record] = softmax((65536,))
    timing = record["timing"]
    ours, theirs = _rows([record], tmp_path)
    for column, value in (
        *((name, timing[name]) for name in ("median_ms", "p10_ms", "p90_ms", "host_ms")),
        *((name, timing[name]) for name in ("tflops", "gbs", "roofline", "speedup")),
        ("low", timing["interval"]["low"]),
        ("high", timing["interval"]["high"]),
        ("roofline_gbs", 4022.0),
    ):
        assert float(ours[column]) == pytest.approx(value, rel=1e-6)
    assert (ours["verdict"], ours["bound"], ours["samples"]) == ("faster", "memory", "120")
    assert float(theirs["median_ms"]) == pytest.approx(timing["reference_ms"], rel=1e-6)
    assert float(theirs["gbs"]) == pytest.approx(
        timing["gbs"] * timing["median_ms"] / timing["reference_ms"], rel=1e-6
    )
    assert (theirs["name"], theirs["speedup"], theirs["verdict"]) == ("PyTorch", "", "")


def test_cases_can_be_read_back(tmp_path: Path) -> None:
    """Each row has its case as JSON, its panel and its axis; cases in no order have no place."""
    rows = _rows([*attention(), *persistent()], tmp_path)
    first = rows[0]
    assert json.loads(first["case"])["causal"] is False
    assert (first["panel"], first["axis"], first["x"]) == ("causal = false", "t = s", "512")
    last = rows[-1]
    assert (last["task"], last["axis"], last["x"]) == ("matmul_persistent", "", "")
    assert json.loads(last["case"])["k"] == 8192


@pytest.mark.parametrize("text", ["=1+1", "+1", "-x", "@x", "\tx"])
def test_texts_are_no_formulas(tmp_path: Path, text: str) -> None:
    """A name that a spreadsheet would run is quoted; numbers keep their sign."""
    rows = _rows(softmax((256,), candidate=text), tmp_path)
    assert rows[0]["name"] == f"'{text}"
    assert harmless(-1.5) == -1.5
