"""The answers that records are of, each once: what a report shows beside a verdict."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_tritonbench.report.records import Lines

FILE = "answers.jsonl"


class AnswerFile(Lines):
    """The answers of a folder of records, by their hash.

    Args:
        folder: Made if it is not there.

    Raises:
        RecordsError: If the file cannot be made or opened.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / FILE)
        self._known = set(read_answers(folder))

    def append(self, digest: str | None, text: str | None) -> None:
        """Keep an answer that is not there yet; raises as :meth:`append_line`."""
        if digest is None or text is None or digest in self._known:
            return
        self._known.add(digest)
        self.append_line({"hash": digest, "text": text})


def read_answers(folder: Path) -> dict[str, str]:
    """Answers by their hash; a torn line is passed over."""
    found: dict[str, str] = {}
    path = folder / FILE
    if not path.exists():
        return found
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
            found[row["hash"]] = row["text"]
        except (ValueError, KeyError, TypeError):
            continue
    return found
