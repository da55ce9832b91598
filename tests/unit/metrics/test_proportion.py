"""Proportions and their Wilson intervals."""

import math

import pytest

from pytest_tritonbench.report.metrics.proportion import Proportion, wilson


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (8, 10, 0.490162, 0.943318),
        (0, 20, 0.0, 3.841459 / 23.841459),
        (1, 1, 1 / 4.841459, 1.0),
        (5, 10, 0.236593, 0.763407),
    ],
)
def test_interval_has_known_values(k: int, n: int, low: float, high: float) -> None:
    """The Wilson interval is the one that textbooks give for these counts."""
    assert wilson(k, n) == pytest.approx((low, high), abs=2e-6)


@pytest.mark.parametrize(("k", "n"), [(1, 7), (54, 100), (66, 166), (183, 184)])
def test_bounds_are_where_the_score_test_turns(k: int, n: int) -> None:
    """Each bound is a proportion that lies exactly 1.96 of its own standard errors away."""
    for bound in wilson(k, n):
        error = math.sqrt(bound * (1 - bound) / n)
        assert abs(k / n - bound) / error == pytest.approx(1.959964, abs=1e-6)


def test_nothing_of_nothing() -> None:
    """A proportion of nothing has no value and says nothing about where it lies."""
    assert Proportion(0, 0).value is None
    assert Proportion(0, 0).interval == (0.0, 1.0)


def test_more_than_all_is_refused() -> None:
    """A count above its total is an error, not a percentage above 100."""
    with pytest.raises(ValueError, match="3 of 2"):
        Proportion(3, 2)


def test_json_is_in_percent() -> None:
    """Plain data gives percentages beside the counts they come from."""
    found = Proportion(20, 184).as_json()
    assert (found["k"], found["n"], found["percent"]) == (20, 184, 10.8696)
    assert found["low"] < found["percent"] < found["high"]
