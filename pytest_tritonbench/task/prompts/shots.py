"""Examples for a prompt: searched by BM25, without those that solve the task."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_tritonbench.task.prompts.corpus import Example, read_corpus
from pytest_tritonbench.task.prompts.leaks import solved
from pytest_tritonbench.task.prompts.problem import PromptError
from pytest_tritonbench.task.prompts.subject import Subject
from pytest_tritonbench.task.prompts.words import words


@dataclass(frozen=True, eq=False)
class Shots:
    """The examples that a corpus has to offer.

    Args:
        examples: The corpus; the index is made when it is first searched.
    """

    examples: tuple[Example, ...]

    @classmethod
    def read(cls, path: Path) -> Shots:
        """Read a corpus, as :func:`read_corpus` does.

        Raises:
            PromptError: If it cannot be read or holds nothing, or bm25s is not installed.
        """
        _library()
        return cls(read_corpus(path))

    def best(
        self,
        subject: Subject,
        number: int,
        sources: Iterable[str] = (),
        refused: Callable[[Example, str], None] = lambda _example, _why: None,
    ) -> tuple[Example, ...]:
        """The examples for a task, best first; of equally good ones, the first by name.

        Args:
            subject: The task; its name, signature and description are searched with.
            number: How many are wanted.
            sources: Code that solves the task, from which none may be taken; it is compared, and
                neither searched with nor shown.
            refused: Told of each example that was passed over, and why.

        Returns:
            At most ``number``, fewer where no more have a word in common with the task.

        Raises:
            PromptError: If bm25s is not installed.
        """
        known = solved(subject, sources)
        asked = words(subject.question)
        scores = self._index.get_scores(asked) if asked else [0.0] * len(self.examples)
        ranked = sorted(zip(scores, self.examples, strict=True), key=lambda p: (-p[0], p[1].name))
        found: list[Example] = []
        for score, example in ranked:
            if len(found) >= number or score <= 0:
                break
            if (why := known.leak(example)) is None:
                found.append(example)
            else:
                refused(example, why)
        return tuple(found)

    @cached_property
    def _index(self) -> Any:
        index = _library().BM25()
        texts = [words(f"{e.name}\n{e.description}\n{e.code}") for e in self.examples]
        index.index(texts, show_progress=False)
        return index


def _library() -> Any:
    try:
        return importlib.import_module("bm25s")
    except ImportError:
        raise PromptError(
            "examples are searched with bm25s, which is not installed; run "
            "pip install 'pytest-tritonbench[rag]', or leave --tb-shots out"
        ) from None
