"""The answers that a run judges: whose they are and where they stand."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

GOLD = "gold"
"""The model that answers where nobody else does: every task's own gold."""


@dataclass(frozen=True)
class Answered:
    """One answer of one model to one task, or the want of one."""

    model: str
    sample: int
    """Number of the answer among the model's answers to the task, from 0."""

    text: str | None
    """The answer as it was given; ``None`` where the model has none."""

    origin: str
    """File and line that it was read from."""

    label: str = ""
    """The gold as the file of predictions has it, cut off in some; upstream compares with it."""

    @property
    def id(self) -> str:
        """How it is named in a node id."""
        return self.model if self.sample == 0 else f"{self.model}-{self.sample}"


def digest(text: str) -> str:
    """SHA-256 of a text, in hex; lone surrogates of a broken answer included."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
