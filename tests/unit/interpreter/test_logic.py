"""The mend of `and`, `or` and `not` on blocks."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_drops_an_operand(raw: Found) -> None:
    """`a and b` is b, `a or b` is a and `not a` stores nothing in Triton's interpreter."""
    assert raw["logic"]["value"][:3] == [[1, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]


def test_operators_act_on_elements(mended: Found) -> None:
    """The three operators combine masks element by element; scalars keep Python's meaning."""
    expected = [[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 0], [0, 0, 1, 1], [7, 0, 0, 0]]
    assert mended["logic"]["value"] == expected
