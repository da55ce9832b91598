"""Answers that came and were paid for, and are no candidates."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tritonbench.candidate.model.asker import Asker
from pytest_tritonbench.candidate.model.budget import Budget, parse_limit
from pytest_tritonbench.candidate.model.dispatch import Terms
from pytest_tritonbench.candidate.model.failures import UnusableAnswer
from pytest_tritonbench.candidate.model.question import (
    Generation,
    GenerationError,
    Question,
    Streamed,
)
from pytest_tritonbench.candidate.model.store import Store
from tests.unit.model.answering import generation, question


class Refusing:
    """A model that refuses, for half a dollar each time."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, asked: Question, _heard: Callable[[Streamed], None]) -> Generation:
        """Refuse."""
        self.asked += 1
        came = generation("I cannot help with that.", finish_reason="content_filter")
        raise UnusableAnswer("refusal", f"{asked.name} was refused", came)


def no_code(_question: Question, _text: str) -> str:
    """Prose has none."""
    return ""


def test_a_refusal_is_paid_for_once(tmp_path: Path) -> None:
    """It is booked, told as a refusal, kept on disk, and not asked for again by a later run."""
    model, store = Refusing(), Store(tmp_path / "generations")
    for run, kind in (("first", "refusal"), ("second", "no-code")):
        budget = Budget(tmp_path / run, parse_limit("5.00"))
        terms = Terms(1, budget)
        with Asker(
            [question()],
            ask=model,
            extract=no_code,
            store=store,
            run=tmp_path / run,
            terms=terms,
        ) as asker:
            for _ in range(2):
                with pytest.raises(GenerationError) as caught:
                    asker.answer(question())
                assert caught.value.kind == kind
        assert model.asked == 1
        assert budget.spending().spent == (0.5 if run == "first" else 0)
