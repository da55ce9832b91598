"""What models are asked about: a task, and the messages that ask for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_tritonbench.candidate.model.question import Message
from pytest_tritonbench.model_options import Asking
from pytest_tritonbench.task.prompts import leaks, styles
from pytest_tritonbench.task.prompts.corpus import Example
from pytest_tritonbench.task.prompts.problem import PromptError
from pytest_tritonbench.task.prompts.shots import Shots
from pytest_tritonbench.task.prompts.subject import Subject, Target
from pytest_tritonbench.task.tritonbench.checkout import Upstream

if TYPE_CHECKING:
    from jinja2 import Template

    # This imports torch.
    from pytest_tritonbench.task.declaration import Task

BUNDLED = "references"
"""Name of the suite of a repository's own tasks, in the store of generations and in records."""


@dataclass(frozen=True)
class Topic:
    """A task that models are asked for."""

    suite: str
    name: str
    entry: str | None
    """Function that a candidate must define."""

    names: tuple[str, ...]
    """Further names that it must define."""

    task: Task | Upstream


def own(task: Task) -> Topic:
    """A task of the repository's own."""
    return Topic(BUNDLED, task.name, task.name, (), task)


def imported(task: Upstream, suite: str) -> Topic:
    """A task of a published benchmark."""
    return Topic(suite, task.name, task.parsed.entry, tuple(task.parsed.defines), task)


class Writer:
    """Writes prompts.

    Args:
        asking: Which style, and how many examples.
        target: What kernels are written for; asked for once.
        kernels: Folder of the repository's kernels, none of which may be shown for its own task.
    """

    def __init__(self, asking: Asking, target: Callable[[], Target], kernels: Path) -> None:
        self._asking = asking
        self._make_target = target
        self._kernels = kernels

    @cached_property
    def _target(self) -> Target:
        return self._make_target()

    @cached_property
    def _shots(self) -> Shots | None:
        corpus = self._asking.corpus
        return None if corpus is None or not self._asking.shots else Shots.read(corpus)

    @cached_property
    def _template(self) -> str | Template:
        given = self._asking.template
        return self._asking.prompt if given is None else styles.load_template(given)

    def check(self) -> None:
        """Read what every prompt needs.

        Raises:
            pytest.UsageError: If the template or the corpus cannot be used.
        """
        try:
            _ = self._template, self._shots
        except PromptError as e:
            raise pytest.UsageError(str(e)) from None

    def messages(self, topic: Topic) -> tuple[Message, ...]:
        """Ask for a task.

        Raises:
            PromptError: If it cannot be asked for in this style.
        """
        subject = self._subject(topic)
        shots: tuple[Example, ...] = ()
        if self._shots is not None:
            shots = self._shots.best(subject, self._asking.shots, sources=self._secrets(topic))
        return tuple(Message(*pair) for pair in styles.messages(subject, self._template, shots))

    def _subject(self, topic: Topic) -> Subject:
        if isinstance(topic.task, Upstream):
            from pytest_tritonbench.task.prompts import upstream  # noqa: PLC0415 - one of the two

            return upstream.subject_of(topic.task, self._target)
        from pytest_tritonbench.task.prompts import declared  # noqa: PLC0415 - imports torch

        return declared.subject_of(topic.task, self._target)

    def _secrets(self, topic: Topic) -> list[str]:
        """What solves the task, which no example may."""
        found = [leaks.reference_source(topic.task)]
        kernel = self._kernels / f"{topic.name}.py"
        if topic.suite == BUNDLED and kernel.is_file():
            found.append(kernel.read_text(encoding="utf-8", errors="replace"))
        return found
