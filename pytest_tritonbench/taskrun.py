"""A task and its candidates on their way through the phases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import pytest

from pytest_tritonbench.benchrun import Bench, Gated
from pytest_tritonbench.candidacy import CandidateTask
from pytest_tritonbench.candidate.revision import RevisionError
from pytest_tritonbench.evaluation import Outcome
from pytest_tritonbench.fuzzing import fuzz
from pytest_tritonbench.judge.oracle_client import ReferenceFailedError
from pytest_tritonbench.measurement import Measured
from pytest_tritonbench.report.explanation import explain, explain_slow
from pytest_tritonbench.sandbox.gpu_lock import LockError
from pytest_tritonbench.second_try import with_memory
from pytest_tritonbench.task.case import Case, CaseError
from pytest_tritonbench.timing.benchmark_rows import Rows
from pytest_tritonbench.timing.gates import BaselineError
from pytest_tritonbench.timing.profile_place import Place
from pytest_tritonbench.timing.profiles import Profile
from pytest_tritonbench.timing.sampler import UndisturbedError
from pytest_tritonbench.timing.table import Table

_NO_TIMES = (ReferenceFailedError, RevisionError, UndisturbedError, BaselineError, LockError)


class TaskRun(CandidateTask):
    """The four phases of a task."""

    def _prove(self) -> None:
        """Make sure that Triton does the work where the call test was not selected."""
        candidate = self._current
        if candidate.proven or candidate.uncallable is not None:
            return
        candidate.proven = True
        outcome = self._run(self.task.cases[0])
        outcome = self.evaluation.prove_triton(outcome, timeout=self._timeout)
        if outcome.not_triton is not None:
            candidate.uncallable = outcome.reason
            self._reject(outcome)

    def call(self) -> None:
        """The kernel compiles and runs in every dtype, and it is Triton that does the work."""
        self._current.proven = True
        smallest: dict[str, Case] = {}
        for case in self.task.cases:
            smallest.setdefault(case.dtype, case)
        for number, case in enumerate(smallest.values()):
            outcome = self._run(case, compiled=not self.session.on_gpu)
            if number == 0:
                outcome = self.evaluation.prove_triton(outcome, timeout=self._timeout)
            if outcome.failure is None and outcome.not_triton is None:
                # Right or wrong is what exec and fuzz say.
                self._keep(outcome, passed=True)
                continue
            self._current.uncallable = outcome.reason
            self._reject(outcome)

    def exec(self, case: Case) -> None:
        """The kernel is right on a pinned case."""
        self._prove()
        outcome = self._run(case)
        if not outcome.accepted:
            self._reject(outcome)
        self._keep(outcome, passed=True)

    def fuzz(self) -> None:
        """The kernel is right on the cases that Hypothesis draws."""
        try:
            replayed = self.replayed()
        except CaseError as e:
            pytest.fail(str(e), pytrace=False)
        if replayed is not None:
            self.exec(replayed)
            return
        self._prove()
        failed = False

        def evaluate(case: Case) -> Outcome:
            nonlocal failed
            outcome = self._run(case)
            failed = failed or not outcome.accepted
            if not failed:
                # What shrinking tries is not a case of its own.
                self._keep(outcome, passed=True)
            return outcome

        settings = self.session.settings
        worst, flaky = fuzz(
            self.task, evaluate, examples=settings.examples, elements=self.session.elements
        )
        if worst is not None:
            note = "the case fails, but passed when it was run again" if flaky else None
            self._reject(worst, note)

    def replayed(self) -> Case | None:
        """The case that the user gave to be run instead of drawn ones.

        Raises:
            CaseError: If it does not fit the task.
        """
        line = self.session.settings.case
        try:
            return None if line is None else self.task.case(line)
        except CaseError as e:
            told = f"--tb-case does not fit the task {self.task.name!r}: {e}"
            raise CaseError(f"{told}; name the test that is to replay it") from None

    def refuse_misfit(self) -> None:
        """Refuse a case to replay that does not fit the task; raises as :meth:`replayed`."""
        self.replayed()

    def untimed(self, case: Case) -> None:
        """The kernel is right on a case that it would be timed on."""
        self._skip_untimed()
        self.exec(case)

    def bench(self, case: Case, table: Table | None = None) -> None:
        """The kernel is timed on a case, and what it delivers meanwhile is right.

        Args:
            case: The case.
            table: Where the times are shown, and the baseline is.
        """
        session = self.session
        self._skip_untimed()
        self._prove()
        source = self._current.source
        assert source is not None  # noqa: S101 - begin() has read it
        try:
            measured = self._bench.measure(self.evaluation, source, case, timeout=self._timeout)
            if not measured.outcome.accepted:
                self._reject(measured.outcome)
            if table is not None:
                # Before the gates: what is too slow is to be seen as well.
                table.show(self._rows(case, measured))
            if session.settings.timing.profile is not None:
                profiled = self._profile(case, session.settings.timing.profile)
                measured = replace(
                    measured, timing={**measured.timing, "profile": profiled.as_json()}
                )
            saved = None if table is None else table.saved()
            compares = table is not None and table.compares
            found = [*self._bench.gates(measured.timing, source, saved, compares=compares)]
        except _NO_TIMES as e:
            pytest.fail(str(e), pytrace=False)
        if found:
            told = [one.as_json() for one in found]
            measured = replace(measured, timing={**measured.timing, "gates": told})
        failed = [one for one in found if one.finding.fails(strict=session.settings.timing.strict)]
        if failed:
            self._refuse(measured, failed, compared=saved is not None)
        self._keep(measured.outcome, passed=True, timing=dict(measured.timing))

    def _skip_untimed(self) -> None:
        if not self.session.times:
            pytest.skip("no GPU here: a kernel is timed on the device or not at all")

    def _rows(self, case: Case, measured: Measured) -> Rows:
        return Rows(
            task=self.task.name,
            group=f"{self.task.name}[{case.id}]",
            rows=measured.samples,
            method=measured.timing["method"],
            extra_info=measured.timing,
        )

    def _profile(self, case: Case, by: str) -> Profile:
        session = self.session
        author = "" if self._author is None else self._author.id
        place = Place(session.profiles, self.task.name, case.id, author)
        with session.timing():
            return self.evaluation.profile(
                case,
                by,
                place,
                cold=session.settings.timing.l2 == "cold",
                device="cpu" if session.gpu is None else session.gpu,
                timeout=self._timeout,
            )

    @cached_property
    def _bench(self) -> Bench:
        return Bench(self.session, self.taskfile)

    @property
    def _timeout(self) -> float:
        return self.session.settings.timeouts[self._phase]

    def _run(self, case: Case, *, compiled: bool = False) -> Outcome:
        # Who waits to time on the GPU waits for a case, not for all that are drawn.
        self._give_way()

        def run() -> Outcome:
            return self.evaluation.run(case, timeout=self._timeout, compiled=compiled)

        try:
            if not self.session.on_gpu:
                return run()
            return with_memory(run, self.session.alone)
        except ReferenceFailedError as e:
            # The task's fault, not the kernel's; its own words say it best.
            pytest.fail(str(e), pytrace=False)

    def _give_way(self) -> None:
        try:
            self.session.give_way()
        except LockError as e:
            pytest.fail(str(e), pytrace=False)

    def _reject(self, outcome: Outcome, note: str | None = None) -> None:
        assert self._current.source is not None  # noqa: S101 - as above
        message = explain(
            outcome,
            task=self.task.name,
            nodeid=self._test if self._phase == "bench" else self._replays,
            phase=self._phase,
            source=self._current.source.name,
            flags=self.session.settings.flags,
        )
        if note is not None:
            message = f"{message}\n  note     {note}"
        self._keep(outcome, passed=False, message=message.splitlines()[0])
        pytest.fail(message, pytrace=False)

    def _refuse(self, measured: Measured, failed: Sequence[Gated], *, compared: bool) -> None:
        """Fail a test whose kernel is right and not fast enough."""
        settings = self.session.settings
        message = explain_slow(
            [one.finding.message for one in failed],
            measured.timing,
            task=self.task.name,
            test=self._test,
            source="" if self._current.source is None else self._current.source.name,
            flags=settings.flags
            + settings.timing.flags
            + (" --benchmark-compare" if compared else ""),
        )
        headline = message.splitlines()[0]
        timing, reason = dict(measured.timing), failed[0].reason
        self._keep(measured.outcome, passed=False, message=headline, timing=timing, reason=reason)
        pytest.fail(message, pytrace=False)

    def _keep(
        self,
        outcome: Outcome,
        *,
        passed: bool,
        message: str | None = None,
        timing: dict[str, Any] | None = None,
        reason: str | None = None,
    ) -> None:
        delivered = outcome.delivered
        self.records.append(
            self.record(
                "passed" if passed else "failed",
                case=json.loads(outcome.case.to_json()),
                reason=None if passed else reason or outcome.reason,
                message=message,
                ratio=outcome.ratio,
                seconds=None if delivered is None else delivered.seconds,
                launches=None if delivered is None else delivered.launches,
                kernels=() if delivered is None else tuple(map(vars, delivered.kernels)),
                timing=timing,
            )
        )
