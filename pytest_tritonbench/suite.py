"""The four tests of a task: call, exec, fuzz, bench."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pytest_tritonbench.candidate.files import (
    NoKernelError,
    Source,
    UnreadableKernelError,
    kernel_file,
)
from pytest_tritonbench.evaluation import Evaluation, Outcome
from pytest_tritonbench.fuzzing import fuzz
from pytest_tritonbench.judge.oracle_client import ReferenceFailedError
from pytest_tritonbench.report.explanation import explain
from pytest_tritonbench.report.records import Record
from pytest_tritonbench.sandbox import Candidate
from pytest_tritonbench.session import Session
from pytest_tritonbench.task.case import Case, CaseError
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.loading import TaskFile
from pytest_tritonbench.timing.replay import Replay

BENCH_ROUNDS = 50


class TaskRun:
    """One task and its candidate through the four phases.

    Args:
        session: What the process shares.
        taskfile: The task.
        nodeid: Node id of the task file.
    """

    def __init__(self, session: Session, taskfile: TaskFile, nodeid: str) -> None:
        self.session = session
        self.taskfile = taskfile
        self.nodeid = nodeid
        self.records: list[Record] = []
        self.silent = False
        self.uncallable: str | None = None
        self._proven = False
        self._evaluation: Evaluation | None = None
        self._source: Source | None = None
        self._phase = ""
        self._test = ""

    @property
    def task(self) -> Task:
        """The task."""
        return self.taskfile.task

    @property
    def source(self) -> Source | None:
        """The candidate's source, once it was read."""
        return self._source

    @property
    def line(self) -> int:
        """Line of the reference in the task file."""
        return self.task.line

    def enter(self, phase: str, test: str, parameters: Mapping[str, Any]) -> None:
        """Enter a test: what is recorded from here on is of its phase."""
        del parameters
        self._phase, self._test = phase, test
        self.records = []

    def begin(self) -> None:
        """Read the candidate, or skip the test and say why."""
        if self._source is None and self.uncallable is None:
            settings = self.session.settings
            try:
                self._source = kernel_file(settings.kernels, self.task.name, settings.rootdir)
            except NoKernelError as e:
                pytest.skip(f"{e}; write it to have it judged")
            except UnreadableKernelError as e:
                self.uncallable = "the kernel file cannot be read"
                pytest.fail(str(e), pytrace=False)
        if self._phase != "call" and self.uncallable is not None:
            pytest.skip(f"call failed: {self.uncallable}")

    def _prove(self) -> None:
        """Make sure that Triton does the work where the call test was not selected."""
        if self._proven or self.uncallable is not None:
            return
        self._proven = True
        outcome = self._run(self.task.cases[0])
        outcome = self.evaluation.prove_triton(outcome, timeout=self._timeout)
        if outcome.not_triton is not None:
            self.uncallable = outcome.reason
            self._reject(outcome)

    def call(self) -> None:
        """The kernel compiles and runs in every dtype, and it is Triton that does the work."""
        self._proven = True
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
            self.uncallable = outcome.reason
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

    def bench(self, case: Case) -> tuple[float, ...]:
        """The kernel is timed on a case, and its timed output is right.

        Returns:
            Seconds of device time of each timed call.
        """
        if not self.session.on_gpu:
            pytest.skip("no GPU here: a kernel is timed on the device or not at all")
        self._prove()
        reference = self.session.oracle.time(self.taskfile.path, case, rounds=BENCH_ROUNDS)
        outcome = self.evaluation.time(case, rounds=BENCH_ROUNDS, timeout=self._timeout)
        if not outcome.accepted:
            self._reject(outcome)
        ours, theirs = statistics.median(outcome.samples), statistics.median(reference)
        timing = {
            "median_ms": ours,
            "reference_ms": theirs,
            "speedup": theirs / ours,
            "samples": len(outcome.samples),
            "method": "cuda-events, cold L2",
        }
        self._keep(outcome, passed=True, timing=timing)
        return tuple(ms / 1e3 for ms in outcome.samples)

    def close(self) -> None:
        """End the candidate's process."""
        if self._evaluation is not None:
            self._evaluation.close()
            self._evaluation = None

    @property
    def evaluation(self) -> Evaluation:
        """Both sides, started when first needed."""
        if self._evaluation is None:
            assert self._source is not None
            source = self._source

            def make() -> Candidate:
                return self.session.sandbox.candidate(source.text, source.name, source.entry)

            self._evaluation = Evaluation(self.taskfile, self.session.oracle, make)
        return self._evaluation

    @property
    def _timeout(self) -> float:
        return self.session.settings.timeouts[self._phase]

    def _run(self, case: Case, *, compiled: bool = False) -> Outcome:
        try:
            return self.evaluation.run(case, timeout=self._timeout, compiled=compiled)
        except ReferenceFailedError as e:
            # The task's fault, not the kernel's; its own words say it best.
            pytest.fail(str(e), pytrace=False)

    def _reject(self, outcome: Outcome, note: str | None = None) -> None:
        assert self._source is not None
        message = explain(
            outcome,
            task=self.task.name,
            nodeid=self.nodeid,
            phase=self._phase,
            source=self._source.name,
            flags=self.session.settings.flags,
        )
        if note is not None:
            message = f"{message}\n  note     {note}"
        self._keep(outcome, passed=False, message=message.splitlines()[0])
        pytest.fail(message, pytrace=False)

    def _keep(
        self,
        outcome: Outcome,
        *,
        passed: bool,
        message: str | None = None,
        timing: dict[str, Any] | None = None,
    ) -> None:
        delivered = outcome.delivered
        self.records.append(
            self.record(
                "passed" if passed else "failed",
                case=json.loads(outcome.case.to_json()),
                reason=None if passed else outcome.reason,
                message=message,
                ratio=outcome.ratio,
                seconds=None if delivered is None else delivered.seconds,
                launches=None if delivered is None else delivered.launches,
                kernels=() if delivered is None else tuple(map(vars, delivered.kernels)),
                timing=timing,
            )
        )

    def record(self, outcome: str, **found: Any) -> Record:
        """A record of the current test."""
        empty = {
            "case": None,
            "reason": None,
            "message": None,
            "ratio": None,
            "seconds": None,
            "launches": None,
        }
        return Record(
            run=self.session.started,
            task=self.task.name,
            phase=self._phase,
            outcome=outcome,
            test=self._test,
            task_hash=self.taskfile.digest,
            candidate=None if self._source is None else self._source.name,
            candidate_hash=None if self._source is None else self._source.digest,
            environment=self.session.environment.as_json(),
            seed=self.session.seed,
            **{**empty, **found},
        )


