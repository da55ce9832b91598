"""Records are read from several files, and what cannot be read is said."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import pytest

from pytest_tritonbench.report.pages import load
from tests.unit.report_pages.made import record


def test_folders_and_compressed_files_are_read_together(tmp_path: Path) -> None:
    """A folder, a .gz and a .xz give one list, in the order in which they are named."""
    lines = [json.dumps(record(task=name)) + "\n" for name in ("a", "b", "c")]
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "records.jsonl").write_text(lines[0])
    (tmp_path / "two.jsonl.gz").write_bytes(gzip.compress(lines[1].encode()))
    (tmp_path / "three.jsonl.xz").write_bytes(lzma.compress(lines[2].encode()))
    paths = [tmp_path / "one", tmp_path / "two.jsonl.gz", tmp_path / "three.jsonl.xz"]
    assert [one["task"] for one in load(paths).records] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"task": "a", "pha', "no JSON from column"),
        ("[1, 2]", "a record is an object, this is list"),
        ('{"task": "a", "phase": "call"}', "names its outcome"),
    ],
)
def test_broken_line_is_said_with_its_place_and_skipped(
    tmp_path: Path, line: str, told: str
) -> None:
    """A line that is no record is named with file and line; the lines around it count."""
    file = tmp_path / "records.jsonl"
    whole = json.dumps(record())
    file.write_text(f"{whole}\n{line}\n\n{whole}\n")
    loaded = load([file])
    assert len(loaded.records) == 2
    (problem,) = loaded.problems
    assert problem.startswith(f"{file}:2: ")
    assert told in problem


def test_torn_compressed_file_keeps_what_came_before(tmp_path: Path) -> None:
    """Of a .gz that breaks off the whole lines are read, and the break is said."""
    lines = "".join(json.dumps(record(task=f"task{i}")) + "\n" for i in range(5000))
    file = tmp_path / "records.jsonl.gz"
    file.write_bytes(gzip.compress(lines.encode())[:-3000])
    loaded = load([file])
    assert 100 < len(loaded.records) < 5000
    assert "breaks off" in loaded.problems[-1]


def test_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A missing file and a folder without records are errors that name the path."""
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(FileNotFoundError, match=str(path)):
            load([path])
