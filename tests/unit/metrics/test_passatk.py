"""pass@k and the means that carry a bootstrap interval."""

import itertools

import pytest

from pytest_tritonbench.report.metrics.passatk import pass_at_k, reported, unbiased
from pytest_tritonbench.report.metrics.resampling import geometric_mean, mean


@pytest.mark.parametrize("samples", [1, 4, 7])
def test_estimate_is_the_share_of_draws_with_a_right_answer(samples: int) -> None:
    """For every count, the estimate equals counting all draws of k answers one by one."""
    for right in range(samples + 1):
        for k in range(1, samples + 1):
            draws = list(itertools.combinations(range(samples), k))
            hits = sum(any(answer < right for answer in draw) for draw in draws)
            assert unbiased(samples, right, k) == pytest.approx(hits / len(draws))


def test_more_draws_than_answers_are_refused() -> None:
    """pass@5 of three answers is not made up."""
    with pytest.raises(ValueError, match="pass@5 needs at least 5 answers, there are 3"):
        unbiased(3, 1, 5)


def test_mean_over_tasks_with_an_interval() -> None:
    """Tasks weigh alike; the interval holds the mean and repeats from call to call."""
    counts = [(4, 0), (4, 2), (4, 4)]
    found = pass_at_k(counts, 2)
    assert found is not None
    assert found.value == pytest.approx((0 + 5 / 6 + 1) / 3)
    assert 0 <= found.low < found.value < found.high <= 1
    assert found == pass_at_k(counts, 2)


def test_same_everywhere_has_no_width() -> None:
    """Where every task gives the same, the bootstrap interval is that number."""
    found = mean([0.5] * 10)
    assert found is not None
    assert (found.value, found.low, found.high, found.tasks) == (0.5, 0.5, 0.5, 10)


def test_geometric_mean_of_opposites_is_one() -> None:
    """Twice as fast and half as fast cancel, which they do not in an arithmetic mean."""
    found = geometric_mean([2.0, 0.5])
    assert found is not None
    assert found.value == pytest.approx(1.0)
    assert (found.low, found.high) == pytest.approx((0.5, 2.0))
    assert geometric_mean([]) is None


def test_columns_of_k() -> None:
    """Twelve samples give pass@1, 2, 5, 10 and 12; none give none."""
    assert list(reported(12)) == [1, 2, 5, 10, 12]
    assert list(reported(0)) == []
