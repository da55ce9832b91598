"""Verdicts, stopping and gates: what is decided from an interval."""

import math

import pytest

from pytest_tritonbench import timing_values
from pytest_tritonbench.timing import gates, verdict
from pytest_tritonbench.timing.gates import BaselineError, Measured, Outcome
from pytest_tritonbench.timing.interval import Interval
from pytest_tritonbench.timing.stopping import Rule, Stop


def _interval(low: float, high: float) -> Interval:
    return Interval(math.sqrt(low * high), low, high, 0.95, 200)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.02, 1.04, "faster"),
        (0.96, 0.98, "slower"),
        (0.995, 1.005, "same"),
        (0.5, 2.0, "ambiguous"),
        (1.005, 1.03, "ambiguous"),
        (0.97, 0.995, "ambiguous"),
        # The borders themselves are no difference yet.
        (1.01, 1.04, "ambiguous"),
        (1 / 1.01, 1.01, "same"),
    ],
)
def test_the_verdict_is_of_the_whole_interval(low: float, high: float, expected: str) -> None:
    """Beyond the threshold, within it, or across it: the last is never called a difference."""
    assert verdict.of(_interval(low, high)) == expected


def test_both_sides_are_treated_alike() -> None:
    """Swapping reference and candidate swaps faster and slower."""
    one = _interval(1.02, 1.05)
    assert verdict.of(one) == "faster"
    assert verdict.of(one.reciprocal) == "slower"


def test_the_threshold_is_the_users() -> None:
    """What is faster by 1 % need not be by 5 %."""
    assert verdict.of(_interval(1.02, 1.04), threshold=0.05) == "same"


def test_an_ambiguous_verdict_says_what_is_open() -> None:
    """It names the difference that the samples neither show nor exclude."""
    told = verdict.told(_interval(0.98, 1.02))
    assert told.startswith("ambiguous: 1.000 [0.980, 1.020] at 95%, 200 samples; a difference")
    assert "difference" not in verdict.told(_interval(1.5, 1.6))


def test_sampling_ends_when_the_interval_is_narrow() -> None:
    """At the half-width that was asked for, and not before the first blocks."""
    rule = Rule(half_width=0.01, fewest=8)
    narrow, wide = _interval(0.995, 1.004), _interval(0.98, 1.02)
    assert rule.stop([narrow], blocks=8, spent=0.1) is Stop.PRECISE
    assert rule.stop([narrow], blocks=7, spent=0.1) is None
    assert rule.stop([narrow, wide], blocks=8, spent=0.1) is None
    assert rule.stop([], blocks=9, spent=0.1) is None


@pytest.mark.parametrize(
    ("low", "high", "pairs", "stop"),
    [
        (1.014, 1.032, 1, Stop.PAIR),
        (0.97, 0.985, 2, Stop.PAIR),
        (1.014, 1.032, 3, Stop.PRECISE),
        (0.995, 1.004, 1, Stop.PRECISE),
        (1.10, 1.12, 1, Stop.PRECISE),
    ],
)
def test_a_small_difference_is_asked_of_further_pairs(
    low: float, high: float, pairs: int, stop: Stop
) -> None:
    """Below 5 % three pairs of processes have to show it; a large one, or none, needs one."""
    rule = Rule(pairs=6)
    assert rule.stop([_interval(low, high)], blocks=8, spent=0.1, pairs=pairs) is stop
    assert Rule().stop([_interval(low, high)], blocks=8, spent=0.1) is Stop.PRECISE


def test_sampling_ends_when_the_time_is_spent() -> None:
    """Also where nothing was looked at; but one block alone is no measurement."""
    rule = Rule(budget=2.0)
    assert rule.stop([], blocks=3, spent=2.0) is Stop.BUDGET
    assert rule.stop([], blocks=1, spent=9.0) is None
    assert rule.stop([_interval(0.9, 1.1)], blocks=200, spent=0.5) is Stop.FULL


def test_where_it_lies_does_not_end_sampling() -> None:
    """A wide interval far from 1 goes on like one around 1: no peeking at the verdict."""
    rule = Rule()
    for low, high in [(0.5, 0.55), (0.95, 1.05), (2.0, 2.2)]:
        assert rule.stop([_interval(low, high)], blocks=50, spent=1.0) is None


