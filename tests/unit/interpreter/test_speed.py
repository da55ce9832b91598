"""The mend of repeated patching."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_patches_for_every_call(raw: Found) -> None:
    """A launch of five programs with one device function patches the language six times."""
    assert raw["speed"]["value"] == 6


def test_patches_are_worked_out_once(mended: Found) -> None:
    """A second launch works out no patches."""
    assert mended["speed"]["value"] == 0
