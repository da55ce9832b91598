"""Data-flow match: where the value of each variable comes from, with names taken out.

The graph is that of GraphCodeBERT (Guo et al., ICLR 2021), which CodeBLEU (Ren et al., 2020)
compares: a leaf of the syntax tree is a node; a use *comes from* the definitions that reach it, a
target of an assignment is *computed from* every leaf on the right. Loop bodies are gone through
twice, branches are joined.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

Flow = tuple[str, str, tuple[str, ...]]
"""Variable, relation, and the variables it comes from; numbered by first use, without names."""

_States = dict[str, list[int]]
_ASSIGNMENTS = ("assignment", "augmented_assignment", "for_in_clause")
_BRANCHES = ("elif_clause", "else_clause")
# What a string holds is not looked at: the literal is one token.
_LITERALS = ("string", "string_literal", "character_literal")


class _MalformedError(Exception):
    """A loop or an assignment lacks a side; the program has no graph then."""


@dataclass(frozen=True)
class _Edge:
    """One entry of the graph: a leaf, and the leaves that its value comes from."""

    name: str
    at: int
    """Which leaf of the program it is."""

    relation: str
    sources: tuple[str, ...]
    places: tuple[int, ...]


def dataflow(root: Node, code: str, *, bytes_as_characters: bool = False) -> Counter[Flow]:
    """Extract the data flow of a program.

    Args:
        root: Its syntax tree.
        code: Its text.
        bytes_as_characters: Cut tokens out of the text as if a byte were a character, as upstream
            does; what follows a character outside ASCII is then misread.

    Returns:
        How often each flow occurs; empty where the program has a loop without a side, or is
        nested too deeply to be followed.
    """
    try:
        graph = _Graph(root, code, bytes_as_characters=bytes_as_characters)
        edges: list[_Edge] = []
        graph.follow(root, {}, edges)
    except (_MalformedError, RecursionError):
        return Counter()
    return _numbered(_merged(_connected(sorted(edges, key=lambda edge: edge.at))))


def match(reference: Counter[Flow], candidate: Counter[Flow]) -> tuple[int, int]:
    """Count the reference's flows that the candidate has too, one for one, and all of them."""
    return (reference & candidate).total(), reference.total()


class _Graph:
    """Goes through a syntax tree with the definitions that reach each place.

    States are passed down and changed in place; only branches work on copies.
    """

    def __init__(self, root: Node, code: str, *, bytes_as_characters: bool) -> None:
        raw = code.encode("utf-8", "replace")
        self._leaves: dict[tuple[int, int], tuple[int, str]] = {}
        for number, leaf in enumerate(_leaves(root)):
            span = leaf.start_byte, leaf.end_byte
            text = (
                code[slice(*span)]
                if bytes_as_characters
                else raw[slice(*span)].decode("utf-8", "replace")
            )
            # Two empty leaves at one place are one.
            self._leaves[span] = number, text.replace("\n", "")

    def follow(self, node: Node, states: _States, edges: list[_Edge]) -> _States:
        """Add the edges of a sub-tree; return the definitions that hold after it."""
        if _is_leaf(node):
            return self._use(node, states, edges)
        follow = {
            "default_parameter": self._parameter,
            "if_statement": self._branches,
            "for_statement": self._for,
            "while_statement": self._while,
            **dict.fromkeys(_ASSIGNMENTS, self._assignment),
        }.get(node.type, self._in_turn)
        return follow(node, states, edges)

    def _in_turn(self, node: Node, states: _States, edges: list[_Edge]) -> _States:
        # What a comprehension loops over is there before its element is.
        for child in sorted(node.children, key=lambda child: child.type != "for_in_clause"):
            states = self.follow(child, states, edges)
        return states

    def _use(self, node: Node, states: _States, edges: list[_Edge]) -> _States:
        place, name = self._leaves[node.start_byte, node.end_byte]
        if node.type == name:
            return states
        if name in states:
            edges.append(_Edge(name, place, "comesFrom", (name,), tuple(states[name])))
            return states
        if node.type == "identifier":
            states[name] = [place]
        edges.append(_Edge(name, place, "comesFrom", (), ()))
        return states

    def _parameter(self, node: Node, states: _States, edges: list[_Edge]) -> _States:
        names = self._variables(node.child_by_field_name("name"))
        value = node.child_by_field_name("value")
        if value is None:
            for place, name in names:
                edges.append(_Edge(name, place, "comesFrom", (), ()))
                states[name] = [place]
            return states
        states = self.follow(value, states, edges)
        for place, name in names:
            edges.extend(
                _Edge(name, place, "comesFrom", (source,), (at,))
                for at, source in self._variables(value)
            )
            states[name] = [place]
        return states

    def _assignment(self, node: Node, states: _States, edges: list[_Edge]) -> _States:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if node.type == "for_in_clause":
            pairs = [(left, node.children[-1])]
        elif right is None:
            return states  # an annotation alone assigns nothing
        else:
            pairs = _paired(left, right)
        return self._assign(pairs, states, edges)

    def _assign(
        self, pairs: list[tuple[Node | None, Node]], states: _States, edges: list[_Edge]
    ) -> _States:
        for _, right in pairs:
            states = self.follow(right, states, edges)
        for left, right in pairs:
            sources = self._variables(right)
            for place, name in self._variables(left):
                names, places = tuple(s for _, s in sources), tuple(p for p, _ in sources)
                edges.append(_Edge(name, place, "computedFrom", names, places))
                states[name] = [place]
        return states

    def _branches(self, node: Node, states: _States, edges: list[_Edge]) -> _States:
        taken = dict(states)
        ends: list[_States] = []
        has_else = False
        for child in node.children:
            has_else = has_else or "else" in child.type
            if child.type in _BRANCHES:
                ends.append(self.follow(child, dict(states), edges))
            else:
                taken = self.follow(child, taken, edges)
        ends.append(taken)
        if not has_else:
            ends.append(states)
        joined: dict[str, set[int]] = {}
        for end in ends:
            for name, places in end.items():
                joined.setdefault(name, set()).update(places)
        return {name: sorted(places) for name, places in joined.items()}

    def _for(self, node: Node, states: _States, edges: list[_Edge]) -> _States:
        inner: list[_Edge] = []
        right = node.child_by_field_name("right")
        if right is None:
            raise _MalformedError
        for _ in range(2):
            states = self._assign(_paired(node.child_by_field_name("left"), right), states, inner)
            if node.children[-1].type == "block":
                states = self.follow(node.children[-1], states, inner)
        edges.extend(_united(inner))
        return states

    def _while(self, node: Node, states: _States, edges: list[_Edge]) -> _States:
        inner: list[_Edge] = []
        for child in node.children * 2:
            states = self.follow(child, states, inner)
        edges.extend(_united(inner))
        return states

    def _variables(self, node: Node | None) -> list[tuple[int, str]]:
        """Give the leaves below a node that are no keywords and no punctuation."""
        if node is None:
            raise _MalformedError
        found = []
        for leaf in _leaves(node):
            place, name = self._leaves[leaf.start_byte, leaf.end_byte]
            if leaf.type != name:
                found.append((place, name))
        return found


