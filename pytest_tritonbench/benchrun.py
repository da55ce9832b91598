"""The bench phase of a task: what is measured beside what, and which gates it must pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pytest_tritonbench.candidate.files import Source
from pytest_tritonbench.evaluation import Evaluation
from pytest_tritonbench.measurement import Measured, Measurement
from pytest_tritonbench.session import Session
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.loading import TaskFile
from pytest_tritonbench.timing import gates
from pytest_tritonbench.timing.gates import Finding, interval_from_json

TOO_SLOW, REGRESSION = "too-slow", "regression"
_GATES = {TOO_SLOW: "min-speedup", REGRESSION: "max-regression"}


@dataclass(frozen=True)
class Gated:
    """What a gate found."""

    reason: str
    """For the record, where the gate fails."""

    finding: Finding

    def as_json(self) -> dict[str, str]:
        """What a record says of it."""
        outcome, message = self.finding.outcome, self.finding.message
        return {"gate": _GATES[self.reason], "outcome": outcome.value, "message": message}


class Bench:
    """Times the candidates of one task.

    Args:
        session: What the process shares.
        taskfile: The task.
    """

    def __init__(self, session: Session, taskfile: TaskFile) -> None:
        self._session = session
        self._taskfile = taskfile

    def measure(
        self, evaluation: Evaluation, source: Source, case: Case, *, timeout: float
    ) -> Measured:
        """Time a candidate on a case, beside the reference and what else was asked for.

        Args:
            evaluation: The candidate, against the task.
            source: Its text; the same text of another revision is not timed twice.
            case: The case.
            timeout: Seconds for one step.

        Raises:
            ReferenceFailedError: If the reference fails on the case.
            RevisionError: If the kernel of another revision cannot be had.
            UndisturbedError: If something else used the device all the time.
        """
        session = self._session
        with ExitStack() as stack:
            others = {
                name: stack.enter_context(self._evaluation(then))
                for name, then in self._others(source).items()
            }
            watch = stack.enter_context(session.watching())

            timing = session.settings.timing
            # A task may have a gate of its own.
            gated = replace(timing, min_speedup=_least(self._taskfile.task, timing.min_speedup))
            measurement = Measurement(gated, session.timers, watch, session.peaks, session.alone)
            return measurement.measure(evaluation, case, timeout=timeout, others=others)

    def gates(
        self,
        timing: Mapping[str, Any],
        source: Source,
        saved: gates.Measured | None,
        *,
        compares: bool,
    ) -> Iterator[Gated]:
        """Pass the times of a case through every gate that was asked for.

        Args:
            timing: Of the record.
            source: The candidate's text.
            saved: The same case in a saved baseline.
            compares: Whether saved baselines were to be looked at.

        Raises:
            BaselineError: If the baseline says nothing about this run.
        """
        settings, task = self._session.settings.timing, self._taskfile.task
        speedup = interval_from_json(timing["interval"])
        least = _least(task, settings.min_speedup)
        if least is not None:
            yield Gated(TOO_SLOW, gates.min_speedup(speedup, least))
        most = settings.max_regression
        if most is None:
            return
        against = timing.get("against", {})
        failed = {name: then["error"] for name, then in against.items() if "error" in then}
        for name, then in against.items():
            if name not in failed:
                grown = interval_from_json(then["interval"]).reciprocal
                yield Gated(REGRESSION, gates.regression(grown, most, name))
        if saved is not None:
            now = gates.Measured(speedup, self._gpu)
            found = gates.max_regression(now, saved, most, any_gpu=settings.any_gpu)
            yield Gated(REGRESSION, found)
        if saved is None and len(failed) == len(against):
            yield Gated(REGRESSION, self._uncompared(source, failed, compares=compares))

    def _uncompared(self, source: Source, failed: Mapping[str, str], *, compares: bool) -> Finding:
        """Why there is no time that the case could have become slower than."""
        base, then = self._session.base, self._then
        if base is None:
            told = "nothing was saved of it by --benchmark-save or --benchmark-autosave"
            if not compares:
                told = "nothing to compare with: give --tb-base REV or --benchmark-compare"
            return Finding(gates.Outcome.UNCOMPARED, told)
        if then is None:
            return Finding(gates.Outcome.UNCOMPARED, f"there is no such kernel at {base.name}")
        if then.digest == source.digest:
            return Finding(gates.Outcome.PASSED, f"the kernel is the same as at {base.name}")
        told = "; ".join(f"the kernel at {name} has no time: {why}" for name, why in failed.items())
        return Finding(gates.Outcome.UNCOMPARED, told)

    @property
    def _gpu(self) -> str:
        gpu = self._session.gpu
        return "none" if gpu is None else gpu.name

    @cached_property
    def _then(self) -> Source | None:
        """The kernel of the revision that today's is timed beside; ``None`` without either."""
        base = self._session.base
        return None if base is None else base.kernel(self._taskfile.task.name)

    def _others(self, source: Source) -> dict[str, Source]:
        """Kernels of other revisions that are not the same as today's."""
        base, then = self._session.base, self._then
        if base is None or then is None or then.digest == source.digest:
            return {}
        return {base.name: then}

    def _evaluation(self, source: Source) -> Evaluation:
        session = self._session
        return Evaluation(
            self._taskfile,
            session.oracle,
            lambda: session.sandbox.candidate(source.text, source.name, source.entry),
        )


def _least(task: Task, asked: float | None) -> float | None:
    least = asked if task.min_speedup is None else task.min_speedup
    return least or None
