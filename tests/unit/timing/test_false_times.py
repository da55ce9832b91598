"""What a process says of its own times is held against the parent's clock."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from pytest_tritonbench.possible_times import audit, refuse_impossible
from pytest_tritonbench.sandbox.timed_candidate import Burst, Clock, TimingFailedError
from pytest_tritonbench.task.work import Work
from pytest_tritonbench.timing.in_a_row import InARow, in_a_row
from pytest_tritonbench.timing.peaks import Peaks
from pytest_tritonbench.timing.sampler import Series

EVENTS = Clock("cuda-events", None)


def audited(device: float, row: InARow, *, late: float = 0.0, clock: Clock = EVENTS) -> str:
    """What the audit says of calls that take so long by their own clock, and so long in a row."""
    return audit(Series(device=[device] * 20, late=[late] * 4), row, clock)


def test_calls_in_a_row_bear_the_clock_out() -> None:
    """100 us by its own clock, 104 by the parent's."""
    assert audited(100e-6, InARow(wall=104e-6, host=30e-6)) == "wall-clock"


def test_where_the_host_is_slower_the_parent_cannot_tell() -> None:
    """A row takes what the host needs to ask for it: 99 us for 60 on a busy machine."""
    assert audited(39e-6, InARow(wall=99e-6, host=60e-6)) == "launch-bound"


def test_a_row_that_takes_longer_than_device_and_host_is_refused() -> None:
    """Neither explains the parent's 500 us: the work is somewhere else."""
    with pytest.raises(TimingFailedError, match=r"500 us a call by the parent's clock.*only 40 us"):
        audited(40e-6, InARow(wall=500e-6, host=30e-6))


def test_work_that_nobody_waited_for_is_refused() -> None:
    """The device is at work after the call's own stream has ended."""
    with pytest.raises(TimingFailedError, match="300 us more after the call's own stream"):
        audited(10e-6, InARow(wall=1e-5, host=1e-5), late=300e-6)


def test_without_a_device_there_is_nothing_to_hold_against() -> None:
    """The host's clock is the parent's own kind of clock."""
    row = InARow(wall=1.0, host=0.0)
    assert audited(1e-3, row, clock=Clock("host-clock", "no GPU")) == "host-clock"


def test_one_more_call_is_what_counts() -> None:
    """What a row costs once, such as waiting at its end, is no part of a call."""

    class Side:
        def burst(self, count: int) -> Burst:
            return Burst(seconds=5e-3 + 40e-6 * count, host=25e-6)

    side: Any = Side()
    found = in_a_row(side, 40e-6)
    assert found.wall == pytest.approx(40e-6)
    assert found.host == 25e-6


@pytest.mark.parametrize(("microseconds", "looks"), [(100.0, [False]), (1.0, [False, True])])
def test_only_what_looks_impossible_has_peaks_measured_again(
    microseconds: float, looks: list[bool]
) -> None:
    """100 MB at 1 TB/s of a measured 4 TB/s need no second look; at 100 TB/s they do."""
    asked: list[bool] = []

    def peaks(again: bool) -> Peaks:  # noqa: FBT001 - as it is called
        asked.append(again)
        return Peaks(gbs=4000.0, tflops={}, l2_bytes=1 << 20)

    work = Work(flops=None, nbytes=10**8, least_bytes=10**8, dtype="float32")
    series = Series(device=[microseconds * 1e-6] * 20)
    refused = pytest.raises(TimingFailedError, match="98,951 GB/s")
    with refused if len(looks) > 1 else nullcontext():
        refuse_impossible(series, work, peaks, cold=True)
    assert asked == looks