def _is_leaf(node: Node) -> bool:
    return (not node.child_count or node.type in _LITERALS) and node.type != "comment"


def _leaves(root: Node) -> list[Node]:
    found, stack = [], [root]
    while stack:
        node = stack.pop()
        if _is_leaf(node):
            found.append(node)
        else:
            stack.extend(reversed(node.children))
    return found


def _paired(left: Node | None, right: Node) -> list[tuple[Node | None, Node]]:
    """Pair the targets of an assignment with their values, where there are as many of both."""
    if left is None:
        raise _MalformedError
    lefts: list[Node | None] = [n for n in left.children if n.type != ","]
    rights = [n for n in right.children if n.type != ","]
    if len(lefts) != len(rights):
        return [(left, right)]
    return list(zip(lefts or [left], rights or [right], strict=True))


def _united(edges: list[_Edge]) -> list[_Edge]:
    """Unite the edges of a loop that tell of one leaf, from the two times through its body."""
    united: dict[tuple[str, int, str], _Edge] = {}
    for edge in edges:
        key = edge.name, edge.at, edge.relation
        before = united.get(key)
        if before is None:
            united[key] = edge
        else:
            places = tuple(sorted({*before.places, *edge.places}))
            sources = tuple(sorted({*before.sources, *edge.sources}))
            united[key] = _Edge(*key, sources, places)
    return sorted(united.values(), key=lambda edge: edge.at)


def _connected(edges: list[_Edge]) -> list[_Edge]:
    """Leave out the leaves that come from nothing and that nothing comes from."""
    known = {edge.at for edge in edges if edge.places}
    known.update(place for edge in edges for place in edge.places)
    return [edge for edge in edges if edge.at in known]


def _merged(edges: list[_Edge]) -> list[_Edge]:
    """Make one edge of all that tell of one leaf."""
    merged: dict[int, _Edge] = {}
    for edge in edges:
        before = merged.get(edge.at)
        if before is not None:
            sources = tuple(sorted({*before.sources, *edge.sources}))
            places = tuple(sorted({*before.places, *edge.places}))
            merged[edge.at] = _Edge(edge.name, edge.at, edge.relation, sources, places)
        else:
            merged[edge.at] = edge
    return list(merged.values())


def _numbered(edges: list[_Edge]) -> Counter[Flow]:
    """Replace names by numbers, in the order in which they appear."""
    numbers: dict[str, str] = {}
    flows: Counter[Flow] = Counter()
    for edge in edges:
        for name in (*edge.sources, edge.name):
            numbers.setdefault(name, f"var_{len(numbers)}")
        sources = tuple(numbers[name] for name in edge.sources)
        flows[numbers[edge.name], edge.relation, sources] += 1
    return flows
