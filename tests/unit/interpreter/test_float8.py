"""The mend of float8."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_is_off_by_a_factor_of_two(raw: Found) -> None:
    """1.97 becomes 1 and values past the range become NaN in Triton's interpreter."""
    rounded = raw["float8_rounding"]["value"]["torch.float8_e4m3fn"]
    assert rounded[0] == 1.0
    assert rounded[5] != rounded[5]


def test_float8_rounds_to_nearest_and_saturates(mended: Found) -> None:
    """Values become the nearest float8, and those past the range the largest."""
    rounded = mended["float8_rounding"]["value"]
    assert rounded["torch.float8_e4m3fn"] == [2.0, 0.25, -16.0, 288.0, 2**-9, 448.0, -448.0, 0.0]
    assert rounded["torch.float8_e5m2"] == [2.0, 0.25, -16.0, 320.0, 2**-9, 57344.0, -57344.0, 0.0]
