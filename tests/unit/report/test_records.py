"""Records: whole lines of JSON, whatever happens to the disk or the process."""

import json
import math
import os
import resource
import signal
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report.records import SCHEMA, Record, RecordFile, RecordsError

EMPTY: dict[str, Any] = dict.fromkeys(f.name for f in fields(Record))


def record(**found: Any) -> Record:
    """A record with some fields set."""
    given = {**EMPTY, "kernels": (), "schema": SCHEMA, "environment": {}, **found}
    return Record(**given)


def lines(file: RecordFile) -> list[Any]:
    """Everything that the file holds."""
    return [json.loads(line) for line in file.path.read_text().splitlines()]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[RecordFile]:
    """A record file in a folder that is not there yet."""
    made = RecordFile(tmp_path / "deep" / "down")
    yield made
    made.close()


def test_a_record_is_plain_json(file: RecordFile) -> None:
    """Every field is there, tuples are lists, and infinity, which JSON lacks, is null."""
    kernels = ({"kernel": "k", "compile_ms": math.nan},)
    made = record(task="t", ratio=math.inf, seconds=0.5, kernels=kernels, seed=3)
    file.append(made.as_json())
    [found] = lines(file)
    assert list(found) == [f.name for f in fields(Record)]
    assert found["ratio"] is None
    assert found["kernels"] == [{"kernel": "k", "compile_ms": None}]
    assert (found["schema"], found["seed"], found["seconds"]) == (SCHEMA, 3, 0.5)


def test_text_of_any_kind_stays_on_its_line(file: RecordFile) -> None:
    """Line ends and characters beyond ASCII in a message do not tear a record."""
    for message in ("one\ntwo\r\n", "caf\u00e9 \u2028 \U0001f980", '"quoted"\\'):
        file.append(record(message=message).as_json())
    raw = file.path.read_bytes()
    assert raw.count(b"\n") == 3
    assert json.loads(raw.splitlines()[1])["message"] == "caf\u00e9 \u2028 \U0001f980"


def test_two_writers_do_not_mix(tmp_path: Path) -> None:
    """Records that two files append to one path are whole lines, none over another."""
    one, two = RecordFile(tmp_path), RecordFile(tmp_path)
    for number in range(50):
        (one, two)[number % 2].append(record(task=f"task {number}").as_json())
    assert [found["task"] for found in lines(one)] == [f"task {n}" for n in range(50)]
    one.close()
    two.close()


@pytest.mark.parametrize("torn", ['{"task": "old"', "", '{"task": "old"}\n'])
def test_a_torn_line_is_ended(tmp_path: Path, torn: str) -> None:
    """A new record never continues an old line; a file that is whole is left as it is."""
    (tmp_path / "records.jsonl").write_text(torn)
    file = RecordFile(tmp_path)
    file.append(record(task="new").as_json())
    file.close()
    text = file.path.read_text()
    assert text.startswith(torn)
    assert json.loads(text.splitlines()[-1])["task"] == "new"
    assert "\n\n" not in text


def test_what_does_not_fit_the_disk_is_cut_off(file: RecordFile) -> None:
    """A record that is cut in half is taken back; those before it stay; later ones may fit."""
    file.append(record(task="first").as_json())
    whole = file.path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (whole + 100, hard))
    try:
        with pytest.raises(RecordsError) as caught:
            file.append(record(task="second", message="x" * 1000).as_json())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert f"cannot write a record to {file.path}: File too large" in str(caught.value)
    assert f"the {whole} bytes of records before it are whole" in str(caught.value)
    assert file.path.stat().st_size == whole
    file.append(record(task="third").as_json())
    assert [found["task"] for found in lines(file)] == ["first", "third"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """The path, the system's reason, and what to do."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(RecordsError, match=r"records to .*taken/records\.jsonl: File exists; name"):
        RecordFile(tmp_path / "taken")


def test_children_do_not_inherit_the_file(file: RecordFile) -> None:
    """A candidate's process has no descriptor of the records."""
    assert not os.get_inheritable(file._descriptor)
