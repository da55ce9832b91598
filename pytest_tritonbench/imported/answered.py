"""An imported task and the answers to it, fetched and examined once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_tritonbench.candidate.extraction import extract
from pytest_tritonbench.candidate.model.question import GenerationError
from pytest_tritonbench.imported.answers import GOLD, Answered, digest
from pytest_tritonbench.imported.resume import Finished
from pytest_tritonbench.report.records import Record
from pytest_tritonbench.task.tritonbench.checkout import SuiteError, Upstream

if TYPE_CHECKING:
    # What a run without models, or a collection, does not need.
    from pytest_tritonbench.asked.authors import Author
    from pytest_tritonbench.asked.desk import Desk
    from pytest_tritonbench.asked.topics import Topic
    from pytest_tritonbench.candidate.model.store import Stored
    from pytest_tritonbench.imported.examination import Examined
    from pytest_tritonbench.imported.workshop import Workshop
    from pytest_tritonbench.task.prompts.trouble import Trouble


class AnsweredTask:
    """A task of a published benchmark and whoever answers it: what its phases have in common.

    Args:
        task: The task.
        suite: Name of its suite.
        workshop: Gives what the tests of one process share.
        finished: Tests that an earlier run has records of.
        desk: Where models' answers are fetched; ``None``: answers are read from files.
    """

    def __init__(
        self,
        task: Upstream,
        suite: str,
        workshop: Callable[[], Workshop],
        finished: Finished,
        desk: Desk | None = None,
    ) -> None:
        self.task = task
        self.suite = suite
        self.records: list[Record] = []
        self._make_workshop = workshop
        self._finished = finished
        self._desk = desk
        self._written: dict[str, Answered | GenerationError] = {}
        self._examined: dict[str, Examined] = {}
        self._answer: Answered | None = None
        self._phase = ""
        self._test = ""
        self.silent = False

    @property
    def line(self) -> int:
        """A task of a checkout is its whole file."""
        return 1

    def enter(self, phase: str, test: str, parameters: Mapping[str, Any]) -> None:
        """Enter a test: what is recorded from here on is of its phase and its answer."""
        self._phase, self._test = phase, test
        self._answer = parameters["answer"]
        self.silent = False
        self.records = []

    def asks(self, parameters: Mapping[str, Any]) -> tuple[Topic, Author] | None:
        """What a test needs of a model."""
        author = parameters["answer"].author
        if author is None or self._unusable is not None:
            return None
        from pytest_tritonbench.asked.topics import imported  # noqa: PLC0415 - where models are

        return imported(self.task, self.suite), author

    @property
    def _unusable(self) -> SuiteError | None:
        try:
            _ = self.task.parsed
        except SuiteError as e:
            return e
        return None

    def begin(self) -> None:
        """Have the answer, where a model gives it."""
        answered = self._answered
        if answered.author is None or self._unusable is not None:
            return
        known = self._written.get(answered.id)
        if isinstance(known, GenerationError):
            pytest.skip(f"not generated: {known.kind}")
        if known is None:
            known = self._written[answered.id] = self._fetched(answered, answered.author)
        if isinstance(known, GenerationError):
            # An error and no failure: it says nothing about a kernel.
            message = f"not generated: {known.kind}: {known}"
            self.records.append(self.record("error", reason=known.kind, message=message))
            pytest.fail(message, pytrace=False)
        self._answer = known

    def _fetched(self, answered: Answered, author: Author) -> Answered | GenerationError:
        """What a model answers, mended as often as was asked for."""
        from pytest_tritonbench.asked.rounds import Rounds  # noqa: PLC0415 - where models are
        from pytest_tritonbench.asked.topics import imported  # noqa: PLC0415 - as above

        assert self._desk is not None  # noqa: S101 - there is one where there are authors
        topic = imported(self.task, self.suite)
        device = self._workshop.session.environment.device
        rounds = Rounds(self._desk, topic, author, self._tried, device)
        try:
            written = rounds.run()
        except GenerationError as e:
            self._answer = replace(answered, generation=rounds.as_json())
            return e
        return replace(
            answered,
            text=written.generation.text,
            origin=str(written.path),
            code=written.code,
            generation=rounds.as_json(),
        )

    def _tried(self, written: Stored) -> Trouble:
        """What is wrong with an answer."""
        from pytest_tritonbench.imported.trial import try_out  # noqa: PLC0415 - imports torch

        with self._workshop.session.computing():
            return try_out(self.task, written.code, written.generation.text, self._workshop)

    def record(self, outcome: str, **found: Any) -> Record:
        """A record of the current test."""
        answer, session = self._answered, self._workshop.session
        empty = dict.fromkeys(("case", "reason", "message", "ratio", "seconds", "launches"), None)
        return Record(
            run=session.started,
            task=self.task.name,
            phase=self._phase,
            outcome=outcome,
            test=self._test,
            task_hash=self._task_hash,
            candidate=answer.origin,
            candidate_hash=self._answer_hash,
            environment=session.environment.as_json(),
            seed=session.seed,
            suite=self.suite,
            model=answer.model,
            sample=answer.sample,
            difficulty=self.task.difficulty,
            family=self.task.family,
            generation=answer.generation if self._phase == "call" else None,
            **{**empty, **found},
        )

    @property
    def _workshop(self) -> Workshop:
        return self._make_workshop()

    @property
    def _answered(self) -> Answered:
        assert self._answer is not None  # noqa: S101 - a test is entered with its answer
        return self._answer

    @property
    def _published(self) -> bool:
        return self._workshop.session.settings.policy == "published"

    @property
    def _task_hash(self) -> str:
        if self.task.problem is not None:
            return digest(self.task.problem)
        return digest(self.task.gold + self.task.test)

    @property
    def _answer_hash(self) -> str | None:
        answer = self._answered
        text = answer.text if answer.code is None else answer.code
        return None if text is None else digest(text)

    def _refuse_unanswered(self) -> None:
        """Fail a test whose model has not answered the task: it counts, as every task does.

        A task that cannot be used itself is skipped: no answer could pass.
        """
        try:
            _ = self.task.parsed
        except SuiteError as e:
            message = f"gold-broken: {e}"
            self.records.append(self.record("skipped", reason="gold-broken", message=message))
            pytest.skip(message)
        answer = self._answered
        if answer.text is None:
            self._refuse("missing", f"{answer.origin} has no answer to this task")
        elif not answer.text.strip():
            self._refuse("empty", f"{answer.origin} is empty")
        elif not self._code.strip():
            self._refuse("no-code", f"{answer.origin} has no code in it")

    def _refuse(self, reason: str, why: str) -> None:
        message = f"{self.task.name}: {reason}: {why}"
        nothing = {"published": {"call": False, "exec": None}}
        nothing["strict"] = {"call": False, "exec": False}
        self.records.append(self.record("failed", reason=reason, message=message, policy=nothing))
        pytest.fail(message, pytrace=False)

    @property
    def _code(self) -> str:
        answer, parsed = self._answered, self.task.parsed
        assert answer.text is not None  # noqa: S101 - asked only of what was answered
        if answer.model == GOLD:
            return answer.text
        if answer.code is not None:
            return answer.code
        return extract(answer.text, entry=parsed.entry, names=parsed.defines).code

    def _examine(self) -> Examined:
        answer = self._answered
        assert answer.text is not None  # noqa: S101 - asked only of what was answered
        # Two files may hold the same answer: it is run once.
        key = digest(answer.text + (answer.code or ""))
        if key not in self._examined:
            examiner = self._workshop.examiner
            self._examined[key] = examiner.examine(
                self.task, self._code, answer.text, is_gold=answer.model == GOLD
            )
        return self._examined[key]

    def close(self) -> None:
        """Forget the verdicts: no test of the task is left."""
        self._examined.clear()
