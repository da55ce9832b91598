"""The documentation as the tests read it: its fenced blocks, and the commands in them.

What a block's info string means:

- ``python title="PATH"``: the content of a file of the reader's repository. A path that this
  project bundles must have the bundled content; any other is written.
- ``python``: a program, run as it stands; it must end well.
- ``ini title="PATH"``, ``toml title="PATH"``, ``yaml title="PATH"``: as the first.
- ``console``: lines ``$ command``, each followed by what it prints. A line ``...`` stands for any
  number of lines. A command without output shown must end well.
- anything else is only read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

# A page that says so starts in an empty folder; the others start with the bundled tasks. Further
# marks put a TritonBench checkout in miniature beside them (checkout.py) or a server that has a
# model (models.py).
EMPTY = "<!-- starts in an empty folder -->"

_FENCE = re.compile(r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?$")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_FLOAT = re.compile(r"-?\d+(?:\.\d+(?:e[+-]?\d+)?|e[+-]?\d+)")
_RULE = re.compile(r"[=_-]{3,}")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    """Line of the fence, from 1."""

    language: str
    title: str | None
    text: str

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Step:
    """One command of a console block and the lines it is said to print."""

    command: str
    printed: tuple[str, ...]


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order.

    Raises:
        ValueError: If a fence is not closed or its info string is none of those above.
    """
    lines = iter(enumerate(page.read_text().splitlines(), 1))
    for number, line in lines:
        if not line.startswith("```"):
            continue
        fence = _FENCE.match(line)
        if fence is None:
            raise ValueError(f"{page.name}:{number}: {line!r} does not say what the block holds")
        content: list[str] = []
        for _, inner in lines:
            if inner == "```":
                break
            content.append(inner)
        else:
            raise ValueError(f"{page.name}:{number}: the block is not closed")
        text = "\n".join(content) + "\n"
        yield Block(page, number, fence["language"], fence["title"], text)


def steps(block: Block) -> Iterator[Step]:
    """The commands of a console block."""
    command: str | None = None
    printed: list[str] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield Step(command, tuple(printed))
            command, printed = line.removeprefix("$ "), []
        elif command is None:
            raise ValueError(f"{block.place}: output without a command above it")
        else:
            printed.append(line)
    if command is not None:
        yield Step(command, tuple(printed))


def missing(stated: Sequence[str], actual: Sequence[str]) -> str | None:
    """The first stated line that the actual output does not have where it should.

    Measured figures, times, hashes and the lengths of rules are not compared, as they differ from
    one run to the next; words, counts and order are. Where empty lines come depends on how the
    streams are buffered.
    """
    left = [_comparable(line) for line in actual if line.strip()]
    position, anywhere = 0, False
    for line in filter(str.strip, stated):
        if line.strip() == "...":
            anywhere = True
            continue
        wanted = _comparable(line)
        end = len(left) if anywhere else min(position + 1, len(left))
        found = next((i for i in range(position, end) if left[i] == wanted), None)
        if found is None:
            return line
        position, anywhere = found + 1, False
    if position < len(left) and not anywhere:
        return f"(the end; the actual output goes on: {actual[position]!r})"
    return None


def _comparable(line: str) -> str:
    for pattern, stand_in in ((_TIME, "TIME"), (_HASH, "HASH"), (_FLOAT, "#"), (_RULE, "===")):
        line = pattern.sub(stand_in, line)
    return " ".join(line.split())
