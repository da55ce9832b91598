"""What a run may spend on models, over all its processes."""

from __future__ import annotations

import json
import math
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from pytest_tritonbench.candidate.model.atomic import write_whole
from pytest_tritonbench.candidate.model.claims import Life
from pytest_tritonbench.candidate.model.question import Generation, GenerationError, Question

DEFAULT_COMPLETION = 16_384
"""Tokens that an answer is taken to have at most where the question sets no limit."""

_NANO = 10**9
_POLL_S = 0.005
_AMOUNT = re.compile(
    r"(?P<sign>\$?)\s*(?P<number>\d[\d_]*(?:\.\d+)?|\.\d+)\s*(?P<factor>[kKmM]?)\s*(?P<unit>[a-z]*)"
)
_FACTORS = {"": 1, "k": 1000, "m": 1_000_000}


@dataclass(frozen=True)
class Limit:
    """The most that a run may spend: dollars or tokens, one of the two."""

    dollars: float | None = None
    tokens: int | None = None

    def __str__(self) -> str:
        return f"{self.tokens:,} tokens" if self.tokens is not None else f"${self.dollars:,.2f}"


def parse_limit(text: str) -> Limit:
    """Read a budget: ``5.00`` and ``$5`` are dollars; ``200000tokens`` and ``200k tokens`` tokens.

    Raises:
        ValueError: If it is neither, or nothing could be bought for it.
    """
    expected = "give dollars, as in 5.00, or tokens, as in 200000tokens"
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no budget; {expected}")
    number = float(match["number"].replace("_", "")) * _FACTORS[match["factor"].lower()]
    unit = match["unit"]
    if unit in {"token", "tokens"} and not match["sign"]:
        limit = Limit(tokens=int(number))
    elif unit in {"", "dollars", "usd"} and not match["factor"]:
        limit = Limit(dollars=number)
    else:
        raise ValueError(f"{text!r} is no budget; {expected}")
    if not (limit.tokens or limit.dollars):
        raise ValueError(f"{text!r} buys nothing; {expected}, above zero")
    return limit


def most_tokens(question: Question) -> tuple[int, int]:
    """The most tokens that one request is taken to use: of its prompt, and of its answer.

    Code has three to four bytes a token; two are reckoned, and a few tokens for each message.
    """
    prompt = sum(len(message.content.encode()) // 2 + 16 for message in question.messages)
    answer = question.sampling.max_tokens or DEFAULT_COMPLETION
    if question.endpoint.context is not None:
        answer = min(answer, question.endpoint.context)
    return prompt, answer


@dataclass(frozen=True)
class Reservation:
    """What is set aside for a request that is under way."""

    name: str
    amount: int
    """In the budget's unit: tokens, or billionths of a dollar."""

    question: Question


@dataclass(frozen=True)
class Spending:
    """Where a budget stands; dollars or tokens, as its limit."""

    limit: Limit
    spent: float
    reserved: float
    """For requests that are under way."""

    undone: tuple[str, ...] = field(default=())
    """Names of the questions that were not asked because of it."""


class Budget:
    """What the processes of a run may spend together.

    Before a request, the most that it can cost is reserved; after it, what it did cost is booked.
    What a process had reserved when it died is given back: what its requests cost is not known.

    Args:
        folder: Shared by the processes of a run.
        limit: The same in every process.
    """

    def __init__(self, folder: Path, limit: Limit) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.limit = limit
        self._path = folder / "budget.json"
        self._threads = threading.Lock()
        self._lock = FileLock(
            folder / "budget.lock", thread_local=False, poll_interval=_POLL_S, timeout=60
        )
        self._life = Life(folder / "alive")
        if limit.tokens is not None:
            self._most = limit.tokens
        else:
            self._most = math.floor((limit.dollars or 0) * _NANO + 0.5)

    def reserve(self, question: Question) -> Reservation | None:
        """Set aside the most that a question can cost.

        Returns:
            The reservation, or ``None`` while only what is reserved for others, and may come back,
            stands in its way.

        Raises:
            GenerationError: ``budget``, if asking could pass the limit, or the price is not known.
        """
        amount = self._amount(question)
        with self._state() as state:
            held = state["held"]
            spent = state["spent"]
            if spent + amount > self._most:
                state["undone"] = sorted({*state["undone"], question.name})
                raise GenerationError(
                    "budget",
                    f"{question.name} was not asked: it may cost up to {self._shown(amount)}, and "
                    f"{self._shown(spent)} of {self.limit} are spent; raise --tb-budget or lower "
                    "--tb-max-tokens and run again, the answers so far are kept",
                )
            if spent + _sum(held) + amount > self._most:
                self._bury(held)
                if spent + _sum(held) + amount > self._most:
                    return None
            name = uuid.uuid4().hex
            held.setdefault(self._life.name, {})[name] = amount
        return Reservation(name, amount, question)

    def settle(self, reservation: Reservation, generation: Generation) -> None:
        """Book what a request cost; what was reserved, if the server did not say what it used."""
        amount = self._cost(reservation.question, generation)
        with self._state() as state:
            self._drop(state, reservation)
            state["spent"] += reservation.amount if amount is None else amount

    def release(self, reservation: Reservation) -> None:
        """Give back what was reserved for a request that brought no answer."""
        with self._state() as state:
            self._drop(state, reservation)

    def spending(self) -> Spending:
        """Where it stands, over all processes."""
        with self._state() as state:
            scale = 1 if self.limit.tokens is not None else _NANO
            held = _sum(state["held"]) / scale
            return Spending(self.limit, state["spent"] / scale, held, tuple(state["undone"]))

    def close(self) -> None:
        """Give back everything that this process has reserved."""
        self._life.end()

    @contextmanager
    def _state(self) -> Iterator[dict[str, Any]]:
        with self._threads, self._lock:
            try:
                before = self._path.read_bytes()
                state = json.loads(before)
            except FileNotFoundError:
                before = b""
                state = {"spent": 0, "held": {}, "undone": []}
            try:
                yield state
            finally:
                after = json.dumps(state).encode()
                if after != before:
                    write_whole(self._path, after)

    def _bury(self, held: dict[str, dict[str, int]]) -> None:
        for name in [name for name in held if not self._life.alive(name)]:
            del held[name]

    def _drop(self, state: dict[str, Any], reservation: Reservation) -> None:
        own = state["held"].get(self._life.name, {})
        own.pop(reservation.name, None)
        if not own:
            state["held"].pop(self._life.name, None)

    def _amount(self, question: Question) -> int:
        prompt, answer = most_tokens(question)
        if self.limit.tokens is not None:
            return prompt + answer
        price = question.endpoint.price
        if price is None:
            raise GenerationError(
                "budget",
                f"{question.name} was not asked: what {question.endpoint.name} costs is not known; "
                "give its price in the table of models, or the budget in tokens",
            )
        return math.ceil((prompt * price.prompt + answer * price.completion) / 1e6 * _NANO)

    def _cost(self, question: Question, generation: Generation) -> int | None:
        usage = generation.usage
        if self.limit.tokens is not None:
            if usage.prompt is None or usage.completion is None:
                return None
            return usage.prompt + usage.completion
        cost = generation.cost
        if cost is None:
            cost = usage.cost(question.endpoint.price)
        return None if cost is None else math.ceil(cost * _NANO)

    def _shown(self, amount: int) -> str:
        if self.limit.tokens is not None:
            return f"{amount:,} tokens"
        return f"${amount / _NANO:,.4f}"


def _sum(held: dict[str, dict[str, int]]) -> int:
    return sum(amount for own in held.values() for amount in own.values())
