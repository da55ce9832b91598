"""What a gold is worth: judgeable, unstable or vacuous, and why."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from pytest_tritonbench.judge.evidence import Evidence
from pytest_tritonbench.sandbox.results import Opaque
from pytest_tritonbench.task.tritonbench.rules import Rule, Rules
from tests.unit.judge.shown import called, shown, worth

X = torch.randn(4, 40, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "run",
    [
        shown(X),
        shown(2.5),
        shown(7),
        shown(called(None, changed={"0": X})),
        shown(called(raised="RuntimeError"), X, result={"a": "text"}),
        shown(called(Opaque("Model")), result={"a": X}),
        shown(X, result={"a": (4, 40)}),
        shown(X, result=None),
    ],
    ids=["tensor", "float", "int", "in-place", "raises", "object", "shape", "none"],
)
def test_what_depends_on_the_candidate_makes_a_gold_judgeable(run: Evidence) -> None:
    """A tensor, a number or a changed argument of one call is enough."""
    assert worth(run).judgeable


VACUOUS: list[tuple[Evidence, str]] = [
    (shown(result={"a": X}), "the test calls nothing of the candidate's"),
    (shown(called(raised="TypeError"), result={"a": "text"}), "every call raises TypeError"),
    (shown(None, result=None, x=X), "nothing but None"),
    (shown(None, result={"a": (4, 40)}), "only shapes"),
    (shown(X.shape == (4, 40), result={"a": True}), "only booleans"),
    (shown(None, result={"a": True, "b": (2, 3)}), "only booleans and shapes"),
    (shown(torch.empty(0)), "only empty tensors"),
    (shown(called(Opaque("Adam")), result=None), "nothing but None"),
]


@pytest.mark.parametrize(("run", "reason"), VACUOUS, ids=lambda p: p if isinstance(p, str) else "")
def test_a_test_that_shows_nothing_of_the_candidate_is_vacuous(run: Evidence, reason: str) -> None:
    """The reason says what it shows instead."""
    state = worth(run)
    assert state.word == "vacuous"
    assert reason in state.reason


def test_a_rule_may_call_a_task_vacuous() -> None:
    """Some tests show tensors that have nothing to do with the candidate."""
    state = worth(shown(X), rules=Rules((Rule("vacuous", {"why": "it only doubles"}),)))
    assert (state.word, state.reason) == ("vacuous", "it only doubles")


def differing(columns: int) -> tuple[Evidence, Evidence]:
    """Two runs that differ in the last columns."""
    a, b = X.clone(), X.clone()
    a[:, 40 - columns :] = float("nan")
    b[:, 40 - columns :] = 3.0
    return shown(a, result={"test_case_1": a}), shown(b, result={"test_case_1": b})


@pytest.mark.parametrize(("columns", "word"), [(0, ""), (20, ""), (21, "gold-unstable")])
def test_a_gold_is_unstable_when_less_than_half_of_it_repeats(columns: int, word: str) -> None:
    """Where half of the elements are defined, these are judged."""
    plain, again = differing(columns)
    assert worth(plain, again).word == word


def test_the_reason_says_which_leaf_differs_and_by_how_much() -> None:
    """One sentence, with the worst leaf by the name that the test gives it."""
    plain, again = differing(40)
    expected = (
        "none of 160 elements repeat under one seed: test_case_1 differs in 160 of 160 "
        "(160 not finite)"
    )
    assert worth(plain, again).reason == expected
    by = worth(shown(X), shown(X + 2)).reason
    assert "(by up to 2)" in by


def test_a_gold_that_makes_other_calls_the_next_time_is_unstable() -> None:
    """Its calls cannot be told apart."""
    state = worth(shown(X, X), shown(X))
    assert state.word == "gold-unstable"
    assert "makes 2 calls in one run, 1 in the next" in state.reason


def test_inputs_do_not_make_up_for_undefined_results() -> None:
    """Variables of the test are no evidence of stability: its inputs always repeat."""
    inputs: dict[str, Any] = {f"x{n}": X for n in range(5)}
    assert worth(shown(X, **inputs), shown(X + 1, **inputs)).word == "gold-unstable"
