"""What a piece of Python defines and what it needs."""

from __future__ import annotations

import ast
import builtins
import symtable
import warnings
from dataclasses import dataclass

_GIVEN = frozenset(dir(builtins)) | {"__file__", "__builtins__"}


@dataclass(frozen=True)
class Piece:
    """A piece of source that can be parsed."""

    text: str
    defines: frozenset[str]
    """Names that it binds at its top level."""

    needs: frozenset[str]
    """Names that it uses and neither it nor Python itself defines."""

    definitions: frozenset[str]
    """Names of its functions and classes, those inside ``if`` and ``try`` included."""


def parse_piece(text: str) -> Piece | None:
    """Parse a piece of source; ``None`` if it is no Python."""
    try:
        with warnings.catch_warnings():
            # Invalid escapes are the answer's own business.
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            scope = symtable.symtable(text, "answer", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    star = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    }
    own = {s.get_name() for s in scope.get_symbols() if s.is_assigned() or s.is_imported()}
    definitions = {table.get_name() for table in scope.get_children()} & own
    # What a star import brings is not known: it may be all that is needed.
    needs = frozenset() if star else frozenset(_used(scope, top=True) - own - _GIVEN)
    return Piece(text, frozenset(own), needs, frozenset(definitions))


def _used(scope: symtable.SymbolTable, *, top: bool) -> set[str]:
    found = {
        s.get_name() for s in scope.get_symbols() if s.is_referenced() and (top or s.is_global())
    }
    for child in scope.get_children():
        found |= _used(child, top=False)
    return found
