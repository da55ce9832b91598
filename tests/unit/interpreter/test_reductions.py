"""The mend of sums in 16 bits."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_accumulates_in_float32(raw: Found) -> None:
    """2048 + 1 + 1 + 1 is rounded once, to 2052, in Triton's interpreter."""
    assert raw["reductions"]["value"][0] == 2052.0


def test_sum_rounds_every_partial_sum(mended: Found) -> None:
    """2048 + 1 + 1 + 1 is (2048 + 1) + (1 + 1) = 2050 in float16, along either axis."""
    assert mended["reductions"]["value"] == [2050.0, 8192.0]


def test_unmended_interpreter_sums_columns_one_after_another(raw: Found) -> None:
    """The error of a column of 4096 equal float32 summands grows far beyond a tree's."""
    assert raw["column_sums"]["value"] > 5e-6


def test_columns_are_summed_as_a_tree(mended: Found) -> None:
    """A column of 4096 equal summands, a power of two, is exact."""
    assert mended["column_sums"]["value"] < 1e-6
