"""The vacuity lint: a task whose rule would accept a useless answer is refused.

Its price, two runs of the reference for each pinned case, is paid once for each content of a task
file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

import pytest
import torch
from filelock import FileLock

from pytest_tritonbench.judge.nest import Nest, Value, leaves, mapped
from pytest_tritonbench.judge.oracle_client import Asked, Oracle, ReferenceFailedError
from pytest_tritonbench.judge.verdict import Answer, judge
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.loading import TaskFile

# Changes whenever the judge or the useless answers change, so that old verdicts are not reused.
_VERSION = 2
_TILE = 16


class VacuousTaskError(Exception):
    """A task would accept a useless answer, or its reference fails on its own cases."""


class HasOracle(Protocol):
    """Something that runs references; asked for one only when the cache does not know."""

    @property
    def oracle(self) -> Oracle:
        """The trusted side."""


def refuse_vacuous(taskfile: TaskFile, source: HasOracle, cache: pytest.Cache | None) -> None:
    """Refuse a task that no answer, or a useless one, could fail.

    Args:
        taskfile: The task.
        source: Runs the reference.
        cache: Where verdicts are kept, by the content of the task file.

    Raises:
        VacuousTaskError: With the useless answer that would pass and what to do about it.
    """
    if cache is None:
        reason = _lint(taskfile, source.oracle)
    else:
        name = f"{_VERSION}-{taskfile.digest[:32]}"
        # One worker lints, the others wait for what it found.
        with FileLock(cache.mkdir("tritonbench") / f"{name}.lock"):
            known = cache.get(f"tritonbench/vacuity/{name}", None)
            if known is None:
                known = {"reason": _lint(taskfile, source.oracle)}
                cache.set(f"tritonbench/vacuity/{name}", known)
            reason = known["reason"]
    if reason is not None:
        raise VacuousTaskError(f"{taskfile.path}:{taskfile.task.line}: {reason}")


def _lint(taskfile: TaskFile, oracle: Oracle) -> str | None:
    task = taskfile.task
    survivors: dict[str, bool] = {}
    for case in task.cases:
        try:
            # On the CPU: the lint is about the rule, and a GPU may be busy or slow to start.
            changed = case.with_seed(case.seed + 1)
            other = _kept(oracle.ask(taskfile.path, changed, device="cpu"))
            asked = oracle.ask(taskfile.path, case, device="cpu")
        except ReferenceFailedError as e:
            # Not kept: the reason may be the machine's.
            raise VacuousTaskError(str(e)) from None
        own = judge(task, asked.values, asked.expected.reference, asked.expected)
        if not own.accepted:
            return f"the task refuses its own reference on {case.to_json()}: {own.summary}"
        for name, useless in _useless(task, asked, other):
            passed = judge(task, asked.values, useless, asked.expected).accepted
            survivors[name] = survivors.get(name, True) and passed
    for name, survived in survivors.items():
        if survived:
            return (
                f"the task {task.name!r} would accept {name} on every pinned case; "
                f"pin a case, or sharpen `check` or `canonical`, so that it is refused"
            )
    return None


def _kept(asked: Asked) -> Answer:
    """A copy of the reference's answer that outlives the next case."""
    reference = asked.expected.reference

    def copied(nest: Nest) -> Nest:
        return mapped(
            nest, lambda v: replace(v, tensor=v.tensor.clone()) if isinstance(v, Value) else v
        )

    return Answer(
        copied(reference.output),
        {n: copied(v) for n, v in reference.mutated.items()},
        {n: copied(v) for n, v in reference.gradients.items()},
    )


def _useless(task: Task, asked: Asked, other: Answer) -> Iterator[tuple[str, Answer]]:
    """Useless answers, each with its name in the message."""
    right = asked.expected.reference
    yield "the output for another seed", other
    for part, nest in right.parts().items():
        for path, leaf in leaves(nest, part):
            if not isinstance(leaf, Value) or not leaf.tensor.numel():
                continue
            for what, tensor in _useless_tensors(task, leaf.tensor, asked.values):
                yield f"{what} for {path}", _with_leaf(right, path, replace(leaf, tensor=tensor))


def _useless_tensors(
    task: Task, right: torch.Tensor, values: Mapping[str, Any]
) -> Iterator[tuple[str, torch.Tensor]]:
    yield "zeros", torch.zeros_like(right)
    unset = right.clone().reshape(-1)
    unset[-min(_TILE, math.ceil(unset.numel() / 4)) :] = 0
    yield "a result with its last tile unset", unset.view(right.shape)
    if right.is_floating_point() and right.numel() > 1:
        wide = right.double()
        yield "its own mean", wide.mean().expand(right.shape).to(right.dtype)
    for name, value in values.items():
        alike = isinstance(value, torch.Tensor) and value.dtype == right.dtype
        # A copy that is the right answer here says nothing; another case will tell.
        if alike and value.shape == right.shape and not _equal(value, right):
            word = "the unchanged argument" if name in task.mutates else "a copy of the argument"
            yield f"{word} {name!r}", value.contiguous()


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    # float8 has no comparison of its own.
    return torch.equal(a.double(), b.double()) if a.is_floating_point() else torch.equal(a, b)


def _with_leaf(answer: Answer, path: str, value: Value) -> Answer:
    def put(nest: Nest, at: str) -> Nest:
        match nest:
            case tuple() | list():
                return type(nest)(put(part, f"{at}[{n}]") for n, part in enumerate(nest))
            case dict():
                return {key: put(part, f"{at}[{key!r}]") for key, part in nest.items()}
            case _:
                return value if at == path else nest

    return Answer(
        put(answer.output, "output"),
        {n: put(v, f"{n} (in place)") for n, v in answer.mutated.items()},
        {n: put(v, f"gradient of {n}") for n, v in answer.gradients.items()},
    )
