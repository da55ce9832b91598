"""The live line of a run that asks models: every process writes its part, one prints all."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_tritonbench.candidate.model.atomic import write_whole
from pytest_tritonbench.candidate.model.question import Generation, Question, Streamed

WIDTH = 80
_EVERY_S = 0.25
_READABLE = 20
_STALE_S = 10.0


@dataclass
class Share:
    """What one process knows and did."""

    total: int = 0
    """Questions of the session; the same in every process."""

    found: int = 0
    """Of these, answered on disk when this process began."""

    answered: int = 0
    """By this process."""

    failed: int = 0
    """Asked, or not even asked, by this process, and without an answer."""

    added: int = 0
    """Repairs among the answered, failed and running ones."""

    tokens: int = 0
    cost: float | None = None
    """Dollars; ``None`` while no answer's cost is known."""

    running: list[dict[str, Any]] = field(default_factory=list)
    """``name``, ``tokens`` and ``seconds`` of the requests under way, the oldest first."""

    updated: float = 0.0
    """Seconds since 1970."""

    def count(self, generation: Generation) -> None:
        """Add an answer."""
        self.answered += 1
        usage = generation.usage
        self.tokens += (usage.prompt or 0) + (usage.completion or 0)
        if generation.cost is not None:
            self.cost = (self.cost or 0.0) + generation.cost


class Board:
    """Where a process writes its share.

    Args:
        folder: Shared by the processes of a run.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.json"
        self._next = 0.0

    def write(
        self, share: Share, running: Sequence[tuple[Question, Streamed]], *, now: bool = False
    ) -> None:
        """Write the share, four times a second at most.

        Args:
            share: What is done.
            running: What is under way, the oldest first.
            now: Whether to write it even if it was written a moment ago.
        """
        if not now and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_S
        share.running = [
            {"name": question.name, "tokens": seen.tokens, "seconds": seen.seconds}
            for question, seen in running
        ]
        share.updated = time.time()
        write_whole(self._path, json.dumps(asdict(share)).encode())


def shares(folder: Path) -> Sequence[Share]:
    """What every process of a run wrote last, those that ended included."""
    return [Share(**json.loads(path.read_bytes())) for path in sorted(folder.glob("*.json"))]


def line(folder: Path, width: int = WIDTH) -> str:
    """The line to show: how many are done of how many, the oldest request, what was spent.

    Args:
        folder: What the boards of the run were given.
        width: The most columns it may take.

    Returns:
        Plain text, empty while no process has written: ``37/400 answers, 2 failed, 16 running:
        softmax[claude-0] 1,234 tokens, 85/s; $0.42``.
    """
    parts = shares(folder)
    if not parts:
        return ""
    total = max(part.total for part in parts) + sum(part.added for part in parts)
    # Who came later found what others had been given in the meantime.
    answered = min(part.found for part in parts) + sum(part.answered for part in parts)
    failed = sum(part.failed for part in parts)
    costs = [part.cost for part in parts if part.cost is not None]
    limit = time.time() - _STALE_S
    running = [entry for part in parts if part.updated > limit for entry in part.running]
    done = f"{answered:,}/{total:,}"
    told = f"{done} answers, {failed:,} failed" if failed else f"{done} answers"
    end = f"; ${sum(costs):,.2f}" if costs else ""
    if not running:
        tokens = sum(part.tokens for part in parts)
        return f"{told}, {tokens:,} tokens{end}"[:width]
    oldest = max(running, key=lambda entry: float(entry["seconds"]))
    tokens, seconds = int(oldest["tokens"]), float(oldest["seconds"])
    rate = f", {tokens / seconds:,.0f}/s" if tokens and seconds > 0 else ""
    end = f" {tokens:,} tokens{rate}{end}"
    name = oldest["name"]
    room = 0
    # The less room there is, the less is said, until the name can be read.
    for begin in (f"{told}, {len(running)} running: ", f"{told}: ", f"{done}: "):
        room = width - len(begin) - len(end)
        if room >= min(len(name), _READABLE):
            break
    return (begin + _short(name, room) + end)[:width]


def _short(name: str, width: int) -> str:
    # The start tells the task, the end the model and the sample.
    if len(name) <= width:
        return name
    width = max(width, 5)
    tail = (width - 2) // 2
    return f"{name[: width - 2 - tail]}..{name[-tail:]}"
