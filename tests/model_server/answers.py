"""Recorded answers, and which of them a prompt asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNKNOWN = "I do not know this task."

_ENTRY = re.compile(r"Wrapper Entry Information:\s*(?:def\s+)?([A-Za-z_]\w*)\s*\(")


@dataclass(frozen=True)
class Recorded:
    """One answer of a file of predictions."""

    task: str
    """The row's ``task``, the stem of its ``file``, or the name in its own prompt."""

    prompt: str
    text: str
    reasoning: str = ""


class Answers:
    """The rows of files of predictions, found by the task that a prompt is about.

    A prompt that holds a recorded one word for word is about its task. Otherwise it is the task
    whose function it defines (``def softmax(``), or calls (``softmax(``), or names (``softmax``);
    of several, the last, since examples stand before what is asked.

    Args:
        paths: JSON lines with ``predict`` (or ``answer``) and what tells the task.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.rows = [_row(json.loads(line)) for path in paths for line in _lines(path)]
        self._tasks = sorted({row.task for row in self.rows if row.task}, key=len, reverse=True)
        names = "|".join(map(re.escape, self._tasks))
        self._patterns = [
            re.compile(pattern.format(names))
            for pattern in (r"\bdef\s+({})\s*\(", r"\b({})\s*\(", r"\b({})\b")
        ]

    def task(self, messages: Sequence[Mapping[str, Any]]) -> str | None:
        """The task of a conversation, told from the first of its user's messages."""
        prompt = next((str(m.get("content")) for m in messages if m.get("role") == "user"), "")
        for row in self.rows:
            if row.prompt.strip() and row.prompt.strip() in prompt:
                return row.task or row.prompt
        for pattern in self._patterns if self._tasks else ():
            found = pattern.findall(prompt)
            if found:
                return str(found[-1])
        return None

    def answer(self, task: str | None, number: int) -> Recorded:
        """The answer to a task that is asked for the n-th time, counted from 0."""
        rows = [row for row in self.rows if task in {row.task, row.prompt}]
        return rows[number % len(rows)] if rows else Recorded("", "", UNKNOWN)


def _lines(path: str) -> list[str]:
    return [line for line in Path(path).read_text("utf-8-sig").split("\n") if line.strip()]


def _row(row: Mapping[str, Any]) -> Recorded:
    prompt = row.get("prompt") or row.get("instruction") or ""
    task = row.get("task") or Path(row.get("file") or "").stem
    if not task:
        named = _ENTRY.search(prompt)
        task = named[1] if named else ""
    text = row.get("predict") or row.get("answer") or ""
    return Recorded(task, prompt, text, row.get("reasoning", ""))
