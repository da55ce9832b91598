"""A task and its candidates on their way through the phases."""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_tritonbench.asked.authors import Author
from pytest_tritonbench.asked.desk import Desk
from pytest_tritonbench.asked.rounds import Rounds
from pytest_tritonbench.asked.topics import Topic, own
from pytest_tritonbench.candidacy import Candidacy
from pytest_tritonbench.candidate.files import (
    NoKernelError,
    Source,
    UnreadableKernelError,
    kernel_file,
)
from pytest_tritonbench.candidate.model.question import GenerationError
from pytest_tritonbench.candidate.model.store import Stored
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
from pytest_tritonbench.task.prompts.trouble import Trouble
from pytest_tritonbench.trial import try_out

BENCH_ROUNDS = 50


class TaskRun:
    """One task and its candidates through the four phases.

    Args:
        session: What the process shares.
        taskfile: The task.
        nodeid: Node id of the task file.
        desk: Where models' kernels are fetched; ``None``: the candidate is a file.
    """

    def __init__(
        self, session: Session, taskfile: TaskFile, nodeid: str, desk: Desk | None = None
    ) -> None:
        self.session = session
        self.taskfile = taskfile
        self.nodeid = nodeid
        self.records: list[Record] = []
        self.silent = False
        self._desk = desk
        self._author: Author | None = None
        self._candidates: dict[str, Candidacy] = {}
        self._current = Candidacy()
        self._phase = ""
        self._test = ""

    @property
    def task(self) -> Task:
        """The task."""
        return self.taskfile.task

    @property
    def line(self) -> int:
        """Line of the reference in the task file."""
        return self.task.line

    def enter(self, phase: str, test: str, parameters: Mapping[str, Any]) -> None:
        """Enter a test: what is recorded from here on is of its phase and its candidate."""
        self._phase, self._test = phase, test
        self.records = []
        self._author = parameters.get("tb")
        name = "" if self._author is None else self._author.id
        candidate = self._candidates.setdefault(name, Candidacy())
        if candidate is not self._current:
            self._current.rest()
            self._current = candidate

    def asks(self, parameters: Mapping[str, Any]) -> tuple[Topic, Author] | None:
        """What a test needs of a model."""
        author = parameters.get("tb")
        return None if author is None else (own(self.task), author)

    def begin(self) -> None:
        """Have the candidate, or skip the test and say why."""
        candidate = self._current
        if candidate.source is None and candidate.uncallable is None:
            if self._author is None:
                self._read()
            elif candidate.ungenerated is None:
                self._fetch(self._author)
        if candidate.ungenerated is not None:
            pytest.skip(f"not generated: {candidate.ungenerated}")
        if self._phase != "call" and candidate.uncallable is not None:
            pytest.skip(f"call failed: {candidate.uncallable}")

    def _read(self) -> None:
        settings = self.session.settings
        try:
            self._current.source = kernel_file(settings.kernels, self.task.name, settings.rootdir)
        except NoKernelError as e:
            pytest.skip(f"{e}; write it to have it judged")
        except UnreadableKernelError as e:
            self._current.uncallable = "the kernel file cannot be read"
            pytest.fail(str(e), pytrace=False)

    def _fetch(self, author: Author) -> None:
        """Have the model's kernel, mended as often as was asked for."""
        assert self._desk is not None  # noqa: S101 - there is one where there are authors
        device = self.session.environment.device
        rounds = Rounds(self._desk, own(self.task), author, self._tried, device)
        try:
            written = rounds.run()
        except GenerationError as e:
            # An error and no failure: it says nothing about a kernel.
            self._current.ungenerated = e.kind
            message = f"{self.task.name}[{author.id}]: not generated: {e.kind}: {e.message}"
            self.records.append(self.record("error", reason=e.kind, message=message))
            pytest.fail(message, pytrace=False)
        self._current.source = self._source_of(written)
        self._current.generation = rounds.as_json()

    def _source_of(self, written: Stored) -> Source:
        path, root = written.path, self.session.settings.rootdir
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        digest = hashlib.sha256(written.code.encode("utf-8", "surrogatepass")).hexdigest()
        return Source(written.code, str(shown), self.task.name, digest)

    def _tried(self, written: Stored) -> Trouble:
        """What is wrong with a kernel, or how fast it is."""
        kept, self._current = self._current, Candidacy(source=self._source_of(written))
        try:
            return try_out(self.task, self.evaluation, self.session)
        except ReferenceFailedError as e:
            pytest.fail(str(e), pytrace=False)
        finally:
            self._current.rest()
            self._current = kept

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
        self._current.rest()

    @property
    def evaluation(self) -> Evaluation:
        """Both sides, started when first needed."""
        candidate = self._current
        if candidate.evaluation is None:
            assert candidate.source is not None  # noqa: S101 - begin() has read it
            source = candidate.source

            def make() -> Candidate:
                return self.session.sandbox.candidate(source.text, source.name, source.entry)

            candidate.evaluation = Evaluation(self.taskfile, self.session.oracle, make)
        return candidate.evaluation

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
        assert self._current.source is not None  # noqa: S101 - as above
        message = explain(
            outcome,
            task=self.task.name,
            nodeid=self._replays,
            phase=self._phase,
            source=self._current.source.name,
            flags=self.session.settings.flags,
        )
        if note is not None:
            message = f"{message}\n  note     {note}"
        self._keep(outcome, passed=False, message=message.splitlines()[0])
        pytest.fail(message, pytrace=False)

    @property
    def _replays(self) -> str:
        """Node id of what repeats a failure: the file, or its test of one author."""
        if self._author is None:
            return self.nodeid
        test = "test_call" if self._phase == "call" else "test_fuzz"
        return f"{self.nodeid}::{test}[{self._author.id}]"

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
        source, author = self._current.source, self._author
        return Record(
            run=self.session.started,
            task=self.task.name,
            phase=self._phase,
            outcome=outcome,
            test=self._test,
            task_hash=self.taskfile.digest,
            candidate=None if source is None else source.name,
            candidate_hash=None if source is None else source.digest,
            environment=self.session.environment.as_json(),
            seed=self.session.seed,
            model=None if author is None else author.endpoint.name,
            sample=None if author is None else author.sample,
            generation=self._current.generation if self._phase == "call" else None,
            **{**empty, **found},
        )
