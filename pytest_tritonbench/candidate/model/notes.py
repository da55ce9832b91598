"""What the processes of a run tell each other: who waits for what, and what failed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pytest_tritonbench.candidate.model.atomic import write_whole
from pytest_tritonbench.candidate.model.claims import identity
from pytest_tritonbench.candidate.model.question import GenerationError, Question

_HALT = "halt"


class Notes:
    """Small files that every process of a run reads; another run knows nothing of them.

    Args:
        folder: Shared by the processes of a run.
    """

    def __init__(self, folder: Path) -> None:
        self._failed = folder / "failed"
        self._wanted = folder / "wanted"
        for made in (self._failed, self._wanted):
            made.mkdir(parents=True, exist_ok=True)

    def fail(self, question: Question, error: GenerationError) -> None:
        """Say that a question has no answer in this run."""
        self._write(identity(question), question.key, error)

    def failure(self, question: Question) -> GenerationError | None:
        """Why a question has no answer in this run, if it was tried; why none has, if so."""
        return self._read(identity(question), question.key) or self._read(_HALT, "")

    def halt(self, error: GenerationError) -> None:
        """Say that nothing more is asked in this run."""
        self._write(_HALT, "", error)

    def want(self, question: Question) -> None:
        """Say that somebody waits for a question's answer."""
        with suppress(FileExistsError):
            (self._wanted / identity(question)).touch(exist_ok=False)

    def unwant(self, question: Question) -> None:
        """Say that nobody waits any more."""
        (self._wanted / identity(question)).unlink(missing_ok=True)

    def wanted(self) -> Sequence[str]:
        """The identities of the questions that somebody waits for."""
        return sorted(path.name for path in self._wanted.iterdir())

    def _write(self, name: str, key: str, error: GenerationError) -> None:
        content = {"key": key, "kind": error.kind, "message": error.message}
        write_whole(self._failed / f"{name}.json", json.dumps(content).encode())

    def _read(self, name: str, key: str) -> GenerationError | None:
        try:
            content = json.loads((self._failed / f"{name}.json").read_bytes())
        except FileNotFoundError:
            return None
        if content["key"] != key:
            return None
        return GenerationError(content["kind"], content["message"])
