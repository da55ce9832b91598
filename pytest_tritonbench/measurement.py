"""A candidate is timed beside its reference, and judged while it is."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from pytest_tritonbench.evaluation import Evaluation, Outcome
from pytest_tritonbench.possible_times import audit, refuse_impossible
from pytest_tritonbench.sandbox.timed_candidate import Clock, TimingFailedError
from pytest_tritonbench.second_try import with_memory
from pytest_tritonbench.sides import (
    CandidateSide,
    ReferenceSide,
    RejectedError,
    Rival,
    RivalError,
    agree,
)
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.work import Work
from pytest_tritonbench.timers import Timer
from pytest_tritonbench.timing.benchmark_rows import CANDIDATE, COMPILED, REFERENCE
from pytest_tritonbench.timing.in_a_row import InARow, in_a_row
from pytest_tritonbench.timing.peaks import Peaks
from pytest_tritonbench.timing.roofline import place
from pytest_tritonbench.timing.sampler import Sampled, sample
from pytest_tritonbench.timing.spent import Spent
from pytest_tritonbench.timing.statement import beside, statement
from pytest_tritonbench.timing.stopping import MOST_PAIRS, Rule, Stop
from pytest_tritonbench.timing.watch import Watch
from pytest_tritonbench.timing_options import TimingSettings


@dataclass(frozen=True)
class Measured:
    """What was measured of one case."""

    outcome: Outcome
    """The judge's word on what was timed; nothing below where it was not accepted."""

    timing: Mapping[str, Any]
    """A record's ``timing``."""

    samples: Mapping[str, tuple[float, ...]]
    """Seconds of device time of each call, by side."""


