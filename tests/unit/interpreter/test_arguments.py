"""The mend of scalar arguments."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_refuses_a_bool(raw: Found) -> None:
    """Triton's interpreter makes four bytes of a one-bit argument and fails."""
    assert "exceeds dtype primitive_bitwidth" in raw["arguments"]["error"]


def test_bool_and_float_arguments_are_tensors(mended: Found) -> None:
    """A bool selects in `tl.where` and a float has `.to`, as in compiled code."""
    assert mended["arguments"]["value"] == [1.0, 0.5]
