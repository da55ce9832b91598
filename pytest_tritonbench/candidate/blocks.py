"""The parts of an answer: turns of a conversation, fenced blocks, and the prose around them."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
# What a model's chat format puts between turns: <|im_end|>, <|user|>, and the fullwidth ones.
_TURN = re.compile(r"<\|[^<>|\n]{1,40}\|>|<\uff5c[^<>\uff5c\n]{1,40}\uff5c>|</s>")
# Before it may stand the end of a sentence, or of the code.
_FENCE = re.compile(r"([^`]*?)(`{3,}|~{3,})\s*([^`\n]*?)\s*")
_PYTHON = re.compile(r"(?:py|python\d?|tri?ton|tritonpython)(?:\W.*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Block:
    """A fenced block, or what stands between two of them."""

    text: str
    fenced: bool
    closed: bool = True
    """Whether its fence is closed."""

    python: bool = True
    """Whether its fence says Python, or nothing."""


def without_thoughts(text: str) -> str:
    """An answer without what stands between ``<think>`` and ``</think>``.

    A thought without its beginning ends where it says so; one without its end is all that follows.
    """
    text = _THOUGHT.sub("", text)
    return text.rpartition("</think>")[2].partition("<think>")[0]


def turns(text: str) -> list[str]:
    """What stands between the marks of a chat format; the first is the model's own turn."""
    return [part for part in _TURN.split(text) if part.strip()]


def blocks(text: str) -> list[Block]:
    """Split a turn at its fences."""
    found: list[Block] = []
    lines: list[str] = []
    fence: str | None = None
    python = True

    def end(*, closed: bool) -> None:
        body = "\n".join(lines)
        if body.strip():
            fenced = fence is not None
            found.append(Block(textwrap.dedent(body), fenced, closed, python or not fenced))
        lines.clear()

    for line in text.split("\n"):
        mark = _FENCE.fullmatch(line)
        if mark is None or (fence is not None and mark[2][0] != fence[0]):
            lines.append(line)
            continue
        if mark[1].strip():
            lines.append(mark[1])
        if fence is not None and not mark[3]:
            end(closed=True)
            fence = None
        else:
            # A fence with a language opens a block, even inside one that was not closed.
            end(closed=fence is None)
            fence, python = mark[2], not mark[3] or _PYTHON.fullmatch(mark[3]) is not None
    end(closed=fence is None)
    return found
