"""Questions asked in the background, each once, whatever the number of processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pytest_tritonbench.candidate.model.dispatch import Ask, Dispatcher, Terms
from pytest_tritonbench.candidate.model.question import Question
from pytest_tritonbench.candidate.model.reasons import no_code, offline
from pytest_tritonbench.candidate.model.store import Extract, Store, Stored

_DEFAULT = Terms()


class Asker:
    """Asks the questions of a session in their order, the ones that somebody waits for first.

    Every process of a run has one, over the same questions. Who asks what is settled by locks, so
    a process that dies leaves its questions to the others.

    Args:
        questions: In the order of the tests.
        ask: Asks one of them; called in several threads at once.
        extract: Takes the code out of an answer.
        store: Where answers are found and kept.
        run: A folder shared by the processes of this run, and by no other run.
        terms: How many at once, for how much.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        *,
        ask: Ask,
        extract: Extract,
        store: Store,
        run: Path,
        terms: Terms = _DEFAULT,
    ) -> None:
        self._store = store
        self._offline = terms.offline
        self._dispatcher = Dispatcher(questions, ask, extract, store, run, terms)

    def start(self) -> None:
        """Begin to ask in the background; a second call changes nothing."""
        if not self._offline:
            self._dispatcher.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def answer(self, question: Question) -> Stored:
        """The answer to a question, waited for if it is not there; it comes before the others.

        A question that is not one of the session's, such as a repair, is asked too. Where asking
        is forbidden, the last answer for the sample serves; its ``note`` says what differs.

        Raises:
            GenerationError: If none could be had; ``offline`` if it would have to be asked for,
                ``no-code`` if there is an answer and no code in it, ``store`` if its files are
                damaged or cannot be written, ``budget`` if it was not asked because of that,
                ``stopped`` after ``close``, ``defect`` if the fault is this package's.
        """
        found = self._dispatcher.outcome(question)
        if found is None:
            if self._offline:
                found = self._kept(question)
            else:
                self.start()
                found = self._dispatcher.wait(question)
        if not found.code.strip():
            raise no_code(question, found)
        return found

    def _kept(self, question: Question) -> Stored:
        """What is on disk for a sample, whatever exactly was asked: a prompt names the GPU."""
        found = self._store.latest(question)
        if found is None:
            raise offline(question, self._store)
        return found

    def close(self, grace: float = 2.0) -> None:
        """Ask nothing more, and let go of the threads.

        Args:
            grace: Seconds that requests under way have to end by themselves; after them they are
                cut off, and what they brought so far is lost. At the end of a session whose other
                processes go on, as long as a request may take: what is cut off is asked again by
                them.
        """
        self._dispatcher.close(grace)
