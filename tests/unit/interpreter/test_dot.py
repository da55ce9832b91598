"""The mend of `tl.dot`."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_multiplies_raw_bits(raw: Found) -> None:
    """A bfloat16 product of small integers is off by billions in Triton's interpreter."""
    assert raw["dot_bfloat16"]["value"] > 1e6


def test_bfloat16_multiplies_values(mended: Found) -> None:
    """A bfloat16 product of small integers is exact."""
    assert mended["dot_bfloat16"]["value"] == 0.0


def test_int8_is_exact(mended: Found) -> None:
    """An int8 product accumulates in int32."""
    assert mended["dot_int8"]["value"] == 0.0


def test_half_result_is_rounded_once(mended: Found) -> None:
    """2048 + 1 + 1 is 2050 in a float16 product, because it is accumulated in float32."""
    assert mended["dot_half_accumulator"]["value"] == 2050.0


def test_tf32_is_the_default_of_nvidia(outcome: Found) -> None:
    """A float32 product loses bits unless "ieee" or "tf32x3" is asked for."""
    errors = outcome["precision_of_dots"]["value"]
    assert errors["ieee"] < 1e-5
    assert errors["tf32x3"] < 1e-5
    assert 1e-4 < errors["tf32"] == errors["None"] < 1e-1


def test_amd_multiplies_float32_exactly(outcome: Found) -> None:
    """On an AMD target the default is exact."""
    assert outcome["precision_of_dots_on_amd"]["value"] < 1e-5
