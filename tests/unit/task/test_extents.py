"""Extents: what a shape may be written as, and which sizes are drawn."""

import pytest

from pytest_tritonbench.task.extents import dim, extent, names_in


@pytest.mark.parametrize(
    ("expression", "expected"), [("m", 4), (3, 3), ("2*n", 14), ("n//2 + 1", 4), ("m*n - n%3", 27)]
)
def test_an_extent_is_a_name_a_number_or_a_small_expression(
    expression: str | int, expected: int
) -> None:
    """Named dims combine with + - * // and %."""
    assert extent(expression, {"m": 4, "n": 7}) == expected


@pytest.mark.parametrize("expression", ["m**2", "f(m)", "m.x", "m +", "[m]", "m < n"])
def test_anything_else_is_refused(expression: str) -> None:
    """An expression that could run code, or is none, is an error that says what is allowed."""
    with pytest.raises(ValueError, match="small expression"):
        extent(expression, {"m": 4, "n": 7})


def test_a_name_without_a_size_is_named() -> None:
    """The message says which dim is missing."""
    with pytest.raises(ValueError, match="needs the dim 'k'"):
        extent("2*k", {"m": 4})


def test_names_are_found_in_order() -> None:
    """The dims of an expression are known without evaluating it."""
    assert names_in("b*(n + b) // h") == ("b", "n", "h")


def test_edges_respect_the_limits() -> None:
    """Only sizes that the dim admits are tried."""
    assert set(dim(multiple_of=16).edges(64)) == {16, 32, 48, 64}
    assert all(n & (n - 1) == 0 for n in dim(power_of_two=True).edges(200))
    assert dim(0).edges(8)[0] == 0


def test_limits_that_admit_nothing_are_refused() -> None:
    """A dim without any size is an error where it is declared."""
    with pytest.raises(ValueError, match="no extent between 17 and 31"):
        dim(17, 31, multiple_of=16)
