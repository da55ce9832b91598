"""Those who are timed: a candidate, its rivals, and references."""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_tritonbench.evaluation import Evaluation, Outcome, Timing
from pytest_tritonbench.sandbox import Delivered, TensorArg
from pytest_tritonbench.sandbox.timed_candidate import (
    Burst,
    Clock,
    Opened,
    Reading,
    TimingFailedError,
    Tuning,
)
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.work import Work
from pytest_tritonbench.timers import Timer
from pytest_tritonbench.timing_options import TimingSettings

_KEPT_ON_THE_WAY = 2
_ONE_IN = 40


class RejectedError(Exception):
    """What was timed is wrong.

    Args:
        outcome: How.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class RivalError(Exception):
    """A further candidate failed, or what it delivered is wrong.

    Args:
        name: Whose fault it is.
        reason: One word for it.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class CandidateSide:
    """A candidate that is timed, and now and then judged without warning."""

    def __init__(
        self, evaluation: Evaluation, case: Case, settings: TimingSettings, timeout: float
    ) -> None:
        self._evaluation = evaluation
        self._case = case
        self._settings = settings
        self._timeout = timeout
        self._timing: Timing | None = None
        self._turns: dict[str, int] = {}
        self._opened: Opened | None = None
        self._rng = random.SystemRandom()
        self.turned: tuple[str, ...] = ()
        """Inputs that differ from call to call."""
        self.judged = 0
        self.judging = 0.0
        """Seconds that were spent on judging."""
        self.keeping = 0.0
        """Seconds that were spent on keeping what is to be judged."""
        self._kept: list[tuple[Delivered, dict[str, int]]] = []
        self._outcome: Outcome | None = None
        self.audit: str | None = None
        self.peak_bytes: int | None = None
        self.tunings: tuple[Tuning, ...] = ()

    @property
    def opened(self) -> Opened:
        """What its first call told."""
        assert self._opened is not None  # noqa: S101 - it is opened before all else
        return self._opened

    def open(self) -> None:
        """Have its first call, and judge what that delivers."""
        self._timing = self._evaluation.timing(
            self._case,
            cold=self._settings.l2 == "cold",
            timeout=self._timeout,
            cupti=self._settings.clock == "cupti",
        )
        arguments = dict(self._timing.asked.args)
        self.turned = tuple(
            name
            for name in self._timing.asked.turnable
            if isinstance(arg := arguments[name], TensorArg) and math.prod(arg.shape) > 1
        )
        opened = self._timing.timed.open()
        # What it took to compile, only the first process knows.
        self._opened = self._opened or opened
        self._accept(self._evaluation.judge_timed(self._timing, opened.delivered))

    def renew(self) -> None:
        """Be opened in a new process; judge before what the old one delivered."""
        self._evaluation.renew()
        self.open()

    def ready(self, clock: str) -> Clock:
        """Choose the clock and warm up."""
        found = self._made.timed.ready(clock)
        self.peak_bytes, self.tunings = found.peak_bytes, found.tunings
        return found

    def time(self, *, held: bool) -> Reading:
        """Time one call on fresh inputs, and now and then keep what it delivered."""
        self._turns = _turns(self.turned, self._rng)
        reading = self._made.timed.time(self._turns, held=held)
        if len(self._kept) < _KEPT_ON_THE_WAY and self._rng.randrange(_ONE_IN) == 0:
            self.keep()
        return reading

    def keep(self) -> None:
        """Keep what the last call delivered, to be judged when the device may be shared again."""
        began = time.monotonic()
        self._kept.append((self._made.timed.take(), self._turns))
        self.keeping += time.monotonic() - began

    def move(self, spacer: int) -> None:
        """Let the inputs lie elsewhere."""
        self._made.timed.move(spacer)

    @property
    def outcome(self) -> Outcome:
        """Of what was judged last; what was launched and compiled, the first call tells."""
        assert self._outcome is not None  # noqa: S101 - it is opened before all else
        last, first = self._outcome.delivered, self.opened.delivered
        if last is None:
            return self._outcome
        told = replace(last, launches=first.launches, kernels=first.kernels)
        return replace(self._outcome, delivered=told)

    def judge(self) -> None:
        """Judge what was kept.

        Raises:
            RejectedError: If some of it is wrong.
        """
        began = time.monotonic()
        for got, turns in self._kept:
            self._accept(self._evaluation.judge_timed(self._made, got, turns))
        self._kept.clear()
        self.judging += time.monotonic() - began

    def burst(self, count: int) -> Burst:
        """Time some calls in a row."""
        return self._made.timed.burst(count)

    def close(self) -> None:
        """Give the memory back."""
        if self._timing is not None and self._opened is not None:
            try:
                self._timing.timed.close()
            except TimingFailedError:
                # It is gone already, and with it its memory.
                return

    @property
    def _made(self) -> Timing:
        assert self._timing is not None  # noqa: S101 - it is opened before all else
        return self._timing

    def _accept(self, outcome: Outcome) -> None:
        self.judged += 1
        self._outcome = outcome
        if not outcome.accepted:
            raise RejectedError(outcome)


