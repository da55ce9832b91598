"""The answers that a run judges: whose they are and where they stand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_tritonbench.asked.authors import Author

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

    author: Author | None = None
    """Who is asked for it when a test first needs it."""

    code: str | None = None
    """The candidate, where it was taken out of the answer already and may have been edited."""

    generation: Mapping[str, Any] | None = None
    """How a model came to it, for the records."""

    @property
    def id(self) -> str:
        """How it is named in a node id."""
        if self.author is not None:
            return self.author.id
        return self.model if self.sample == 0 else f"{self.model}-{self.sample}"


def digest(text: str) -> str:
    """SHA-256 of a text, in hex; lone surrogates of a broken answer included."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
