"""A model that is a function, and processes that ask it: ``python answering.py PLAN.json``."""

import json
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_tritonbench.candidate.model.asker import Asker
from pytest_tritonbench.candidate.model.budget import Budget, parse_limit
from pytest_tritonbench.candidate.model.dispatch import Terms
from pytest_tritonbench.candidate.model.question import (
    Endpoint,
    Generation,
    GenerationError,
    Message,
    Price,
    Question,
    Sampling,
    Streamed,
    Usage,
)
from pytest_tritonbench.candidate.model.store import Store

PROMPT, COMPLETION = 20, 480
ENDPOINT = Endpoint(
    "fake", "http://user:secret@localhost:1/v1?key=secret", "fake-1", price=Price(1000.0, 1000.0)
)


def question(
    task: str = "softmax", *, sample: int = 0, attempt: int = 0, prompt: str = ""
) -> Question:
    """A question for one sample."""
    messages = (Message("user", prompt or f"Write {task}."),)
    sampling = Sampling(temperature=0.5, max_tokens=580)
    return Question("references", task, sample, attempt, ENDPOINT, messages, sampling)


def generation(text: str = "x = 1\n", *, finish_reason: str = "stop") -> Generation:
    """An answer of half a dollar."""
    usage = Usage(PROMPT, COMPLETION)
    return Generation(text, finish_reason, usage, usage.cost(ENDPOINT.price))


def as_it_is(_question: Question, text: str) -> str:
    """The whole answer is the code."""
    return text


@dataclass(frozen=True)
class Plan:
    """What one process does."""

    folder: Path
    run: str = "run"
    tasks: int = 60
    concurrency: int = 8
    seconds: float = 0.01
    """That an answer takes."""

    budget: str = ""
    order: int = 0
    """Seed of the order in which the answers are waited for."""

    fail: tuple[str, ...] = ()
    """Tasks that bring an error."""

    def questions(self) -> list[Question]:
        """The session's questions."""
        return [question(f"task{number}") for number in range(self.tasks)]

    def ask(self, asked: Question, heard: Callable[[Streamed], None]) -> Generation:
        """Write into the log when an answer was begun and ended."""
        self._log("begin", asked)
        begun = time.monotonic()
        try:
            while time.monotonic() < begun + self.seconds:
                time.sleep(min(self.seconds, 0.02))
                heard(Streamed(1, time.monotonic() - begun))
            if asked.task in self.fail:
                raise GenerationError("server-error", f"{asked.task} breaks")
        finally:
            self._log("end", asked)
        return generation(f"def {asked.task}(): ...\n")

    def asker(self) -> Asker:
        """What asks them."""
        run = self.folder / self.run
        budget = Budget(run, parse_limit(self.budget)) if self.budget else None
        return Asker(
            self.questions(),
            ask=self.ask,
            extract=as_it_is,
            store=Store(self.folder / "generations"),
            run=run,
            terms=Terms(self.concurrency, budget),
        )

    def write(self) -> Path:
        """As a file for another process."""
        path = self.folder / f"plan-{self.run}-{self.order}.json"
        path.write_text(json.dumps(asdict(self), default=str))
        return path

    def _log(self, what: str, asked: Question) -> None:
        entry = f"{what} {asked.task} {time.monotonic()} {os.getpid()}\n".encode()
        log = os.open(self.folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, entry)
        os.close(log)


@dataclass(frozen=True)
class Entry:
    """A line of the log."""

    what: str
    task: str
    when: float
    pid: int


def log(folder: Path) -> list[Entry]:
    """What was asked, in the order of time."""
    lines = [line.split() for line in (folder / "log").read_text().splitlines()]
    return sorted(
        (Entry(what, task, float(when), int(pid)) for what, task, when, pid in lines),
        key=lambda entry: entry.when,
    )


def main() -> None:
    """Wait for every answer; print how each came out."""
    given = json.loads(Path(sys.argv[1]).read_text())
    plan = Plan(**{**given, "folder": Path(given["folder"]), "fail": tuple(given["fail"])})
    questions = plan.questions()
    random.Random(plan.order).shuffle(questions)  # noqa: S311 - a fixed order, no secret
    outcomes = {}
    with plan.asker() as asker:
        for asked in questions:
            try:
                outcomes[asked.task] = asker.answer(asked).code
            except GenerationError as e:
                outcomes[asked.task] = f"error {e.kind}"
    print(json.dumps(outcomes))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main()
