"""A model mends its kernel: what went wrong is told, and what it makes of that is tried again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pytest_tritonbench.asked.authors import Author
from pytest_tritonbench.asked.desk import Desk
from pytest_tritonbench.asked.topics import Topic
from pytest_tritonbench.candidate.model.question import GenerationError, Message
from pytest_tritonbench.candidate.model.store import Stored
from pytest_tritonbench.options import PHASES
from pytest_tritonbench.task.prompts.repair import repair
from pytest_tritonbench.task.prompts.trouble import Timing, Trouble


@dataclass(frozen=True)
class Round:
    """One attempt and what became of it."""

    attempt: int
    written: Stored
    trouble: Trouble | None = None
    """``None`` where nobody tried it."""

    @property
    def right(self) -> bool:
        """Whether it got through every phase."""
        return self.trouble is not None and self.trouble.reason is None

    @property
    def rank(self) -> tuple[int, float]:
        """The larger, the better: the phase that it got to, then how fast it is."""
        if self.trouble is None:
            return -1, 0.0
        if not self.right:
            return PHASES.index(self.trouble.phase), 0.0
        return len(PHASES), -sum(timing.median_ms for timing in self.trouble.timings)

    def as_json(self) -> dict[str, Any]:
        """Plain data, for the record."""
        generation = self.written.generation
        return {
            "attempt": self.attempt,
            "phase": None if self.trouble is None else self.trouble.phase,
            "reason": None if self.trouble is None else self.trouble.reason,
            "right": None if self.trouble is None else self.right,
            "tokens": asdict(generation.usage),
            "cost": generation.cost,
        }


class Rounds:
    """The attempts of one author at one task.

    Args:
        desk: Where they are asked for.
        topic: The task.
        author: Who writes.
        tried: Says what is wrong with a kernel, or how fast it is.
        device: What it runs on: times are told of one device alone.
    """

    def __init__(
        self,
        desk: Desk,
        topic: Topic,
        author: Author,
        tried: Callable[[Stored], Trouble],
        device: str,
    ) -> None:
        self._desk = desk
        self._topic = topic
        self._author = author
        self._tried = tried
        self._device = device
        self.made: list[Round] = []
        self._stopped: GenerationError | None = None

    def run(self) -> Stored:
        """The best of the attempts.

        Raises:
            GenerationError: If there is not even a first one.
        """
        try:
            written = self._desk.answer(self._topic, self._author)
        except GenerationError:
            # An answer without code was paid for all the same.
            kept = self._desk.kept(self._topic, self._author)
            self.made = [] if kept is None else [Round(0, kept)]
            raise
        limit = self._desk.asking.repair
        if not limit:
            self.made = [Round(0, written)]
            return written
        for attempt in range(limit + 1):
            trouble = self._steady(written, self._tried(written))
            self.made.append(Round(attempt, written, trouble))
            if attempt == limit or (trouble.reason is None and not trouble.timings):
                break
            try:
                written = self._again(attempt + 1, written, trouble)
            except GenerationError as e:
                # What was written before is a candidate all the same.
                self._stopped = e
                break
        return self.best.written

    @property
    def best(self) -> Round:
        """The attempt that is judged; of equally good ones the last."""
        return max(self.made, key=lambda made: (made.rank, made.attempt))

    def as_json(self) -> dict[str, Any] | None:
        """How the candidate came to be, for the record; ``None`` where nothing came."""
        if not self.made:
            return None
        best = self.best
        written, generation = best.written, best.written.generation
        found = {
            "attempt": best.attempt,
            "path": written.path.relative_to(self._desk.store.folder).as_posix(),
            "key": written.question_key,
            "edited": written.edited,
            "note": written.note,
            "finish_reason": generation.finish_reason,
            "served_by": generation.served_by,
            "tokens": asdict(generation.usage),
            "cost": generation.cost,
            "requests": generation.requests,
            "started": generation.started,
            "ended": generation.ended,
            "rounds": [made.as_json() for made in self.made],
        }
        if self._stopped is not None:
            found["stopped"] = f"{self._stopped.kind}: {self._stopped.message}"
        return found

    def _again(self, attempt: int, written: Stored, trouble: Trouble) -> Stored:
        first = [(message.role, message.content) for message in self._desk.prompt(self._topic)]
        messages = repair(tuple(first), written.code, trouble)
        told = [Message(*pair) for pair in messages]
        return self._desk.again(self._topic, self._author, attempt, told)

    def _steady(self, written: Stored, trouble: Trouble) -> Trouble:
        """Tell a kernel's first times again: other times would be another question to pay for."""
        if not trouble.timings:
            return trouble
        which = hashlib.sha256(f"{self._device}\n{written.code}".encode()).hexdigest()[:12]
        path = written.path.with_suffix(f".times-{which}.json")
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            return replace(trouble, timings=tuple(Timing(**timing) for timing in known))
        except (OSError, ValueError, TypeError):
            _write(path, [asdict(timing) for timing in trouble.timings])
            return trouble


def _write(path: Path, timings: list[Mapping[str, Any]]) -> None:
    text = json.dumps(timings, indent=2, sort_keys=True) + "\n"
    path.write_text(text, encoding="utf-8")
