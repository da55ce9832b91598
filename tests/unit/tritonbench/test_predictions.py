"""Files of predictions: read row by row, or refused with file, line and column."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_tritonbench.candidate.predictions import PredictionsError, read

ROW = {"instruction": "Write it.", "predict": "x = 1", "label": "x = 2"}


def test_rows_are_read(tmp_path: Path) -> None:
    """Either key of the prompt; empty lines do not count, but for the line's number."""
    path = tmp_path / "gpt-4o.jsonl"
    rows = [ROW, {"prompt": "Do it.", "predict": None, "label": "", "file": "data/softmax.py"}]
    path.write_text("\ufeff" + "\n\n".join(map(json.dumps, rows)) + "\n")
    file = read(str(path))
    first, second = file.rows
    assert (file.name, file.path, file.problems) == ("gpt-4o", str(path), ())
    assert (first.line, first.prompt, first.text, first.label) == (1, "Write it.", "x = 1", "x = 2")
    assert (second.line, second.prompt, second.text, second.task) == (3, "Do it.", "", "softmax")


def test_a_model_is_named(tmp_path: Path) -> None:
    """``NAME=FILE`` names it, unless a file is called so; a name of its own comes first."""
    path = tmp_path / "a=b.jsonl"
    path.write_text(json.dumps(ROW))
    (tmp_path / "plain.jsonl").write_text(json.dumps(ROW))
    assert read(str(path)).name == "a=b"
    assert read(f"me={tmp_path / 'plain.jsonl'}").name == "me"
    assert read(str(path), "you").name == "you"


def test_a_line_separator_inside_a_string_is_no_end_of_line(tmp_path: Path) -> None:
    """JSON may hold U+2028 as it is."""
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({**ROW, "predict": "a\u2028b\x85c"}, ensure_ascii=False))
    assert read(str(path)).rows[0].text == "a\u2028b\x85c"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'{json.dumps(ROW)}\n{{"predict": }}', r"a\.jsonl:2:13: no JSON \(Expecting value\)"),
        (json.dumps([ROW]), r"a\.jsonl:1:1: a JSON array; write its elements one a line"),
        ("3", r"a\.jsonl:1:1: int, no object"),
        ("[" * 100_000, r"a\.jsonl:1:1: no usable JSON"),
        ('{"instruction": "a"}', r"a\.jsonl:1: no 'predict' in the row"),
        ('{"predict": "a"}', r"a\.jsonl:1: nothing in the row says what it answers; give"),
        ('{"predict": 3, "prompt": "a"}', r"a\.jsonl:1: 'predict' is a int; text is wanted"),
        ("", r"a\.jsonl: no line in it"),
        ("\n \n", r"a\.jsonl: no line in it"),
        (b'{"predict": "a"}\n{"\xff"}', r"a\.jsonl:2:3: not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, text: str | bytes, told: str) -> None:
    """With the place, what was expected and what to do."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PredictionsError, match=told):
        read(str(path))


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    """A folder and a missing file each have a message of their own."""
    with pytest.raises(PredictionsError, match=r"a folder; give its files, such as '.*/\*\.jsonl'"):
        read(str(tmp_path))
    with pytest.raises(PredictionsError, match=r"none: no such file of predictions"):
        read(str(tmp_path / "none"))
