"""Records of several runs and machines, as one list."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

NAMES = ("records.jsonl", "records.jsonl.gz", "records.jsonl.xz")

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Loaded:
    """What was read from files."""

    records: tuple[Record, ...]
    """Every record of every file, in the order in which they were read."""

    files: tuple[Path, ...]
    problems: tuple[str, ...]
    """One sentence for each line that was skipped, with file and line."""


def load(paths: Iterable[Path]) -> Loaded:
    """Read records.

    Args:
        paths: Files of records, plain or compressed as .gz or .xz, and folders that hold such
            files under one of the names in ``NAMES``, at any depth.

    Raises:
        FileNotFoundError: If a path is not there, or a folder holds no records.
    """
    records: list[Record] = []
    problems: list[str] = []
    files = tuple(file for path in paths for file in _files(path))
    for file in files:
        for number, record in _lines(file):
            if isinstance(record, str):
                problems.append(f"{file}:{number}: {record}; skipped")
            else:
                records.append(record)
    return Loaded(tuple(records), files, tuple(problems))


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        found = sorted(file for name in NAMES for file in path.rglob(name))
        if not found:
            raise FileNotFoundError(
                f"{path}: no {', '.join(NAMES)} below this folder; name the folder that was "
                f"given to --tb-results, or the file itself"
            )
        yield from found
    elif path.exists():
        yield path
    else:
        raise FileNotFoundError(f"{path}: not there; name a file of records or a folder with one")


def _open(file: Path) -> TextIO:
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding="utf-8", errors="replace")
    if file.suffix == ".xz":
        return lzma.open(file, "rt", encoding="utf-8", errors="replace")
    return file.open(encoding="utf-8", errors="replace")


def _lines(file: Path) -> Iterator[tuple[int, Record | str]]:
    """Number and record of every line, or what is wrong with the line."""
    number = 0
    try:
        with _open(file) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _record(line.rstrip())
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError) as e:
        # A compressed file whose end is lost: what came before is whole.
        yield number + 1, f"the compressed file breaks off or is damaged here ({e})"


def _record(line: str) -> Record | str:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as e:
        return f"no JSON from column {e.colno} on ({e.msg})"
    except RecursionError:
        return "nested too deep"
    if not isinstance(record, dict):
        return f"a record is an object, this is {type(record).__name__}"
    for name in ("task", "phase", "outcome"):
        if not isinstance(record.get(name), str):
            return f"a record names its {name}, this one does not"
    return record
