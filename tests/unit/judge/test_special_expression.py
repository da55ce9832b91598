"""Expressions of the special rules: data that says little and runs nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from pytest_tritonbench.judge.expression import ExpressionError, bound, evaluated
from pytest_tritonbench.task.tritonbench.rules import RuleError, read_rules, rules_of

X = torch.arange(6.0).view(2, 3)


def test_arguments_are_bound_as_python_binds_them() -> None:
    """Positions, keywords, defaults and the rest."""
    signature = "(a, b=2, *rest, c, d=None)"
    given = {"args": [1, 5, 6, 7], "kwargs": {"c": 3}}
    assert bound(signature, given) == {"a": 1, "b": 5, "rest": (6, 7), "c": 3, "d": None}
    assert bound("(a, b=2)", {"args": [], "kwargs": {"a": 1}}) == {"a": 1, "b": 2}
    wrong: dict[str, Any]
    for wrong in ({"args": [1, 2, 3], "kwargs": {}}, {"args": [], "kwargs": {}}):
        with pytest.raises(ExpressionError):
            bound("(a, b=2)", wrong)


def test_an_expression_calls_what_is_listed() -> None:
    """Functions, operators, tuples and literals."""
    names = {"x": X, "n": 3}
    assert torch.equal(evaluated("relu(x * x + x)", names), torch.relu(X * X + X))
    normed = evaluated("layer_norm(x, (size(x, -1),), eps=1e-3)", names)
    assert torch.equal(normed, torch.nn.functional.layer_norm(X, (3,), eps=1e-3))
    assert evaluated("-1", names) == -1


@pytest.mark.parametrize("text", ["__import__('os')", "x.shape", "y", "x[0]", "relu(", "print(x)"])
def test_an_expression_says_nothing_else(text: str) -> None:
    """Attributes, subscripts, unknown names and functions are refused."""
    with pytest.raises(ExpressionError):
        evaluated(text, {"x": X})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"rules": [{"tasks": ["T/a"], "kind": "guess"}]}', "rule 1 is of kind 'guess'; there"),
        ('{"rules": [{"tasks": ["T/a"], "kind": "svd"}]}', r"rule 1 \(svd\) lacks signature"),
        ('{"rules": [{"kind": "svd", "signature": "(A)"}]}', "rule 1 names no tasks"),
        (
            '{"rules": [{"tasks": ["T/a"], "kind": "svd", "signature": "(A)", "by": 1}]}',
            r"rule 1 \(svd\) has no option by",
        ),
    ],
)
def test_a_rule_that_the_judge_does_not_have_is_an_error(text: str, message: str) -> None:
    """An unknown kind, a missing or an unknown option is told with the rule's number."""
    with pytest.raises(RuleError, match=message):
        read_rules(text, "rules.json")


def test_most_tasks_have_no_special_rule() -> None:
    """Rules are asked for by channel and task."""
    assert rules_of("T", "softmax").rules == ()
    assert not rules_of("T", "softmax").needs_arguments
    assert rules_of("T", "svd").needs_arguments
    assert not rules_of("G", "svd").rules
