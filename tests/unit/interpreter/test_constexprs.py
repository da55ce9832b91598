"""The mend of quoted annotations."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_misses_a_quoted_annotation(raw: Found) -> None:
    """A constant annotated in quotes arrives as a tensor and `tl.arange` refuses it."""
    assert "must be of type tl.constexpr" in raw["constexprs"]["error"]


def test_quoted_annotation_marks_a_constant(mended: Found) -> None:
    """A constant annotated in quotes is a constant."""
    assert mended["constexprs"]["value"] == [1.0] * 4