def tests(task: Task, *, with_benchmark: bool) -> dict[str, Callable[..., None]]:
    """The test functions of a task, by name.

    Args:
        task: The task.
        with_benchmark: Whether pytest-benchmark is there to take the timings.
    """

    def test_call(tb: TaskRun) -> None:
        tb.call()

    def test_exec(tb: TaskRun, case: Case) -> None:
        tb.exec(case)

    def test_fuzz(tb: TaskRun) -> None:
        tb.fuzz()

    timer = Replay()

    @pytest.mark.benchmark(timer=timer)
    def test_bench(tb: TaskRun, case: Case, benchmark: Any) -> None:
        samples = tb.bench(case)
        timer.load(samples)
        benchmark.group = f"{task.name}[{case.id}]"
        benchmark.pedantic(lambda: None, rounds=len(samples))

    def test_bench_alone(tb: TaskRun, case: Case) -> None:
        tb.bench(case)

    found: dict[str, Callable[..., None]] = {
        "test_call": test_call,
        "test_exec": test_exec,
        "test_fuzz": test_fuzz,
    }
    if task.sweep:
        found["test_bench"] = test_bench if with_benchmark else test_bench_alone
    for name, function in found.items():
        function.__name__ = function.__qualname__ = name
        found[name] = getattr(pytest.mark, f"tb_{name.removeprefix('test_')}")(function)
    return found
