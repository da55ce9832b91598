"""The mend of atomics."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_lacks_bfloat16_atomics(raw: Found) -> None:
    """An atomic addition to bfloat16 raises in Triton's interpreter."""
    assert "Unsupported data type" in raw["atomics"]["error"]


def test_bfloat16_atomics_see_each_other(mended: Found) -> None:
    """Lanes that hit one element add up, return what they found, and masked lanes do nothing."""
    assert mended["atomics"]["value"] == [[12.0, 21.0], [10.0, 20.0, 11.0, 0.0]]
