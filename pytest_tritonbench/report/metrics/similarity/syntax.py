"""Syntax match: which sub-trees of the reference's syntax tree the candidate's has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node


def subtrees(root: Node) -> Counter[str]:
    """Write every sub-tree with at least one child as an S-expression, names and values left out.

    Returns:
        How often each occurs. The root is among them even where it has no child.
    """
    return Counter(str(node) for node in _inner(root))


def _inner(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(child for child in node.children if child.child_count)


def match(reference: Counter[str], candidate: Counter[str]) -> tuple[int, int]:
    """Count the reference's sub-trees that occur in the candidate at least once, and all of them.

    A sub-tree that the reference has twice and the candidate once counts twice: CodeBLEU looks up
    and does not tick off.
    """
    found = sum(count for tree, count in reference.items() if tree in candidate)
    return found, reference.total()
