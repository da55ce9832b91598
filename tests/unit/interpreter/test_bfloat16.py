"""The mend of bfloat16."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_adds_raw_bits(raw: Found) -> None:
    """1.5 + 1.5 is infinite when the bits of bfloat16 are added as integers."""
    assert raw["bfloat16_addition"]["value"][0] == float("inf")


def test_bfloat16_adds_values(mended: Found) -> None:
    """bfloat16 blocks add as numbers."""
    assert mended["bfloat16_addition"]["value"] == [3.0, -4.0, 200.0, 0.0]


def test_unmended_interpreter_truncates(raw: Found) -> None:
    """Triton's interpreter drops the low bits of a float32."""
    assert raw["bfloat16_rounding"]["value"][:2] == ["1.0", "-1.0"]


def test_float32_rounds_to_nearest(mended: Found) -> None:
    """A float32 becomes the nearest bfloat16, overflow is infinite and NaN stays NaN."""
    rounded = mended["bfloat16_rounding"]["value"]
    assert rounded == ["1.0078125", "-1.0078125", "inf", "nan"]


def test_unmended_interpreter_has_no_constants(raw: Found) -> None:
    """`tl.full` in bfloat16 raises in Triton's interpreter."""
    assert "get_bf16" in raw["bfloat16_constant"]["error"]


def test_constants_can_be_bfloat16(mended: Found) -> None:
    """`tl.full` makes a block of bfloat16."""
    assert mended["bfloat16_constant"]["value"] == [1.5, 1.5]
