"""The candidates of a task: their sources, their processes, and what is known of each so far."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_tritonbench.asked.authors import Author
from pytest_tritonbench.asked.desk import Desk
from pytest_tritonbench.asked.rounds import Rounds
from pytest_tritonbench.asked.topics import Topic, own
from pytest_tritonbench.candidate.files import (
    NoKernelError,
    Source,
    UnreadableKernelError,
    kernel_file,
)
from pytest_tritonbench.candidate.model.question import GenerationError
from pytest_tritonbench.candidate.model.store import Stored
from pytest_tritonbench.evaluation import Evaluation
from pytest_tritonbench.judge.oracle_client import ReferenceFailedError
from pytest_tritonbench.report.records import Record
from pytest_tritonbench.sandbox import Candidate
from pytest_tritonbench.session import Session
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.loading import TaskFile
from pytest_tritonbench.task.prompts.trouble import Trouble
from pytest_tritonbench.trial import try_out


@dataclass
class Candidacy:
    """What the tests of one candidate share."""

    source: Source | None = None
    """``None`` until it was read."""

    uncallable: str | None = None
    """Why no phase after ``call`` is worth running."""

    ungenerated: str | None = None
    """Why a model gave no candidate."""

    proven: bool = False
    """Whether it is known that Triton does the work."""

    evaluation: Evaluation | None = None
    """Both sides, while they are needed."""

    generation: dict[str, Any] | None = field(default=None)
    """How a model came to it, for the records."""

    def rest(self) -> None:
        """End its process; the next call starts another."""
        if self.evaluation is not None:
            self.evaluation.close()
            self.evaluation = None


class CandidateTask:
    """One task and its candidates: what its phases have in common.

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
        failed: GenerationError | None = None
        try:
            written = rounds.run()
        except GenerationError as e:
            failed = e
        if failed is not None:
            # An error and no failure: it says nothing about a kernel.
            self._current.ungenerated = failed.kind
            self._current.generation = rounds.as_json()
            message = f"not generated: {failed.kind}: {failed.message}"
            self.records.append(self.record("error", reason=failed.kind, message=message))
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
            with self.session.computing():
                return try_out(self.task, self.evaluation, self.session)
        except ReferenceFailedError as e:
            pytest.fail(str(e), pytrace=False)
        finally:
            self._current.rest()
            self._current = kept

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

    @property
    def _replays(self) -> str:
        """Node id of what repeats a failure: the file, or its test of one author."""
        if self._author is None:
            return self.nodeid
        test = "test_call" if self._phase == "call" else "test_fuzz"
        return f"{self.nodeid}::{test}[{self._author.id}]"
