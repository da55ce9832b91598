"""A candidate's timed call as the parent sees it: numbers are checked, and bounded by its clock."""

import contextlib
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .calls import Call
from .candidate import Candidate
from .protocol import ProtocolError
from .reasons import Reason
from .results import Delivered, Failure, demand, maybe, text, whole


class TimingFailedError(Exception):
    """The candidate failed while it was timed.

    Args:
        failure: how.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True)
class Reading:
    """One timed call, in seconds."""

    device: float
    """Of the device, from the first to the last thing the call did there."""
    host: float
    """Until the call returned."""
    late: float = 0.0
    """How much longer the device was at work on something else than the call's own stream."""
    wall: float = math.inf
    """By the parent's clock, from the request to the answer."""
    gap: bool = False
    """Whether the device may have waited for the host in between."""


@dataclass(frozen=True)
class Burst:
    """Some calls in a row."""

    seconds: float
    """For all of them, until the device had done them."""
    host: float
    """The host's for one call; of a candidate, what its process says."""


@dataclass(frozen=True)
class Tuning:
    """What an autotuner chose. The child says so itself: not evidence."""

    kernel: str
    configs: int
    config: str
    """The configuration that it chose."""


@dataclass(frozen=True)
class Opened:
    """A call that is ready to be timed."""

    delivered: Delivered
    """What its first call delivered."""
    seconds: float
    """Of the first call by the parent's clock, compilation and tuning included."""


@dataclass(frozen=True)
class Clock:
    """How the device's time is taken, and what was found when it was made ready."""

    method: str
    fallback: str | None
    """Why it is not the method that was asked for."""
    peak_bytes: int | None = None
    """The most memory that a call takes beyond its arguments, as the child has it."""
    tunings: tuple[Tuning, ...] = ()


class TimedCandidate:
    """Times one call of a candidate.

    Args:
        candidate: its inputs' bytes are in place, and stay there.
        call: what is timed.
        cold: whether the L2 cache is flushed before each call.
        timeout: seconds for the first call, and for any other step.
        copy_inputs: as for `Candidate.call`.
        cupti: whether CUPTI is to be ready for use.
    """

    def __init__(
        self,
        candidate: Candidate,
        call: Call,
        *,
        cold: bool = True,
        timeout: float = 120.0,
        copy_inputs: bool | Collection[str] = True,
        cupti: bool = False,
    ) -> None:
        self._cupti = cupti
        self._candidate = candidate
        self._call = call
        self._cold = cold
        self._timeout = timeout
        self._copy_inputs = copy_inputs

    def open(self) -> Opened:
        """Call it for the first time.

        Raises:
            TimingFailedError: it failed.
        """
        delivered, _, seconds = self._step("open", delivers=True, cold=self._cold)
        assert delivered is not None  # noqa: S101 - this step delivers
        return Opened(delivered, seconds)

    def ready(self, clock: str) -> Clock:
        """Tune again, choose the clock and warm up; raises as `time` does.

        Args:
            clock: as `Stopwatch.ready` has them.
        """
        said = self._step("ready", clock=clock)[1]
        with _checked():
            return Clock(
                text(said.get("method")),
                maybe(said.get("fallback"), text),
                maybe(said.get("peak_bytes"), whole),
                _tunings(said.get("tunings")),
            )

    def time(self, turns: Mapping[str, int], *, held: bool = True) -> Reading:
        """Time one call on inputs that are turned.

        Raises:
            TimingFailedError: it failed, or its times are none.
        """
        _, said, wall = self._step("time", turns=dict(turns), held=held)
        with _checked():
            device, host, late = (_seconds(said.get(name)) for name in ("ms", "host_ms", "late_ms"))
            demand(device > 0, "a call that took no time")
            told = f"a call of {max(device, host):.6f} s, answered after {wall:.6f} s"
            demand(max(device, host) <= wall, told)
            gap = said.get("gap")
            demand(isinstance(gap, bool), "no word on gaps")
        return Reading(device, host, late, wall, gap is True)

    def take(self) -> Delivered:
        """What the last timed call returned, to be kept.

        Raises:
            TimingFailedError: it cannot be had.
        """
        delivered = self._step("take", delivers=True, copy_inputs=True)[0]
        assert delivered is not None  # noqa: S101 - this step delivers
        return delivered

    def move(self, spacer: int) -> None:
        """Let the inputs lie elsewhere; raises as `time` does.

        Args:
            spacer: bytes that are taken before them.
        """
        self._step("move", spacer=spacer)

    def burst(self, count: int) -> Burst:
        """Time some calls in a row by the parent's clock; raises as `time` does."""
        _, said, seconds = self._step("burst", count=count)
        with _checked():
            return Burst(seconds, _seconds(said.get("host_ms")))

    def close(self) -> None:
        """Give the memory back; raises as `time` does."""
        self._step("close")

    def _step(
        self,
        what: str,
        *,
        delivers: bool = False,
        copy_inputs: bool | Collection[str] | None = None,
        **more: Any,
    ) -> tuple[Delivered | None, dict[str, Any], float]:
        answer = self._candidate.timed(
            self._call,
            {"what": what, **more},
            self._timeout,
            delivers=delivers,
            copy_inputs=self._copy_inputs if copy_inputs is None else copy_inputs,
            cupti=self._cupti,
        )
        if isinstance(answer, Failure):
            raise TimingFailedError(answer)
        return answer


def _tunings(data: Any) -> tuple[Tuning, ...]:
    demand(isinstance(data, list) and all(isinstance(one, dict) for one in data), "no tunings")
    return tuple(
        Tuning(text(one.get("kernel")), whole(one.get("configs")), text(one.get("config")))
        for one in data
    )


def _seconds(value: Any) -> float:
    """Milliseconds of a frame, in seconds."""
    demand(type(value) is float and 0 <= value < math.inf, "no time of a call")
    return float(value) / 1e3


@contextlib.contextmanager
def _checked() -> Iterator[None]:
    try:
        yield
    except ProtocolError as error:
        message = f"the process broke the sandbox's protocol: {error}"
        raise TimingFailedError(Failure(Reason.PROTOCOL, message, fatal=True)) from None
