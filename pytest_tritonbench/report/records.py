"""Records: one JSON line per (task, candidate, phase, case)."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = 2
FILE = "records.jsonl"


class RecordsError(Exception):
    """Records cannot be written; the message says where and what to do."""


@dataclass(frozen=True)
class Record:
    """Everything that a report needs of one case in one phase. Documented in docs/records.md."""

    task: str
    phase: str
    outcome: str
    """``passed``, ``failed``, ``skipped`` or ``error``."""

    test: str
    """Node id of the test."""

    case: Mapping[str, Any] | None
    reason: str | None
    message: str | None
    task_hash: str
    candidate: str | None
    """Path of the kernel file, relative to the root folder."""

    candidate_hash: str | None
    ratio: float | None
    """Worst error over what was allowed; ``None`` where nothing was measured."""

    seconds: float | None
    launches: int | None
    environment: Mapping[str, Any]
    run: str
    """When the run began, UTC: tells the runs apart that one file holds."""

    kernels: tuple[Mapping[str, Any], ...] = ()
    seed: int | str | None = None
    """Hypothesis's seed, where one was given."""

    timing: Mapping[str, Any] | None = None
    generation: Mapping[str, Any] | None = None
    """How a model came to the candidate."""

    suite: str | None = None
    """Published benchmark that the task is of, or ``None``."""

    model: str | None = None
    """Who answered; ``None`` for a kernel file."""

    sample: int | None = None
    """Number of the answer among the model's to this task."""

    difficulty: int | None = None
    """From here on: of tasks of a published benchmark alone."""

    family: str | None = None
    exception: str | None = None
    """Class of the exception that ended the test."""

    policy: Mapping[str, Any] | None = None
    """Both policies' verdicts."""

    similarity: Mapping[str, Any] | None = None
    """Sums behind CodeBLEU, by policy."""

    varied: str | None = None
    """What fuzzing varied."""

    schema: int = field(default=SCHEMA)

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            # JSON has no infinity; a fault without a size is told by its reason.
            return None
        case dict():
            return {key: _plain(part) for key, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case _:
            return value


class Lines:
    """Appends JSON objects to a file, each with one write, so that a killed run leaves whole lines.

    Args:
        path: Its folder is made if it is not there.

    Raises:
        RecordsError: If the folder or the file cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(self.path, flags, 0o644)
        except OSError as e:
            raise RecordsError(
                f"cannot write records to {self.path}: {e.strerror}; "
                f"name a writable folder with --tb-results"
            ) from None
        self._mend()

    def _mend(self) -> None:
        """End a line that an older run left torn, so that the next record stands alone."""
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")

    def append_line(self, record: Mapping[str, Any]) -> None:
        """Write one object.

        Raises:
            RecordsError: If it does not fit the disk; what was written before stays whole.
        """
        line = (json.dumps(record, allow_nan=False, sort_keys=False) + "\n").encode()
        start = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            if written != len(line):
                # A short write is how a full disk begins; the rest would fail.
                os.write(self._descriptor, line[written:])
        except OSError as e:
            with contextlib.suppress(OSError):
                # Where nothing can be cut off, the next run ends the torn line.
                os.ftruncate(self._descriptor, start)
            raise RecordsError(
                f"cannot write a record to {self.path}: {e.strerror}; the {start} bytes of "
                f"records before it are whole; free some space or name another --tb-results"
            ) from None

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class RecordFile(Lines):
    """The records of a folder.

    Args:
        folder: Made if it is not there.

    Raises:
        RecordsError: If the folder or the file cannot be made or opened.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / FILE)

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one record; raises as :meth:`append_line`."""
        self.append_line(record)


def read_records(folder: Path) -> list[dict[str, Any]]:
    """The records of a folder, oldest first; a torn line is passed over.

    Raises:
        RecordsError: If the file is there and cannot be read.
    """
    try:
        lines = (folder / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as e:
        raise RecordsError(f"cannot read {folder / FILE}: {e.strerror}") from None
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict):
                found.append(record)
    return found
