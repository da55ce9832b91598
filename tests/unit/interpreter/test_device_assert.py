"""The mend of `tl.device_assert`."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_never_fires(raw: Found) -> None:
    """A false assertion passes in Triton's interpreter, even with debug=True."""
    assert raw["device_assert"] == {"value": None}


def test_assertion_fires_when_debugging(mended: Found) -> None:
    """A false assertion stops a launch with debug=True and shows its message."""
    assert "not positive" in mended["device_assert"]["error"]


def test_assertion_is_silent_otherwise(mended: Found) -> None:
    """A false assertion passes without debug, as in compiled code."""
    assert mended["device_assert_without_debug"] == {"value": None}
