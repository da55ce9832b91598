"""The background of a run: which question is next, who may ask it, and what became of it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_tritonbench.candidate.model.budget import Budget, Reservation
from pytest_tritonbench.candidate.model.claims import Claims, Held, Slots, identity
from pytest_tritonbench.candidate.model.notes import Notes
from pytest_tritonbench.candidate.model.progress import Board, Share
from pytest_tritonbench.candidate.model.question import (
    Generation,
    GenerationError,
    Question,
    Streamed,
)
from pytest_tritonbench.candidate.model.reasons import STOPPED, defect, stopped
from pytest_tritonbench.candidate.model.store import Extract, Store, Stored, StoreError

# Its own: the tests beside these threads draw from the seeded one of the module.
_RANDOM = random.Random()  # noqa: S311 - spreads requests, hides nothing

Ask = Callable[[Question, Callable[[Streamed], None]], Generation]
"""Asks one question, tells how far the answer has got, raises ``GenerationError``."""

_POLL_S = 0.05
_State = Literal["answered", "failed", "open"]


@dataclass(frozen=True)
class Terms:
    """How a run asks; the same in all its processes."""

    concurrency: int = 8
    """Requests under way at once, in all processes together; at least 1."""

    budget: Budget | None = None
    offline: bool = False
    """Whether only the store may answer."""


@dataclass(frozen=True)
class _Request:
    question: Question
    claim: Held
    slot: Held
    reservation: Reservation | None


class Dispatcher:
    """Asks in threads of its own, and takes turns with the dispatchers of other processes.

    Args:
        questions: In the order of the tests.
        ask: Asks one of them; called in several threads at once.
        extract: Takes the code out of an answer.
        store: Where answers are found and kept.
        run: A folder shared by the processes of this run.
        terms: How many at once, for how much.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        ask: Ask,
        extract: Extract,
        store: Store,
        run: Path,
        terms: Terms,
    ) -> None:
        self._ask = ask
        self._extract = extract
        self._store = store
        self._terms = terms
        self._claims = Claims(store.folder / ".claims")
        self._slots = Slots(run / "slots", terms.concurrency)
        self._notes = Notes(run)
        self._board = Board(run / "progress")
        self._share = Share(total=len(questions))
        self._session = {identity(question) for question in questions}
        self._pending = {identity(question): question for question in questions}
        self._running: dict[str, tuple[Question, Streamed]] = {}
        self._broken: GenerationError | None = None
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._abort = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; a second call changes nothing."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._dispatch, name="asker", daemon=True)
                self._thread.start()

    def outcome(self, question: Question) -> Stored | None:
        """The answer to a question, or ``None`` while there is none.

        Raises:
            GenerationError: If none is to come in this run.
        """
        found = self._store.get(question)
        if found is None or not found.code.strip():
            # A refusal that was paid for is kept; in this run it is told as what it is.
            error = self._notes.failure(question)
            if error is not None:
                raise error
        return found

    def wait(self, question: Question) -> Stored:
        """Have a question asked before the others, by whomever, and wait for its answer.

        Raises:
            GenerationError: If none is to come in this run, ``stopped`` if it ends first.
        """
        name = identity(question)
        with self._changed:
            if name not in self._running:
                self._pending[name] = question
        self._notes.want(question)
        try:
            while True:
                over = self._stopping.is_set()
                found = self.outcome(question)
                if found is not None:
                    return found
                if self._broken is not None:
                    raise GenerationError(self._broken.kind, self._broken.message)
                if over:
                    raise stopped(question)
                with self._changed:
                    self._changed.wait(_POLL_S)
        finally:
            self._notes.unwant(question)

    def close(self, grace: float) -> None:
        """Ask nothing more; what is under way after so many seconds is cut off."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)
            self._settle(grace)
            self._abort.set()
            self._settle(1.0)
        if self._terms.budget is not None:
            self._terms.budget.close()

    def _settle(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._changed:
            while self._running and (rest := until - time.monotonic()) > 0:
                self._changed.wait(min(rest, 0.2))
        self._board.write(self._share, self._under_way(), now=True)

    def _dispatch(self) -> None:
        try:
            with self._changed:
                questions = list(self._pending.values())
            self._share.found = sum(self._look(q) == "answered" for q in questions)
            while not self._stopping.is_set():
                self._board.write(self._share, self._under_way())
                if not self._next():
                    # Not woken by its own requests' ends: then it would take every slot again, and
                    # leave none to the other processes.
                    self._stopping.wait(_POLL_S * _RANDOM.uniform(0.2, 1.0))
        except Exception as e:  # noqa: BLE001 - told to everybody who waits
            self._broken = defect("the questions", e)

    def _next(self) -> bool:
        with self._changed:
            if not self._pending or len(self._running) >= self._terms.concurrency:
                return False
        slot = self._slots.take()
        if slot is None:
            return False
        request = self._choose(slot)
        if request is None:
            slot.release()
            return False
        threading.Thread(
            target=self._serve, args=(request,), name=request.question.name, daemon=True
        ).start()
        return True

    def _choose(self, slot: Held) -> _Request | None:
        wanted = self._notes.wanted()
        with self._changed:
            pending = dict(self._pending)
        first = [pending.pop(name) for name in wanted if name in pending]
        for question in [*first, *pending.values()]:
            if self._stopping.is_set():
                return None
            if self._look(question) != "open":
                continue
            try:
                claim = self._claims.take(question)
            except StoreError as e:
                self._fail(question, e, halt=True)
                return None
            if claim is None:
                continue
            # It may have been answered between the look and the claim.
            if self._look(question) != "open":
                claim.release(remove=True)
                continue
            budget = self._terms.budget
            try:
                self._store.prepare(question)
                reservation = None if budget is None else budget.reserve(question)
            except GenerationError as e:
                self._fail(question, e, halt=isinstance(e, StoreError))
                claim.release(remove=True)
                continue
            if budget is not None and reservation is None:
                # What is under way may give back enough.
                claim.release()
                return None
            with self._changed:
                self._pending.pop(identity(question), None)
                self._running[identity(question)] = (question, Streamed(0, 0.0))
                self._share.added += identity(question) not in self._session
            return _Request(question, claim, slot, reservation)
        return None

    def _look(self, question: Question) -> _State:
        state: _State
        try:
            state = "open" if self.outcome(question) is None else "answered"
        except GenerationError as e:
            state = "failed"
            if isinstance(e, StoreError) and self._notes.failure(question) is None:
                self._fail(question, e)
        if state != "open":
            with self._changed:
                self._pending.pop(identity(question), None)
        return state

    def _fail(self, question: Question, error: GenerationError, *, halt: bool = False) -> None:
        self._notes.fail(question, error)
        if halt:
            self._notes.halt(error)
        with self._changed:
            self._pending.pop(identity(question), None)
            self._share.failed += 1

    def _serve(self, request: _Request) -> None:
        answered = False
        try:
            answered = self._fetch(request)
        except Exception as e:  # noqa: BLE001 - told to everybody who waits
            self._broken = defect("the questions", e)
        finally:
            # The answer is there, or a note that there is none: now others may look.
            request.claim.release(remove=answered)
            request.slot.release()
            with self._changed:
                del self._running[identity(request.question)]
                self._changed.notify_all()

    def _fetch(self, request: _Request) -> bool:
        """Ask, pay and keep what came; say whether it is an answer."""
        question = request.question
        name = identity(question)

        def heard(streamed: Streamed) -> None:
            if self._abort.is_set():
                raise stopped(question)
            with self._changed:
                self._running[name] = (question, streamed)

        generation: Generation | None = None
        failed: GenerationError | None = None
        try:
            generation = self._ask(question, heard)
        except GenerationError as e:
            failed, generation = e, e.generation
            if e.kind != STOPPED:
                self._fail(question, e)
        except BaseException as e:  # noqa: BLE001 - one sample's fault is not the others'
            self._fail(question, defect(question.name, e))
        self._pay(request, generation)
        if generation is None:
            return False
        try:
            self._store.save(question, generation, self._extract)
        except StoreError as e:
            # Whatever is asked after this would be paid for and lost as well.
            self._fail(question, e, halt=True)
            return False
        if failed is not None:
            return False
        with self._changed:
            self._share.count(generation)
        return True

    def _pay(self, request: _Request, generation: Generation | None) -> None:
        budget = self._terms.budget
        if budget is None or request.reservation is None:
            return
        if generation is None:
            budget.release(request.reservation)
        else:
            budget.settle(request.reservation, generation)

    def _under_way(self) -> list[tuple[Question, Streamed]]:
        with self._changed:
            return list(self._running.values())