class Rival(CandidateSide):
    """A further candidate, whose failures are its own."""

    def __init__(
        self,
        name: str,
        evaluation: Evaluation,
        case: Case,
        settings: TimingSettings,
        timeout: float,
    ) -> None:
        super().__init__(evaluation, case, settings, timeout)
        self._name = name

    def open(self) -> None:
        """Have its first call, and judge what that delivers."""
        with self._blamed():
            super().open()

    def renew(self) -> None:
        """Be opened in a new process."""
        with self._blamed():
            super().renew()

    def ready(self, clock: str) -> Clock:
        """Choose the clock and warm up."""
        with self._blamed():
            return super().ready(clock)

    def time(self, *, held: bool) -> Reading:
        """Time one call on fresh inputs."""
        with self._blamed():
            return super().time(held=held)

    def move(self, spacer: int) -> None:
        """Let the inputs lie elsewhere."""
        with self._blamed():
            super().move(spacer)

    def judge(self) -> None:
        """Judge what was kept."""
        with self._blamed():
            super().judge()

    def burst(self, count: int) -> Burst:
        """Time some calls in a row."""
        with self._blamed():
            return super().burst(count)

    @contextlib.contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except TimingFailedError as e:
            raise RivalError(self._name, str(e.failure.reason)) from None
        except RejectedError as e:
            raise RivalError(self._name, str(e.outcome.reason)) from None


class ReferenceSide:
    """A reference, as it is or compiled, that is timed on inputs of the same kind."""

    def __init__(
        self,
        timer: Timer,
        path: Path,
        case: Case,
        turned: Sequence[str],
        settings: TimingSettings,
        *,
        compiled: bool,
    ) -> None:
        self._timer = timer
        self._path = path
        self._case = case
        self._turned = turned
        self._rng = random.SystemRandom()
        self._cold = settings.l2 == "cold"
        self._compiled = compiled
        self.work = self._open()

    def _open(self) -> Work:
        how = {"cold": self._cold, "compiled": self._compiled}
        return Work(**self._timer.step(self._path, self._case, "open", **how))

    def renew(self) -> None:
        """Be opened in a new process."""
        self._timer.renew(self._path, self._case)
        self._open()

    def ready(self, clock: str) -> Clock:
        """Choose the clock and warm up."""
        return Clock(**self._timer.step(self._path, self._case, "ready", clock=clock))

    def time(self, *, held: bool) -> Reading:
        """Time one call on fresh inputs."""
        turns = _turns(self._turned, self._rng)
        said = self._timer.step(self._path, self._case, "time", turns=turns, held=held)
        device, host, late = (said[name] / 1e3 for name in ("ms", "host_ms", "late_ms"))
        return Reading(device, host, late, gap=said["gap"])

    def burst(self, count: int) -> Burst:
        """Time some calls in a row."""
        began = time.monotonic()
        said = self._timer.step(self._path, self._case, "burst", count=count)
        return Burst(time.monotonic() - began, said["host_ms"] / 1e3)

    def move(self, spacer: int) -> None:
        """Let the inputs lie elsewhere."""
        self._timer.step(self._path, self._case, "move", spacer=spacer)

    def judge(self) -> None:
        """It is what the others are judged by."""

    def close(self) -> None:
        """Give the memory back."""
        self._timer.step(self._path, self._case, "close")


def _turns(turned: Sequence[str], rng: random.Random) -> dict[str, int]:
    """A number for each input that says in which order its elements come."""
    return {name: rng.randrange(1, 1 << 62) for name in turned}


def agree(sides: Sequence[CandidateSide | ReferenceSide], clock: str) -> Clock:
    """Have all sides timed in one way; events, where one of them cannot be timed as was asked."""
    found = [side.ready(clock) for side in sides]
    if len({one.method for one in found}) == 1:
        return found[0]
    why = next(one.fallback for one in found if one.fallback)
    methods = [side.ready("events").method for side in sides]
    return Clock(methods[0], why)
