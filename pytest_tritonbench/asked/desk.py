"""Where tests fetch what models wrote: asked in the background, each once in a whole run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_tritonbench.asked.authors import Author
from pytest_tritonbench.asked.topics import Topic, Writer
from pytest_tritonbench.candidate.extraction import extract
from pytest_tritonbench.candidate.model.asker import Asker
from pytest_tritonbench.candidate.model.budget import Budget, parse_limit
from pytest_tritonbench.candidate.model.client import Client, Limits
from pytest_tritonbench.candidate.model.dispatch import Terms
from pytest_tritonbench.candidate.model.question import (
    Generation,
    GenerationError,
    Message,
    Question,
    Sampling,
    Streamed,
)
from pytest_tritonbench.candidate.model.store import Store, Stored
from pytest_tritonbench.model_options import Asking
from pytest_tritonbench.task.prompts.problem import PromptError


class Desk:
    """Gives tests their candidates, and asks for those that are not on disk.

    Args:
        asking: What was asked for.
        writer: Writes the prompts.
        run: Folder that the processes of this run share.
    """

    def __init__(self, asking: Asking, writer: Writer, run: Path) -> None:
        self.asking = asking
        self.store = Store(asking.store)
        self._writer = writer
        self._run = run
        self._asker: Asker | None = None
        self._clients: dict[str, Client] = {}
        self._topics: dict[tuple[str, str], Topic] = {}
        self._questions: dict[tuple[str, str, str], Question | GenerationError] = {}

    def open(self, wanted: Iterable[tuple[Topic, Author]]) -> None:
        """Begin to ask, in the order of the tests."""
        questions = [self._question(topic, author) for topic, author in wanted]
        limit = self.asking.budget
        budget = None if limit is None else Budget(self._run / "budget", parse_limit(limit))
        self._asker = Asker(
            [question for question in questions if isinstance(question, Question)],
            ask=self._ask,
            extract=self._extract,
            store=self.store,
            run=self._run,
            terms=Terms(self.asking.concurrency, budget, self.asking.offline),
        )
        self._asker.start()

    def prompt(self, topic: Topic) -> tuple[Message, ...]:
        """The messages that ask for a task; raises ``PromptError``."""
        return self._writer.messages(topic)

    def answer(self, topic: Topic, author: Author) -> Stored:
        """What an author wrote, waited for.

        Raises:
            GenerationError: If there is nothing.
        """
        question = self._question(topic, author)
        if isinstance(question, GenerationError):
            raise question
        return self._opened.answer(question)

    def kept(self, topic: Topic, author: Author) -> Stored | None:
        """What is on disk for an author's first answer, candidate or not."""
        question = self._question(topic, author)
        if isinstance(question, GenerationError):
            return None
        try:
            return self.store.get(question)
        except GenerationError:
            return None

    def again(
        self, topic: Topic, author: Author, attempt: int, messages: Sequence[Message]
    ) -> Stored:
        """What an author makes of what went wrong; raises as :meth:`answer`."""
        question = self._question(topic, author)
        if isinstance(question, GenerationError):
            raise question
        return self._opened.answer(replace(question, attempt=attempt, messages=tuple(messages)))

    def close(self, *, others_go_on: bool) -> None:
        """Ask nothing more.

        Args:
            others_go_on: Whether other processes of the run may need what is under way.
        """
        if self._asker is not None:
            self._asker.close(self.asking.timeout if others_go_on else 2.0)
        for client in self._clients.values():
            client.close()

    @property
    def _opened(self) -> Asker:
        assert self._asker is not None  # noqa: S101 - tests run after the collection
        return self._asker

    def _question(self, topic: Topic, author: Author) -> Question | GenerationError:
        key = (topic.suite, topic.name, author.id)
        if key not in self._questions:
            self._topics[key[:2]] = topic
            try:
                self._questions[key] = self._asked(topic, author)
            except PromptError as e:
                self._questions[key] = GenerationError("prompt", str(e))
        return self._questions[key]

    def _asked(self, topic: Topic, author: Author) -> Question:
        asking = self.asking
        return Question(
            topic.suite,
            topic.name,
            author.sample,
            0,
            author.endpoint,
            self._writer.messages(topic),
            Sampling(
                asking.temperature,
                asking.top_p,
                None if asking.seed is None else asking.seed + author.sample,
                asking.effort,
                asking.max_tokens,
            ),
        )

    def _ask(self, question: Question, told: Callable[[Streamed], None]) -> Generation:
        endpoint = question.endpoint
        if endpoint.name not in self._clients:
            limits = Limits(timeout=self.asking.timeout)
            self._clients.setdefault(endpoint.name, Client(endpoint, os.environ, limits))
        return self._clients[endpoint.name].ask(question, told)

    def _extract(self, question: Question, text: str) -> str:
        topic = self._topics[question.suite, question.task]
        return extract(text, entry=topic.entry, names=topic.names).code