def test_looks_become_rarer() -> None:
    """The first is at the fewest blocks, the last at the most, a dozen in all."""
    rule, looks = Rule(fewest=8, most=200), [0]
    while looks[-1] < rule.most:
        looks.append(rule.next_look(looks[-1]))
    assert looks[1] == 8
    assert looks == sorted(set(looks))
    assert 10 <= len(looks) <= 16


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (1.0, 1.1, Outcome.PASSED),
        (0.99, 1.1, Outcome.AMBIGUOUS),
        (0.9, 1.0, Outcome.AMBIGUOUS),
        (0.9, 0.999, Outcome.FAILED),
    ],
)
def test_a_least_speedup_holds_for_the_lower_bound(
    low: float, high: float, outcome: Outcome
) -> None:
    """It passes if the lower bound does, fails if not even the upper one does."""
    found = gates.min_speedup(_interval(low, high), 1.0)
    assert found.outcome is outcome
    assert "of at least 1" in found.message


def test_ambiguous_fails_only_where_timing_is_strict() -> None:
    """A gate that flakes teaches people to ignore it."""
    finding = gates.min_speedup(_interval(0.9, 1.1), 1.0)
    assert not finding.fails(strict=False)
    assert finding.fails(strict=True)
    assert gates.min_speedup(_interval(0.8, 0.9), 1.0).fails(strict=False)
    assert not gates.min_speedup(_interval(1.8, 1.9), 1.0).fails(strict=True)


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (1.19, 1.21, Outcome.PASSED),
        (1.15, 1.16, Outcome.FAILED),
        (1.16, 1.19, Outcome.AMBIGUOUS),
        (1.3, 1.4, Outcome.PASSED),
    ],
)
def test_a_regression_is_of_the_speedup(low: float, high: float, outcome: Outcome) -> None:
    """Against a baseline of 1.20, two percent of time are allowed."""
    then = Measured(_interval(1.199, 1.201), "NVIDIA H200", "base.json")
    now = Measured(_interval(low, high), "NVIDIA H200")
    found = gates.max_regression(now, then, 0.02)
    assert found.outcome is outcome
    assert "base.json" in found.message


def test_a_baseline_of_another_gpu_is_refused() -> None:
    """Unless comparing different models was asked for."""
    then = Measured(_interval(1.19, 1.21), "NVIDIA A100", "old.json")
    now = Measured(_interval(1.19, 1.21), "NVIDIA H200")
    with pytest.raises(BaselineError, match=r"\(old.json\) was measured on NVIDIA A100"):
        gates.max_regression(now, then, 0.05)
    assert gates.max_regression(now, then, 0.05, any_gpu=True).outcome is Outcome.PASSED


def test_errors_of_both_runs_count() -> None:
    """The quotient of two intervals of 1 % is 1.4 % wide, and lopsided where they are."""
    one = Interval(1.0, math.exp(-0.01), math.exp(0.01), 0.95, 200)
    both = gates.quotient(one, one)
    assert math.log(both.high) == pytest.approx(0.01 * math.sqrt(2))
    exact = Interval(2.0, 2.0, 2.0, 0.95, 100)
    skew = Interval(1.0, 0.9, 1.2, 0.95, 200)
    found = gates.quotient(exact, skew)
    assert (found.low, found.high) == pytest.approx((2 / 1.2, 2 / 0.9))
    found = gates.quotient(skew, exact)
    assert (found.low, found.high) == pytest.approx((0.9 / 2, 1.2 / 2))
    assert found.samples == 100


def test_a_saved_interval_comes_back() -> None:
    """As it was written; one that is none is refused with what to do."""
    one = _interval(0.9, 1.1)
    assert gates.interval_from_json(one.as_json()) == one
    with pytest.raises(BaselineError, match="'low'"):
        gates.interval_from_json({"value": 1.0})
    with pytest.raises(BaselineError, match="is none"):
        gates.interval_from_json({**one.as_json(), "low": 2.0})


@pytest.mark.parametrize(("text", "value"), [("1.0", 1.0), ("0.95x", 0.95), ("2", 2.0)])
def test_a_least_speedup_as_written(text: str, value: float) -> None:
    """A number, with an x after it for who likes that."""
    assert timing_values.ratio(text) == value


@pytest.mark.parametrize(("text", "value"), [("2%", 0.02), ("0.02", 0.02), ("150%", 1.5)])
def test_a_largest_regression_as_written(text: str, value: float) -> None:
    """A percentage or a share."""
    assert timing_values.change(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "0", "-1", "fast", "nan", "inf", "1e3", "%"])
def test_what_is_no_gate(text: str) -> None:
    """The message says what would be right."""
    with pytest.raises(ValueError, match="speedup above 0"):
        timing_values.ratio(text)
    with pytest.raises(ValueError, match="a percentage such as 2%"):
        timing_values.change(text)


def test_two_is_not_two_hundred_percent() -> None:
    """Who writes 2 is asked whether 2 % is meant."""
    with pytest.raises(ValueError, match="such as 2%"):
        timing_values.change("2")
