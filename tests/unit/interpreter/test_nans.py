"""The mend of NaN in `tl.maximum`, `tl.minimum` and `tl.clamp`."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_returns_nan(raw: Found) -> None:
    """NaN wins over a number in Triton's interpreter."""
    assert raw["nans"]["value"] == ["nan", "nan", "nan"]


def test_number_wins_over_nan(mended: Found) -> None:
    """The number is returned, as `max.f32` and `min.f32` do."""
    assert mended["nans"]["value"] == ["1.0", "1.0", "-1.0"]


def test_nan_propagates_where_asked_for(mended: Found) -> None:
    """With `PropagateNan.ALL` the result is NaN."""
    assert mended["nans_propagated"]["value"] == ["nan", "nan", "nan"]
