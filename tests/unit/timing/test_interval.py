"""The interval of a ratio of medians, against brute force, by its properties and by simulation."""

import math
import time

import numpy as np
import pytest

from pytest_tritonbench.timing.interval import (
    PAIR_BIAS,
    Block,
    Interval,
    _median_draws,
    assumed_pair_bias,
    of_blocks,
    of_medians,
    student,
)

OFFS = [PAIR_BIAS * z for z in (1.1619, 0.3873, -0.3873, -1.1619)]
"""Four values with the assumed standard deviation."""


def _timings(seed: int, count: int = 200, scale: float = 1.0) -> list[float]:
    rng = np.random.default_rng(seed)
    return [float(x) for x in scale * 50e-6 * (1 + rng.gamma(1.0, 0.02, count))]


def _blocks(seed: int, pairs: int = 1, *, off: float = 0.0, count: int = 12) -> list[Block]:
    rng = np.random.default_rng(seed)
    found = []
    for pair in range(pairs):
        bias = math.exp(rng.normal(0, off)) if off else 1.0
        for _ in range(count // pairs):
            ours, theirs = (1 + rng.gamma(1.0, 0.02, (2, 10))) * 50e-6
            found.append(Block([*map(float, ours)], [*map(float, theirs * bias)], pair))
    return found


@pytest.mark.parametrize("count", [200, 37])
def test_it_is_the_bootstrap_of_medians(count: int) -> None:
    """Bounds are those of medians of resamples that were really made, of even and odd lists."""
    ours, theirs = _timings(1, count), _timings(2, count, 1.1)
    rng = np.random.default_rng(3)
    drawn = [
        np.median(np.array(side)[rng.integers(0, count, (20000, count))], axis=1)
        for side in (ours, theirs)
    ]
    low, high = np.percentile(drawn[0] / drawn[1], [2.5, 97.5])
    found = of_medians(ours, theirs, resamples=20000)
    assert found.low == pytest.approx(low, abs=3e-4)
    assert found.high == pytest.approx(high, abs=3e-4)
    assert found.value == pytest.approx(np.median(ours) / np.median(theirs))


@pytest.mark.parametrize("count", [2, 3, 6])
def test_short_lists_are_resampled_alike(count: int) -> None:
    """Medians that are drawn without resamples are those of resamples in mean and in scatter."""
    values = np.array([1.0, 2.0, 4.0, 8.0, 9.0, 20.0][:count])
    rng = np.random.default_rng(1)
    made = np.median(values[rng.integers(0, count, (200_000, count))], axis=1)
    drawn = _median_draws(values, 200_000, rng)
    assert drawn.mean() == pytest.approx(made.mean(), rel=0.01)
    assert drawn.std() == pytest.approx(made.std(), rel=0.01)


def test_it_is_fast() -> None:
    """2,000 resamples of 200 samples take less than 20 ms."""
    ours, theirs = _timings(1), _timings(2)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        of_medians(ours, theirs)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.02


def test_one_seed_gives_one_interval() -> None:
    """Records of the same samples agree, and another seed moves the bounds by little."""
    ours, theirs = _timings(1), _timings(2)
    assert of_medians(ours, theirs) == of_medians(ours, theirs)
    other = of_medians(ours, theirs, seed=7)
    assert other != of_medians(ours, theirs)
    assert other.low == pytest.approx(of_medians(ours, theirs).low, abs=1e-3)
    assert of_blocks(_blocks(1)) == of_blocks(_blocks(1))


def test_the_order_of_timings_does_not_matter() -> None:
    """Lists are samples, not series."""
    ours, theirs = _timings(1), _timings(2)
    assert of_medians(ours[::-1], theirs) == of_medians(ours, theirs)


def test_drift_that_a_block_shares_cancels() -> None:
    """Blocks of a device that slows down by 30 % give the interval of one that does not."""
    still = _blocks(5)
    drifting = [
        Block([x * (1 + n / 40) for x in b.reference], [x * (1 + n / 40) for x in b.candidate])
        for n, b in enumerate(still)
    ]
    assert of_blocks(drifting).as_json() == pytest.approx(of_blocks(still).as_json())


def test_the_ratio_says_how_many_times_as_fast() -> None:
    """A candidate that takes half the time has the speedup 2, and the reciprocal has 0.5."""
    blocks = [Block([2.0, 2.1, 2.2], [1.0, 1.05, 1.1]) for _ in range(8)]
    found = of_blocks(blocks)
    assert found.value == pytest.approx(2.0)
    assert 2.0 in found
    assert found.reciprocal.value == pytest.approx(0.5)
    assert found.reciprocal.low == pytest.approx(1 / found.high)
    assert of_medians([2.0, 2.1, 2.2], [1.0, 1.05, 1.1]).value == pytest.approx(2.0)


def test_one_pair_of_processes_is_no_claim_to_perfection() -> None:
    """Blocks without any scatter still leave what a restart might change."""
    blocks = [Block([1.0] * 10, [1.0] * 10) for _ in range(50)]
    assert of_blocks(blocks).half_width == pytest.approx(0.0069, abs=5e-4)
    assert of_blocks(blocks).floor == pytest.approx(of_blocks(blocks).half_width, rel=0.01)
    assert of_blocks(blocks, pair_bias=0).half_width == 0


def test_short_calls_are_trusted_less() -> None:
    """At 6 us a pair of processes may be off by 4 %, at 25 us by 1.1 %, at 250 us by 0.5 %."""
    found = [2 * assumed_pair_bias(seconds) for seconds in (6e-6, 25e-6, 250e-6)]
    assert found == pytest.approx([0.040, 0.0108, 0.0051], rel=0.03)


def test_restarts_narrow_the_interval_where_they_agree() -> None:
    """Four pairs that agree say more than one, and those that do not say less."""
    one, four = (of_blocks(_blocks(1, pairs)).half_width for pairs in (1, 4))
    apart = of_blocks(_blocks(1, 4, off=0.03)).half_width
    assert four < one < apart


def test_the_floor_of_further_restarts_is_foretold() -> None:
    """What one pair says of four is what four pairs come to that scatter as is assumed."""
    flat = [[Block([1 + off] * 10, [1.0] * 10, pair)] * 9 for pair, off in enumerate(OFFS)]
    one, four = of_blocks(flat[0]), of_blocks([block for pair in flat for block in pair])
    assert one.floor_after(1, 1) == one.floor
    assert one.floor_after(1, 4) == pytest.approx(four.floor, rel=0.02)


def test_few_blocks_are_not_trusted() -> None:
    """Two blocks hold the truth in 88 % of runs at least, by being many times as wide as twenty."""
    two, twenty = (
        [of_blocks(_blocks(seed, count=count), pair_bias=0) for seed in range(100)]
        for count in (2, 20)
    )
    widths = [np.median([one.half_width for one in found]) for found in (two, twenty)]
    assert widths[0] > 7 * widths[1]
    assert sum(1.0 in one for one in two) >= 88


def test_one_block_falls_back_to_its_timings() -> None:
    """With nothing to resample but the timings of a block, these are resampled."""
    block = Block(_timings(1), _timings(2))
    alone = of_blocks([block], pair_bias=0)
    assert alone.half_width == pytest.approx(
        of_medians(block.reference, block.candidate).half_width, rel=0.05
    )


def test_a_coarse_clock_widens_the_interval() -> None:
    """Timings of 6 us by a clock of 0.5 us say nothing below some percent, however many."""
    rng = np.random.default_rng(1)
    exact = 6e-6 * (1 + rng.gamma(1.0, 0.02, (2, 2000)))
    coarse = np.round(exact / 0.5e-6) * 0.5e-6
    assert of_medians(*exact.tolist()).half_width < 0.003
    assert of_medians(*coarse.tolist()).half_width > 0.03


@pytest.mark.parametrize("kind", ["one pair", "four pairs"])
def test_the_interval_holds_the_truth(kind: str) -> None:
    """Of 300 intervals at 95 % on skewed timings, at least 92 % hold the true ratio."""
    pairs = {"one pair": 1, "four pairs": 4}[kind]
    held = [1.0 in of_blocks(_blocks(seed, pairs, off=0.003, count=20)) for seed in range(300)]
    assert sum(held) >= 0.92 * len(held)


@pytest.mark.parametrize(
    ("freedom", "table"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042)],
)
def test_student_agrees_with_the_table(freedom: int, table: float) -> None:
    """Two-sided quantiles at 95 % are within 1 % of the printed ones."""
    assert student(0.95, freedom) == pytest.approx(table, rel=0.01)


@pytest.mark.parametrize("timings", [[], [1.0, 0.0], [1.0, -1.0], [1.0, math.nan], [math.inf, 1.0]])
def test_what_is_no_timing(timings: list[float]) -> None:
    """Nothing, zero, less than zero and what is no number are refused on either side."""
    with pytest.raises(ValueError, match="timing"):
        of_medians(timings, [1.0])
    with pytest.raises(ValueError, match="timing"):
        of_blocks([Block([1.0], timings)])


def test_no_blocks() -> None:
    """An interval of nothing is refused."""
    with pytest.raises(ValueError, match="no block"):
        of_blocks([])


def test_as_data_and_as_text() -> None:
    """A record holds value, bounds, level and the number of samples; people read three figures."""
    found = Interval(1.25, 1.24, 1.26, 0.95, 200)
    assert found.as_json() == {
        "value": 1.25,
        "low": 1.24,
        "high": 1.26,
        "level": 0.95,
        "samples": 200,
    }
    assert str(found) == "1.250 [1.240, 1.260]"
    assert found.half_width == pytest.approx(0.008)
