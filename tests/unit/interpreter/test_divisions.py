"""The mend of whole numbers that are divided by zero."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_returns_zero(raw: Found) -> None:
    """Quotient and remainder are NumPy's zero."""
    assert raw["divisions"]["value"] == [[0, 3, 0, 1]] * 3


def test_every_bit_is_set(mended: Found) -> None:
    """What is divided by zero shows, and the lane beside it is as it was."""
    assert mended["divisions"]["value"] == [[-1, 3, -1, 1], [-1, 3, -1, 1], [255, 3, 255, 1]]
