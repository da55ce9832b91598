"""Evidence for the judge's tests, written down as plain tensors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from pytest_tritonbench.judge.evidence import (
    Call,
    Evidence,
    Gold,
    GoldState,
    compare,
    state,
)
from pytest_tritonbench.judge.finding import Verdict
from pytest_tritonbench.judge.nest import Value, mapped
from pytest_tritonbench.task.tritonbench.rules import Rules

NONE = Rules()


def value(t: torch.Tensor, device: str = "cpu") -> Value:
    """A tensor as the sandbox delivers it."""
    return Value(t.contiguous(), t.stride(), device)


def wrapped(nest: Any) -> Any:
    """A nest of tensors as the sandbox delivers it."""
    return mapped(nest, lambda leaf: value(leaf) if isinstance(leaf, torch.Tensor) else leaf)


def called(result: Any = None, name: str = "softmax", **further: Any) -> Call:
    """A recorded call."""
    return replace(Call(name, wrapped(result)), **{k: wrapped(v) for k, v in further.items()})


def shown(*calls: Any, result: Any = None, **variables: Any) -> Evidence:
    """Evidence of these calls, the test's result and its local variables."""
    made = tuple(call if isinstance(call, Call) else called(call) for call in calls)
    return Evidence(made, wrapped(result), {n: wrapped(v) for n, v in variables.items()})


def verdict(
    got: Evidence,
    plain: Evidence,
    again: Evidence | None = None,
    *,
    moved: Evidence | None = None,
    wide: Evidence | None = None,
    rules: Rules = NONE,
) -> Verdict:
    """What the judge says where the gold showed ``plain``."""
    gold = Gold(plain, plain if again is None else again, moved, wide)
    return compare(got, gold, state(gold, rules), rules)


def worth(plain: Evidence, again: Evidence | None = None, *, rules: Rules = NONE) -> GoldState:
    """What a gold is worth that showed ``plain``, and ``again`` the second time."""
    return state(Gold(plain, plain if again is None else again), rules)
