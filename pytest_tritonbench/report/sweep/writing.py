"""Write the curves of records into a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .gathering import figures
from .page import page
from .rows import table

PAGE = "sweep.html"
TABLE = "sweep.csv"


class NothingTimedError(ValueError):
    """There is no curve to draw; the message says why and what to do."""


def write(records: Iterable[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write ``sweep.html`` and ``sweep.csv``.

    Args:
        records: Of one or of several runs; those that were not timed are passed over.
        folder: Made if it is not there; older files of these names are replaced.

    Returns:
        The page, then the table.

    Raises:
        NothingTimedError: If no record has times.
        OSError: If the folder or a file cannot be written.
    """
    found = figures(records)
    if not found:
        raise NothingTimedError(
            "no timed cases in these records: times are taken by test_bench, on a GPU, of tasks "
            "that have a sweep"
        )
    folder.mkdir(parents=True, exist_ok=True)
    texts = {PAGE: page(found), TABLE: table(found)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", errors="replace", newline="")
    return [folder / name for name in texts]
