"""Loads and stores outside a tensor's storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Found = dict[str, dict[str, Any]]

SOURCE = Path(__file__).with_name("scenarios.py").read_text(encoding="utf-8").splitlines()


def test_load_past_the_end(outcome: Found) -> None:
    """The error names kernel, line, argument, the first offset outside and the valid range."""
    line = next(number for number, text in enumerate(SOURCE, 1) if "here: load" in text)
    message = outcome["load_past_the_end"]["message"]
    assert f"out-of-bounds load in reach_kernel, line {line}: offset 16 of x" in message
    assert "(4 of 8 lanes, program (0, 0, 0)); valid offsets are 0 to 15" in message
    assert outcome["load_past_the_end"]["line"] == line


def test_load_one_past_the_end(outcome: Found) -> None:
    """A single element past the end is outside."""
    assert "offset 16 of x (1 of 8 lanes" in outcome["load_one_past_the_end"]["message"]


def test_load_before_the_start(outcome: Found) -> None:
    """A negative offset is outside."""
    assert "offset -3 of x (3 of 8 lanes" in outcome["load_before_the_start"]["message"]


def test_load_inside(outcome: Found) -> None:
    """The last elements are inside."""
    assert outcome["load_inside"] == {"value": None}


def test_view_may_reach_its_storage(outcome: Found) -> None:
    """A kernel may leave a view as long as it stays in the view's storage."""
    assert outcome["load_within_the_storage_of_a_view"] == {"value": None}


def test_store_outside(outcome: Found) -> None:
    """A store is checked before it writes."""
    assert "out-of-bounds store" in outcome["store_outside"]["message"]
    assert "offset 6 of out (2 of 8 lanes" in outcome["store_outside"]["message"]


def test_block_pointer(outcome: Found) -> None:
    """A block pointer's boundary check keeps it inside; without one it is caught."""
    checked, error = outcome["block_pointer_outside"]["value"]
    assert checked == 6.0
    assert "offset 6 of x (2 of 8 lanes" in error


def test_atomic_outside(outcome: Found) -> None:
    """An atomic operation is an access too."""
    assert "out-of-bounds atomic" in outcome["atomic_outside"]["message"]
    assert "offset 6 of out (1 of 4 lanes" in outcome["atomic_outside"]["message"]
