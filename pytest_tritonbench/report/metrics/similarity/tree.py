"""Syntax trees of Python, through tree-sitter, which parses programs with faults as well."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node, Parser


class SimilarityUnavailableError(Exception):
    """Similarity cannot be computed; the message says what is missing."""


@cache
def _parser() -> Parser:
    try:
        import tree_sitter  # noqa: PLC0415 - an extra, imported when it is needed
        import tree_sitter_python  # noqa: PLC0415
    except ImportError as e:
        raise SimilarityUnavailableError(
            f"CodeBLEU similarity needs {e.name}, which is not installed; "
            f"install it with: pip install 'pytest-tritonbench[similarity]'"
        ) from None
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language()))


def parse(code: str) -> Node:
    """Parse a program.

    Returns:
        The root; it has errors in it where the text is no Python, and is never refused.

    Raises:
        SimilarityUnavailableError: If tree-sitter is not installed.
    """
    # Lone surrogates come out of broken JSON escapes; they are no reason to give up a file.
    return _parser().parse(code.encode("utf-8", "replace")).root_node


def nodes(root: Node) -> Iterator[Node]:
    """Every node, parents before children."""
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def without_comments(code: str) -> str:
    """Cut comments, docstrings, and the lines that are left blank.

    Works on what is no Python too, as far as the parser makes sense of it.
    """
    spans = [
        (node.start_byte, node.end_byte)
        for node in nodes(parse(code))
        if node.type == "comment" or _is_docstring(node)
    ]
    raw = code.encode("utf-8", "replace")
    kept, end = [], 0
    for start, stop in spans:
        kept.append(raw[end:start])
        end = max(end, stop)
    kept.append(raw[end:])
    text = b"".join(kept).decode("utf-8", "replace")
    return "\n".join(line for line in text.split("\n") if line.strip())


def _is_docstring(node: Node) -> bool:
    """Whether a node is the first statement of a module, class or function, and a bare string."""
    if node.type != "expression_statement" or node.named_child_count != 1:
        return False
    parent = node.parent
    if node.children[0].type != "string" or parent is None:
        return False
    if parent.type == "block":
        owner = parent.parent
        if owner is None or owner.type not in ("function_definition", "class_definition"):
            return False
    elif parent.type != "module":
        return False
    first = next((n for n in parent.named_children if n.type != "comment"), None)
    return first is not None and first.id == node.id
