"""Who times a reference: a process that is there anyway, and new ones where it cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from pytest_tritonbench.task.case import Case


class Steps(Protocol):
    """A trusted process that can do the steps of timing a reference."""

    def step(self, path: Path, case: Case, what: str, **more: Any) -> dict[str, Any]:
        """Do one step."""

    def close(self) -> None:
        """End the process."""


class Timer:
    """Times references in a process that serves others as well, until a new one is wanted.

    The process that is there has run references before and may hold what others need of it, which
    is why it is kept. A new one is this timer's alone and ends with the case.

    Args:
        usual: The process that is there; it is not closed here.
        another: Gives a new one.
    """

    def __init__(self, usual: Steps, another: Callable[[], Steps]) -> None:
        self._usual = usual
        self._another = another
        self._own: Steps | None = None

    def step(self, path: Path, case: Case, what: str, **more: Any) -> dict[str, Any]:
        """Do one step of timing the reference on a case.

        Raises:
            ReferenceFailedError: If the task file's own code fails on the case.
        """
        if what == "close" and self._own is not None:
            self.close()
            return {}
        return (self._own or self._usual).step(path, case, what, **more)

    def renew(self, path: Path, case: Case) -> None:
        """Have a new process for the steps to come; the memory of the last one is given back."""
        self.step(path, case, "close")
        self._own = self._another()

    def close(self) -> None:
        """End the process that is this timer's own."""
        own, self._own = self._own, None
        if own is not None:
            own.close()
