"""Times that cannot be true are refused: they leave something out."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from pytest_tritonbench.sandbox import Failure, Reason
from pytest_tritonbench.sandbox.timed_candidate import Clock, TimingFailedError
from pytest_tritonbench.task.work import Work
from pytest_tritonbench.timing.in_a_row import InARow
from pytest_tritonbench.timing.peaks import Peaks
from pytest_tritonbench.timing.roofline import impossible
from pytest_tritonbench.timing.sampler import Series

_LATE_SECONDS = 50e-6
_LATE_SHARE = 0.2
_BURST_SLACK = 20e-6
_BURST_EXCESS = 1.3
_HOST_EXCESS = 2.0


def audit(series: Series, row: InARow, clock: Clock) -> str:
    """Hold what a candidate's process says of its times against the parent's clock.

    Args:
        series: What its own clock says.
        row: Calls in a row, by the parent's.
        clock: Which its own clock is.

    Returns:
        What bears the times out: ``wall-clock``, or why nothing can: ``launch-bound`` where the
        host bounds calls in a row, ``host-clock`` where there is no device.

    Raises:
        TimingFailedError: If they leave out what the device did.
    """
    device = statistics.median(series.device)
    late = statistics.median(series.late)
    if late > _LATE_SECONDS + _LATE_SHARE * device:
        raise TimingFailedError(
            Failure(
                Reason.FALSE_TIME,
                f"the device was at work for {1e6 * late:.0f} us more after the call's own "
                f"stream had ended ({1e6 * device:.0f} us): work on another stream that "
                f"the call does not wait for",
            )
        )
    if clock.method == "host-clock":
        return "host-clock"
    # Nine of ten calls were faster than this: on a busy machine the median is not the measure.
    slow = sorted(series.device)[int(0.9 * len(series.device))]
    if row.wall <= _BURST_EXCESS * slow + _BURST_SLACK:
        return "wall-clock"
    if row.wall <= _HOST_EXCESS * row.host + _BURST_SLACK:
        # The host is what bounds calls in a row; they say nothing of the device.
        return "launch-bound"
    raise TimingFailedError(
        Failure(
            Reason.FALSE_TIME,
            f"{1e6 * row.wall:.0f} us a call by the parent's clock, of calls in a row, and "
            f"only {1e6 * slow:.0f} us at most by the clock in its process",
        )
    )


def refuse_impossible(
    series: Series, work: Work, peaks: Callable[[bool], Peaks], *, cold: bool
) -> None:
    """Refuse times that the device is not capable of.

    Args:
        series: The candidate's.
        work: What the case asks for.
        peaks: What the device can do; asked again, they are measured again.
        cold: Whether the L2 cache was flushed before each call.

    Raises:
        TimingFailedError: If it is not, by two measurements of its peaks.
    """

    def excess(found: Peaks) -> str | None:
        return impossible(
            seconds=statistics.median(series.device),
            flops=work.flops,
            least_bytes=work.least_bytes,
            dtype=work.dtype,
            peaks=found,
            l2_bytes=found.l2_bytes,
            cold=cold,
        )

    if excess(peaks(False)) is None:  # noqa: FBT003 - not again
        return
    told = excess(peaks(True))  # noqa: FBT003 - again
    if told is not None:
        raise TimingFailedError(Failure(Reason.FALSE_TIME, told))
