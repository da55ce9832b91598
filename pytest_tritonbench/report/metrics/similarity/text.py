"""The program in an answer, and what of it CodeBLEU is shown, by either policy."""

from __future__ import annotations

import re
from typing import Literal

Policy = Literal["proper", "published"]
POLICIES: tuple[Policy, ...] = ("proper", "published")

_FENCED = re.compile(r"```python\n(.*?)```", re.DOTALL)
# Java's comments and the two kinds of quotes that protect what looks like one.
_JAVA = re.compile(
    r"//.*?$|/\*.*?\*/|'(?:\\.|[^\\'])*'|\"(?:\\.|[^\\\"])*\"", re.DOTALL | re.MULTILINE
)


def published_answer(text: str) -> str:
    """Pick the program out of an answer as upstream does for similarity.

    Every closed ```` ```python ```` block, joined by an empty line; without one, or where all of
    them are empty, the whole answer, prose and open fences included. This is another rule than
    the one that upstream runs programs by.
    """
    return "\n\n".join(_FENCED.findall(text)) or text


def one_line(code: str) -> str:
    r"""Write a program as upstream hands it over: one line, with ``\n`` as two characters.

    Upstream writes each program on a line of a file and never turns the two characters back. To
    the parser, a program is thus one line that is no Python, and a comment from its first ``#``.
    """
    return code.replace("\r", "").replace("\n", "\\n").strip()


def without_java_comments(code: str) -> str:
    """Cut what a Java compiler would take for comments, and lines that are left blank.

    Upstream does this to Python. Floor division ends the program there: on one line, ``//`` cuts
    off everything that follows it.
    """
    cut = _JAVA.sub(lambda found: " " if found[0].startswith("/") else found[0], code)
    return "\n".join(line for line in cut.split("\n") if line.strip())
