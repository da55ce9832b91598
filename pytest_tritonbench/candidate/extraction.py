"""The code of an answer, taken as a careful reader would; nothing in it is repaired."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pytest_tritonbench.candidate.blocks import Block, blocks, turns, without_thoughts
from pytest_tritonbench.candidate.source import Piece, parse_piece

_START = re.compile(
    r"import \w[\w.]*( as \w+)?\s*(,|#|$)|from [\w.]+ import "
    r"|@\w[\w.]*\s*(\(|$)|(def|class) \w+\s*[(:]"
)
_PROSE = re.compile(r"(?:[-*#>]+\s+|\d+\.\s+)*[A-Z`*\"'(][^\s=()\[\]]*(?:\s+\S+){2,}")
_FUTURE = re.compile(r"^from __future__ import .*$", re.MULTILINE)
_CODE = re.compile(r"(?:import|from|@|def|class|if|for|while|with|return|try|assert|del)\b")


class Rule(StrEnum):
    """How the code was found."""

    WHOLE = "whole"
    """The answer as it stands is Python."""

    BLOCK = "block"
    """One fenced block."""

    BLOCKS = "blocks"
    """Several fenced blocks that belong together, in their order."""

    TRIMMED = "trimmed"
    """Code without fences, without the prose or the rest of the prompt around it."""

    BROKEN = "broken"
    """There is code, but it is no Python; it is handed on as it stands."""

    NONE = "none"
    """There is no code."""


@dataclass(frozen=True)
class Extracted:
    """The code of an answer."""

    code: str
    """Empty where there is none."""

    rule: Rule
    note: str = ""
    """What was left out, for a reader who wonders."""


def extract(text: str, *, entry: str | None, names: Iterable[str]) -> Extracted:
    """Take the code out of an answer.

    The first of these that gives code defining every wanted name is taken:

    1. the answer as it stands, if it is Python;
    2. of its fenced blocks that are Python, the one that defines the wanted names, with the other
       blocks that define what it needs; the last of several that need equally little else;
    3. the text without fences, from its first line that begins a statement, up to the first
       paragraph of prose.

    Thoughts are left out first, and marks of a chat format end a turn: the first turn that answers
    is taken. Where no way leads to the wanted names, blocks that are Python come before everything
    else, and what is no Python is handed on as it stands, so that it fails as what it is.

    Args:
        text: The answer.
        entry: Name of the entry point.
        names: Names that the code must define.
    """
    wanted = frozenset(names) or frozenset([entry] if entry else [])
    if piece := _python(text):
        return Extracted(piece.text, Rule.WHOLE)
    said = without_thoughts(text)
    notes = ["thoughts left out"] if said != text else []
    found = [_of_turn(turn, wanted) for turn in turns(said)]
    if not found:
        return Extracted("", Rule.NONE, "; ".join(notes))
    # The first of the best: a later turn is the model talking to itself.
    best = max(range(len(found)), key=lambda i: (_worth(found[i][0], found[i][1]), -i))
    taken, _ = found[best]
    if len(found) > 1:
        notes.append(f"turn {best + 1} of {len(found)}")
    notes += [taken.note] if taken.note else []
    return Extracted(taken.code, taken.rule, "; ".join(notes))


def _worth(found: Extracted, defined: int) -> tuple[int, int]:
    ranks = {Rule.NONE: 0, Rule.BROKEN: 1}
    return ranks.get(found.rule, 2), defined


def _python(text: str) -> Piece | None:
    """A text that is Python and more than an expression: one word of prose is Python too."""
    # Blanks before the first statement are left over from the prompt's format.
    piece = parse_piece(text) or parse_piece(text.lstrip())
    return piece if piece is not None and piece.defines else None


def _of_turn(turn: str, wanted: frozenset[str]) -> tuple[Extracted, int]:
    """The code of a turn and how many of the wanted names it defines."""
    if piece := _python(turn):
        return Extracted(piece.text, Rule.WHOLE), len(piece.defines & wanted)
    parts = blocks(turn)
    fenced = [block for block in parts if block.fenced and block.python]
    pieces = [(i, p) for i, block in enumerate(fenced) if (p := _python(block.text)) is not None]
    best = _of_blocks(pieces, fenced, wanted) if pieces else None
    if best is not None and best[1] == len(wanted):
        return best
    for block in parts:
        loose = None if block.fenced else _trimmed(block.text, wanted)
        if loose is not None and (best is None or len(loose.defines & wanted) > best[1]):
            best = (
                Extracted(loose.text, Rule.TRIMMED, "text around it left out"),
                len(loose.defines & wanted),
            )
    return best or (_broken(turn, parts, wanted), 0)


def _of_blocks(
    pieces: Sequence[tuple[int, Piece]], fenced: Sequence[Block], wanted: frozenset[str]
) -> tuple[Extracted, int]:
    starts = [i for i, (_, piece) in enumerate(pieces) if piece.defines & wanted]
    if starts:
        ways = [_gathered(start, pieces, wanted) for start in starts]
        most = max(len(_defines(way, pieces) & wanted) for way in ways)
        good = [way for way in ways if len(_defines(way, pieces) & wanted) == most]
        chosen = min(reversed(good), key=lambda way: len(_lacks(way, pieces)))
    else:
        # Nothing answers: every block is shown, as a reader would put them into one file.
        chosen = list(range(len(pieces)))
    joined = _joined([pieces[i][1].text for i in chosen])
    numbers = ", ".join(str(pieces[i][0] + 1) for i in chosen)
    notes = [f"block {numbers} of {len(fenced)}"] if len(fenced) > 1 else []
    if not all(fenced[pieces[i][0]].closed for i in chosen):
        notes.append("a fence is not closed")
    rule = Rule.BLOCK if len(chosen) == 1 else Rule.BLOCKS
    defined = len(_defines(chosen, pieces) & wanted)
    return Extracted(joined, rule, "; ".join(notes)), defined


def _joined(texts: Sequence[str]) -> str:
    """Blocks as one file: what is imported from ``__future__`` must come first there."""
    future = [line for text in texts[1:] for line in _FUTURE.findall(text)]
    if not future:
        return "\n\n".join(texts)
    future += _FUTURE.findall(texts[0])
    return "\n".join([*dict.fromkeys(future), *(_FUTURE.sub("", text) for text in texts)])


def _gathered(start: int, pieces: Sequence[tuple[int, Piece]], wanted: frozenset[str]) -> list[int]:
    """A block with the others that define what it lacks, nearest first, in their order."""
    chosen = [start]
    while True:
        missing = wanted - _defines(chosen, pieces)
        lacking = missing | _lacks(chosen, pieces)
        others = []
        for i, (_, piece) in enumerate(pieces):
            # What follows is mostly an example of use: its imports alone are no reason to run it.
            gives = piece.defines & lacking if i < start else piece.definitions & lacking
            if i not in chosen and (gives or piece.defines & missing):
                others.append(i)
        if not others:
            return sorted(chosen)
        # What stands before is what was said to be there already; the nearest is the latest of it.
        chosen.append(min(others, key=lambda i: (i > start, abs(i - start))))


def _defines(chosen: Iterable[int], pieces: Sequence[tuple[int, Piece]]) -> frozenset[str]:
    return frozenset().union(*(pieces[i][1].defines for i in chosen))


def _lacks(chosen: Iterable[int], pieces: Sequence[tuple[int, Piece]]) -> frozenset[str]:
    needs = frozenset[str]().union(*(pieces[i][1].needs for i in chosen))
    return needs - _defines(chosen, pieces)


def _trimmed(text: str, wanted: frozenset[str]) -> Piece | None:
    """Code out of prose, where it defines something that is wanted."""
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if _START.match(line)), None)
    if start is None:
        return None
    # What stands behind the code is left out where it is prose, never where it is unfinished code.
    ends = [i for i in range(start + 1, len(lines)) if _is_prose(lines, i)]
    for end in (len(lines), *ends):
        piece = parse_piece("\n".join(lines[start:end]))
        if piece is not None and piece.defines & wanted:
            return piece
    return None


def _is_prose(lines: Sequence[str], i: int) -> bool:
    line = lines[i]
    if lines[i - 1].strip() or not _PROSE.match(line) or _CODE.match(line):
        return False
    try:
        ast.parse(line)
    except (SyntaxError, ValueError):
        return True
    return False


def _broken(turn: str, parts: Sequence[Block], wanted: frozenset[str]) -> Extracted:
    """What is handed on where nothing is Python: the block that names what is wanted, or all."""
    fenced = [block for block in parts if block.fenced and block.python]
    if fenced:
        named = [b for b in fenced if any(f"def {name}(" in b.text for name in wanted)]
        return Extracted((named or fenced)[0].text, Rule.BROKEN, "no fenced block is Python")
    lines = [line.lstrip() for part in parts if part.python for line in part.text.split("\n")]
    if any(map(_START.match, lines)):
        return Extracted(turn, Rule.BROKEN)
    return Extracted("", Rule.NONE)
