"""One candidate of a task: its source, its processes, and what is known of it so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pytest_tritonbench.candidate.files import Source
from pytest_tritonbench.evaluation import Evaluation


@dataclass
class Candidacy:
    """What the tests of one candidate share."""

    source: Source | None = None
    """``None`` until it was read."""

    uncallable: str | None = None
    """Why no phase after ``call`` is worth running."""

    ungenerated: str | None = None
    """Why a model gave no candidate."""

    proven: bool = False
    """Whether it is known that Triton does the work."""

    evaluation: Evaluation | None = None
    """Both sides, while they are needed."""

    generation: dict[str, Any] | None = field(default=None)
    """How a model came to it, for the records."""

    def rest(self) -> None:
        """End its process; the next call starts another."""
        if self.evaluation is not None:
            self.evaluation.close()
            self.evaluation = None
