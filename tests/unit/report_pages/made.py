"""Records and pages for the tests."""

from __future__ import annotations

import base64
import csv
import io
import json
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from pytest_tritonbench.report.pages import Written


def record(phase: str = "exec", outcome: str = "passed", **fields: Any) -> dict[str, Any]:
    """A record of a suite's test; ``fields`` replace or add."""
    made: dict[str, Any] = {
        "suite": "TritonBench-T",
        "task": "softmax",
        "model": "gpt-4o",
        "sample": 0,
        "phase": phase,
        "outcome": outcome,
        "test": f"TritonBench-T::softmax::test_{phase}[gpt-4o]",
        "case": None,
        "reason": None,
        "message": None,
        "difficulty": 1,
        "family": "softmax",
        "environment": {"device": "NVIDIA H200", "triton": "3.6.0"},
        "run": "2026-11-20T10:00:00Z",
    }
    return made | fields


def answer(**phases: Any) -> list[dict[str, Any]]:
    """Records of one answer: each phase's outcome, or its outcome and further fields."""
    made = []
    for phase, told in phases.items():
        outcome, fields = (told, {}) if isinstance(told, str) else told
        made.append(record(phase, outcome, **fields))
    return made


class Page(HTMLParser):
    """A page as a browser reads it, as far as the tests ask."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text = ""
        self._in: dict[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count the element, and begin a script."""
        self.tags.append(tag)
        if tag == "script":
            self._in = dict(attrs)
            self.scripts.append((self._in, ""))

    def handle_endtag(self, tag: str) -> None:
        """End a script."""
        if tag == "script":
            self._in = None

    def handle_data(self, data: str) -> None:
        """Keep what stands in scripts apart from what is shown."""
        if self._in is None:
            self.text += data
        else:
            attrs, text = self.scripts[-1]
            self.scripts[-1] = attrs, text + data

    def data(self) -> Any:
        """What the grid is drawn from."""
        return json.loads(self._script("data"))

    def told(self, suite: int = 0, model: int = 0) -> Any:
        """What is told of the answers of one model."""
        packed = base64.b64decode(self._script(f"answers-{suite}-{model}"))
        return json.loads(zlib.decompress(packed))

    def _script(self, name: str) -> str:
        return next(text for attrs, text in self.scripts if attrs.get("id") == name)


def page_of(written: Written) -> Page:
    """Read the page of a report."""
    return Page(written.page.read_text(encoding="utf-8"))


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a table of a report."""
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
