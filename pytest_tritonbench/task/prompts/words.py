"""Code and prose taken apart: for the search, and for telling whether two texts are the same."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Sequence

_WORD = re.compile(r"[A-Za-z_]\w*|\d+")
# fooBar, HTTPServer, layer_norm, x2: humps, capitals before a hump, and runs of digits.
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PROSE = re.compile(r"[a-z0-9]+")
_CODE = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|[^\s\w]")
_NO_CODE = re.compile(r"\"\"\".*?\"\"\"|'''.*?'''|#[^\n]*", re.DOTALL)


def words(text: str) -> list[str]:
    """The words of code or prose, in lower case.

    An identifier gives its pieces and, where it has several, itself: ``rms_normFwd`` is ``rms``,
    ``norm``, ``fwd`` and ``rms_normfwd``.
    """
    return [piece for word in _WORD.findall(text) for piece in _pieces(word)]


def _pieces(word: str) -> Iterator[str]:
    pieces = [piece.lower() for piece in _PIECE.findall(word)]
    yield from pieces
    if len(pieces) > 1:
        yield word.lower()


def parts(identifier: str) -> list[str]:
    """The pieces of one identifier, in lower case."""
    return [piece.lower() for piece in _PIECE.findall(identifier)]


def prose(text: str) -> list[str]:
    """The words of prose as they are compared: lower case, nothing but letters and digits."""
    return _PROSE.findall(text.lower())


def structure(code: str) -> list[str]:
    """The tokens of code without what is easily changed.

    Comments, docstrings and white space are left out, and every name of the module's own is the
    same token; names behind a dot and keywords stay, as they say what is done.
    """
    found: list[str] = []
    before = ""
    for token in _CODE.findall(_NO_CODE.sub(" ", code)):
        named = token[0].isalpha() or token[0] == "_"
        own = named and before != "." and not keyword.iskeyword(token)
        found.append("name" if own else token)
        before = token
    return found


def runs(tokens: Sequence[str], length: int) -> frozenset[tuple[str, ...]]:
    """Every run of ``length`` neighbouring tokens."""
    return frozenset(tuple(tokens[i : i + length]) for i in range(max(0, len(tokens) - length + 1)))