class Measurement:
    """Times candidates of one task on one case.

    Args:
        settings: How.
        references: Who times the reference, by the name of its row.
        watch: Looks at the device around each block.
        peaks: What the device can do; asked for again, they are measured again.
        alone: A turn at the device while nobody else computes on it.
        pairs: Most pairs of processes that take samples.
    """

    def __init__(
        self,
        settings: TimingSettings,
        references: Mapping[str, Timer],
        watch: Watch | None = None,
        peaks: Callable[[bool], Peaks] | None = None,
        alone: Callable[[], AbstractContextManager[object]] = nullcontext,
        pairs: int = MOST_PAIRS,
    ) -> None:
        self._pairs = pairs
        self._settings = settings
        self._references = references
        self._watch = watch
        self._peaks = peaks
        self._alone = alone

    def measure(
        self,
        evaluation: Evaluation,
        case: Case,
        *,
        timeout: float,
        others: Mapping[str, Evaluation] | None = None,
    ) -> Measured:
        """Time a candidate on a case.

        Args:
            evaluation: The candidate, against its task.
            case: The case.
            timeout: Seconds for one step; the first call compiles and tunes.
            others: Further candidates, timed in the same blocks.

        Raises:
            ReferenceFailedError: If the reference fails on the case.
            UndisturbedError: If something else used the device all the time.
        """

        def measured() -> Measured:
            rivals = dict(others or {})
            failed: dict[str, str] = {}
            while True:
                try:
                    return self._measured(evaluation, case, timeout, rivals, failed)
                except RivalError as e:
                    # What another kernel does wrong is no fault of this one.
                    failed[e.name] = e.reason
                    del rivals[e.name]

        return with_memory(measured, self._alone)

    def _measured(
        self,
        evaluation: Evaluation,
        case: Case,
        timeout: float,
        others: Mapping[str, Evaluation],
        failed: Mapping[str, str],
    ) -> Measured:
        sides: dict[str, CandidateSide | ReferenceSide] = {}
        mine = CandidateSide(evaluation, case, self._settings, timeout)
        path = evaluation.taskfile.path
        spent = Spent()
        try:
            with spent.on("opening"):
                mine.open()
                for name, timer in self._references.items():
                    sides[name] = reference = ReferenceSide(
                        timer, path, case, mine.turned, self._settings, compiled=name == COMPILED
                    )
                for name, other in others.items():
                    sides[name] = rival = Rival(name, other, case, self._settings, timeout)
                    rival.open()
            sides[CANDIDATE] = mine
            clock, sampled, rows = self._timed(sides, mine, spent)
            for side in sides.values():
                side.judge()
            task_work = reference.work
            mine.audit = audit(sampled.series[CANDIDATE], rows[CANDIDATE], clock)
            if self._peaks is not None:
                cold = self._settings.l2 == "cold"
                refuse_impossible(sampled.series[CANDIDATE], task_work, self._peaks, cold=cold)
        except TimingFailedError as e:
            return Measured(Outcome(case, failure=e.failure), {}, {})
        except RejectedError as e:
            return Measured(e.outcome, {}, {})
        finally:
            for side in {*sides.values(), mine}:
                side.close()
        hosts = {name: row.host for name, row in rows.items()}
        timing = (
            {"method": clock.method, "fallback": clock.fallback}
            | self._told(mine, sampled, hosts, [*others])
            | self._worth(sampled, task_work)
        )
        timing["spent"] = {
            "all": spent.all,
            "opening": spent["opening"],
            "waiting": spent["waiting"],
            "warming": spent["warming"],
            "sampling": sampled.seconds,
            "in_a_row": spent["in a row"],
            "keeping": mine.keeping,
            "judging": mine.judging,
        }
        timing["against"] |= {name: {"error": reason} for name, reason in failed.items()}
        series = {name: tuple(one.device) for name, one in sampled.series.items()}
        return Measured(mine.outcome, timing, series)

    def _timed(
        self,
        sides: Mapping[str, CandidateSide | ReferenceSide],
        mine: CandidateSide,
        spent: Spent,
    ) -> tuple[Clock, Sampled, Mapping[str, InARow]]:
        """Take samples, of further processes too where only they make the interval narrower."""
        clock: Clock | None = None
        sampled: Sampled | None = None
        while True:
            with spent.until(self._alone(), "waiting"):
                with spent.on("warming"):
                    former, clock = clock, agree([*sides.values()], self._settings.clock)
                if former is not None and former.method != clock.method:
                    sampled = None
                sampled = sample(
                    sides,
                    self._rule,
                    watch=None if self._watch is None else _Voiding(self._watch),
                    clock=lambda: time.monotonic() - mine.keeping,
                    earlier=sampled,
                )
                mine.keep()
                if sampled.stopped is not Stop.PAIR:
                    with spent.on("in a row"):
                        rows = {
                            name: in_a_row(side, statistics.median(sampled.series[name].device))
                            for name, side in sides.items()
                        }
                    if self._peaks is not None:
                        # The first time they are measured, alone, which it is here already.
                        self._peaks(False)  # noqa: FBT003 - not again
                    return clock, sampled, rows
            # Others may have the device while new processes start.
            for side in sides.values():
                side.judge()
            with spent.on("opening"):
                for side in sides.values():
                    side.renew()

    @property
    def _rule(self) -> Rule:
        settings = self._settings
        gated = settings.min_speedup is not None or settings.max_regression is not None
        return Rule(budget=settings.budget, pairs=self._pairs, everywhere=gated)

    def _told(
        self, mine: CandidateSide, sampled: Sampled, hosts: Mapping[str, float], others: list[str]
    ) -> dict[str, Any]:
        opened = mine.opened
        further = [name for name in self._references if name != REFERENCE]
        tuned = max(mine.tunings, key=lambda tuning: tuning.configs, default=None)
        return {
            "l2": self._settings.l2,
            **statement(sampled, hosts, CANDIDATE, REFERENCE),
            **beside(sampled, hosts, further, CANDIDATE),
            "against": dict(beside(sampled, hosts, others, CANDIDATE)),
            "fresh": bool(mine.turned),
            "judged": mine.judged,
            "audit": mine.audit,
            "compile_ms": 1e3 * opened.seconds,
            "configs": None if tuned is None else tuned.configs,
            "config": None if tuned is None else tuned.config,
            "peak_bytes": mine.peak_bytes,
        }

    def _worth(self, sampled: Sampled, task_work: Work) -> dict[str, Any]:
        """What the median says in operations, bytes and shares of the roofline."""
        seconds = statistics.median(sampled.series[CANDIDATE].device)
        told: dict[str, Any] = {"watch": None if self._watch is None else self._watch.as_json()}
        if self._peaks is None:
            return told
        peaks = self._peaks(False)  # noqa: FBT003 - not again
        found = place(
            seconds=seconds,
            flops=task_work.flops,
            nbytes=task_work.nbytes,
            dtype=task_work.dtype,
            peaks=peaks,
        )
        return {
            **told,
            **({} if found is None else found.as_json()),
            "flops": task_work.flops,
            "bytes": task_work.nbytes,
            "peaks": peaks.as_json(),
        }


class _Voiding:
    """Makes samples void that were taken while something disturbed the device."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def before(self) -> None:
        """A block begins."""
        self._watch.before()

    def after(self) -> str | None:
        """It has ended; what disturbed it, if that makes its samples void."""
        found = self._watch.after()
        return str(found) if found is not None and found.voids else None
