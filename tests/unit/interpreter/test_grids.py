"""The mend of list grids."""

from __future__ import annotations

from typing import Any

import pytest

Found = dict[str, dict[str, Any]]


@pytest.mark.parametrize("name", ["grids", "grids_from_function"])
def test_unmended_interpreter_refuses_a_list(raw: Found, name: str) -> None:
    """Triton's interpreter cannot launch over a list, given or returned by a function."""
    assert "can only concatenate list" in raw[name]["error"]


@pytest.mark.parametrize("name", ["grids", "grids_from_function"])
def test_list_is_a_grid(mended: Found, name: str) -> None:
    """A list launches as many programs as it says, as the compiled launch does."""
    assert mended[name]["value"] == [3, 3, 3]


def test_integer_is_no_grid(mended: Found) -> None:
    """A bare integer stays an error, because the compiled launch refuses it too."""
    assert mended["integer_grid"]["error"] == "TypeError: object of type 'int' has no len()"
