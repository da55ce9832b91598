"""Files of predictions: the answers of a model, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

_PROMPT_KEYS = ("instruction", "prompt")
_TASK_KEYS = ("file", "task")
_ROW = 'a row is {"instruction": "...", "predict": "...", "label": "..."}'


class PredictionsError(Exception):
    """A file of predictions cannot be used; the message names file, line, and what to do."""


@dataclass(frozen=True)
class Row:
    """One answer as it stands in a file."""

    line: int
    """Number of its line, from 1."""

    text: str
    """What the model answered; empty where it said nothing."""

    prompt: str
    """What it was asked; empty where the row does not say."""

    label: str
    """The right answer as the row gives it; may be cut short, may be empty."""

    task: str | None
    """Stem of the task's file, where the row names it."""


@dataclass(frozen=True)
class PredictionFile:
    """The rows of a file."""

    name: str
    """Name of the model that answered."""

    path: str
    rows: tuple[Row, ...]
    problems: tuple[str, ...] = ()
    """What is odd about the file, and does not hinder its use."""


def matching(pattern: str, name: str | None, here: Path) -> list[Path]:
    """The files that a path or a glob stands for.

    Args:
        pattern: From ``here``.
        name: Name of the model, where one was given.
        here: A folder.

    Raises:
        PredictionsError: If it stands for none, or the name for several.
    """
    plain = here / pattern
    paths = [plain] if plain.exists() else [Path(p) for p in sorted(glob(str(plain)))]  # noqa: PTH207 - takes absolute patterns
    if not paths:
        raise PredictionsError(
            f"there is no file {pattern!r} in {here}; give a file of predictions, a glob of such "
            f"files, or NAME=FILE"
        )
    if name is not None and len(paths) > 1:
        raise PredictionsError(
            f"{pattern!r} stands for {len(paths)} files, and all would be called {name!r}; leave "
            f"the name out or give one file"
        )
    return paths


def read(path: str, name: str | None = None) -> PredictionFile:
    """Read a file of predictions.

    Args:
        path: The file; ``NAME=FILE`` names the model, unless a file is called just so.
        name: Name of the model, before any other; otherwise the file's, without its ending.

    Raises:
        PredictionsError: If the file cannot be read or a line is no answer.
    """
    if name is None and "=" in path and not Path(path).exists():
        name, path = path.split("=", maxsplit=1)
    text = _text(path)
    rows, problems = [], []
    for number, line in _lines(text):
        row = _row(_object(line, number, path), number, path)
        rows.append(row)
    if not rows:
        raise PredictionsError(f"{path}: no line in it; {_ROW}, one a line")
    if unsaid := sum(row.task is None and not row.prompt for row in rows):
        problems.append(f"{unsaid} of {len(rows)} rows have no prompt; they are placed by label")
    return PredictionFile(name or Path(path).stem, path, tuple(rows), tuple(problems))


def _text(path: str) -> str:
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise PredictionsError(f"{path}: no such file of predictions") from None
    except IsADirectoryError:
        raise PredictionsError(
            f"{path}: a folder; give its files, such as '{path.rstrip('/')}/*.jsonl'"
        ) from None
    except OSError as e:
        raise PredictionsError(f"{path}: cannot be read ({e.strerror})") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = raw[: e.start].count(b"\n") + 1
        column = e.start - (raw.rfind(b"\n", 0, e.start) + 1) + 1
        raise PredictionsError(
            f"{path}:{line}:{column}: not UTF-8 ({e.reason}); save the file as UTF-8"
        ) from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    # Not splitlines: other line separators of Unicode may stand inside a JSON string.
    return ((n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip())


def _object(line: str, number: int, path: str) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError as e:
        told = f"{path}:{number}:{e.colno}: no JSON ({e.msg}); {_ROW}, one a line"
        raise PredictionsError(told) from None
    except (ValueError, RecursionError) as e:
        raise PredictionsError(f"{path}:{number}:1: no usable JSON ({e})") from None
    if isinstance(found, list):
        raise PredictionsError(
            f"{path}:{number}:1: a JSON array; write its elements one a line (jq -c '.[]')"
        )
    if not isinstance(found, dict):
        raise PredictionsError(f"{path}:{number}:1: {type(found).__name__}, no object; {_ROW}")
    return found


def _row(found: Mapping[str, Any], number: int, path: str) -> Row:
    def text(*keys: str) -> str | None:
        for key in keys:
            value = found.get(key)
            if isinstance(value, str):
                return value
            if value is not None:
                kind = type(value).__name__
                raise PredictionsError(f"{path}:{number}: {key!r} is a {kind}; text is wanted")
        return None

    if "predict" not in found:
        raise PredictionsError(f"{path}:{number}: no 'predict' in the row; {_ROW}")
    prompt, label, task = text(*_PROMPT_KEYS), text("label"), text(*_TASK_KEYS)
    if not (prompt or label or task):
        raise PredictionsError(
            f"{path}:{number}: nothing in the row says what it answers; give 'instruction', "
            f"'prompt', 'label', or 'file' with the name of the task"
        )
    stem = task.replace("\\", "/").rpartition("/")[2].removesuffix(".py") if task else None
    return Row(number, text("predict") or "", prompt or "", label or "", stem)
