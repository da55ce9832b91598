"""The mend of running sums."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_adds_one_after_another(raw: Found) -> None:
    """The error of 4096 equal float32 summands grows far beyond a tree's."""
    assert raw["scans"]["value"][0] > 5e-6


def test_running_sums_add_as_a_tree(mended: Found) -> None:
    """No prefix of 4096 equal summands is off by more than a few roundings; integers are exact."""
    error, counted = mended["scans"]["value"]
    assert error < 1e-6
    assert counted == [1, 3, 6, 10, 15, 21, 28, 36]
