"""Where the profiles of a case lie: below one folder, under names that are safe on any disk."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

_UNSAFE = re.compile(r"[^\w.=,+-]+", re.ASCII)
_LONGEST = 120


@dataclass(frozen=True)
class Place:
    """The files of one case: ``FOLDER/TASK/CASE.SUFFIX``."""

    folder: Path
    """As :func:`folder_of` gives it."""

    task: str
    case: str
    """The case's id."""

    author: str = ""
    """Whose kernel it is, where a task has several."""

    def file(self, suffix: str) -> Path:
        """The path of a file, in a folder that is there.

        Args:
            suffix: What the file is, with its dot.

        Raises:
            OSError: If the folder cannot be made.
        """
        below = self.folder / safe(self.task)
        if self.author:
            below /= safe(self.author)
        below.mkdir(parents=True, exist_ok=True)
        return below / f"{safe(self.case)}{suffix}"


def folder_of(results: Path | None, here: Path) -> Path:
    """Where profiles go: beside the records, where there are any."""
    return here / "tb-profiles" if results is None else results / "profiles"


def safe(name: str) -> str:
    """A name that is one file's in one folder; names that differ stay different."""
    plain = _UNSAFE.sub("_", name).lstrip(".-")[:_LONGEST]
    if plain and plain == name:
        return name
    return (
        f"{plain or 'case'}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    )
