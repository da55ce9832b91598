"""What a server is told to do, faults included."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

REFUSED = (
    "429",
    "500",
    "503",
    "401",
    "403",
    "404",
    "quota",
    "context",
    "policy",
    "bad-request",
    "echo-key",
)
"""Faults that are answered with an error of HTTP."""

BROKEN = ("reset", "reset-early", "stall", "bad-json", "bad-utf8", "cut", "error-event", "html")
"""Faults of an answer that has begun, and of one that is none."""

ODD = ("refusal", "filter", "empty", "length", "spent", "huge", "endless")
"""Whole answers that are no kernels."""

PASSING = ("429", "500", "reset", "stall", "bad-json")
"""Faults after which the same request can succeed."""

QUIRKS = ("no-stream-options", "no-stream", "one-piece", "max-completion-tokens")
"""What a server may not understand: it refuses, or answers in one piece all the same."""


@dataclass
class Plan:
    """How a server answers until it gets another plan."""

    answers: tuple[str, ...] = ()
    """Files of predictions."""

    order: tuple[str | None, ...] = ()
    """Faults of the first requests, by arrival; ``None``: none."""

    tasks: Mapping[str, Any] = field(default_factory=dict)
    """By task, a fault of all its requests or a list of those of the first ones."""

    rate: float = 0.0
    """Share of the other requests that meet with one of ``kinds``."""

    seed: int = 0
    kinds: tuple[str, ...] = PASSING
    quirks: tuple[str, ...] = ()
    key: str | None = None
    """The only key that is let in."""

    models: tuple[str, ...] | None = None
    """The only models that there are."""

    delay: float = 0.0
    """Seconds that an answer takes."""

    pause: float = 60.0
    """Seconds that a stall takes."""

    retry_after: str = "0.05"
    """The header Retry-After of 429."""

    reasoning_field: str = "reasoning_content"
    usage: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of usage."""

    def as_json(self) -> dict[str, Any]:
        """As it is sent to a server."""
        return asdict(self)

    def fault(self, number: int, task: str | None, of_task: int) -> str | None:
        """The fault of a request.

        Args:
            number: How many requests came before.
            task: What it asks for.
            of_task: How many came before that asked for it.
        """
        if number < len(self.order):
            return self.order[number]
        own = self.tasks.get(task or "")
        if isinstance(own, str):
            return own
        if own is not None and of_task < len(own):
            fault: str | None = own[of_task]
            return fault
        draw = random.Random(f"{self.seed}:{number}")  # noqa: S311 - repeatable on purpose
        return draw.choice(self.kinds) if draw.random() < self.rate else None
