"""Trials: what the gold makes of a case, within a budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.tritonbench.draft import Draft
from pytest_tritonbench.task.tritonbench.forms import Form

_ULPS = 64
# Between an answer in one dtype and the same computed in another.
_ROUNDINGS = 8


@dataclass(frozen=True)
class Tried:
    """What the gold made of a case."""

    refused: str | None = None
    """Why it gave no answer."""

    output: Any = None
    """What it returned and what it changed: tensors, numbers, strings, nests of these."""

    changed: frozenset[str] = frozenset()
    """The tensor slots that it changed in place."""

    undefined: bool = False
    """Whether a floating point element of the answer is NaN."""


class Gold(Protocol):
    """Runs the gold on a case."""

    def __call__(
        self,
        form: Form,
        task: Task,
        case: Case,
        *,
        seed: int = 0,
        contiguous: bool = False,
        cast: torch.dtype | None = None,
    ) -> Tried:
        """Run it.

        Args:
            form: How it is called.
            task: What the case is a case of.
            case: The case.
            seed: Of the random generators, at the call.
            contiguous: Pass contiguous copies of the arguments.
            cast: Pass arguments of the case's dtype in this one.
        """


class OutOfBudgetError(Exception):
    """The time for trials is spent."""


class Trials:
    """The gold within a budget.

    Args:
        gold: The gold.
        runs: How many times to run it; what is not settled then stays as it was recorded.
        seconds: When to stop at the latest, which depends on the machine.
        checks: Whether the gold refuses what it was not made for.
    """

    def __init__(self, gold: Gold, runs: int, seconds: float, *, checks: bool = True) -> None:
        self._gold = gold
        self._most = runs
        self._end = time.monotonic() + seconds
        self.checks = checks
        self.runs = 0
        self.undefined = False
        """Whether the answers to the recorded calls have NaN, too."""
        self.structured = False
        """Whether the gold's words tell of structured matrices."""

    def tried(self, draft: Draft, case: Case, *, seed: int = 0, **changed: Any) -> Tried:
        """Run the gold.

        Raises:
            OutOfBudgetError: If no run is left, or no time.
        """
        if self.runs >= self._most or time.monotonic() > self._end:
            raise OutOfBudgetError
        self.runs += 1
        return self._gold(draft.form, draft.task(), case, seed=seed, **changed)

    def accepts(self, draft: Draft, case: Case) -> bool:
        """Whether the gold answers, with no NaN that the recorded calls do not have."""
        return self.fine(self.tried(draft, case))

    def fine(self, found: Tried) -> bool:
        """Whether an answer is one, with no NaN that the recorded calls do not have."""
        return found.refused is None and (self.undefined or not found.undefined)

    def repeats(self, draft: Draft, case: Case) -> bool:
        """Whether the gold answers the same whatever the state of the random generators."""
        first, second = (self.tried(draft, case, seed=seed) for seed in (0, 1))
        return self.fine(first) and second.refused is None and same(first.output, second.output)

    def follows(self, draft: Draft, cases: Sequence[Case]) -> bool:
        """Whether the gold computes in a dtype what it computes in its own, and answers in it.

        Args:
            draft: With the gold's own dtype first.
            cases: In the dtype.
        """
        own, wanted = (getattr(torch, name) for name in (draft.dtypes[0], cases[0].dtype))
        base = _dtypes(self.tried(draft, draft.case()).output)
        slack = _ROUNDINGS * max(torch.finfo(dtype).eps for dtype in (own, wanted))
        for case in cases:
            found = self.tried(draft, case)
            followed = [wanted if dtype == own else dtype for dtype in base]
            if not self.fine(found) or _dtypes(found.output) != followed:
                return False
            twin = self.tried(draft, case, cast=own)
            if twin.refused is not None or not _agree(found.output, twin.output, _within(slack)):
                return False
        return True

    def needs_finer_dtype(self, draft: Draft, case: Case) -> bool:
        """Whether the gold's answer in a finer dtype is one that would not fit into its own."""
        found = self.tried(draft, case)
        fits = _rounded(found.output, getattr(torch, draft.dtypes[0]))
        return self.fine(found) and not _agree(found.output, fits, _as_numbers)

    def indifferent(self, draft: Draft, case: Case) -> bool:
        """Whether the gold answers the same for contiguous copies of the arguments."""
        first = self.tried(draft, case)
        second = self.tried(draft, case, contiguous=True)
        return self.fine(first) and close(first.output, second.output)


def _dtypes(nest: Any) -> list[torch.dtype]:
    """Of the tensors of a nest, in order."""
    match nest:
        case torch.Tensor():
            return [nest.dtype]
        case dict():
            return [dtype for part in nest.values() for dtype in _dtypes(part)]
        case list() | tuple():
            return [dtype for part in nest for dtype in _dtypes(part)]
        case _:
            return []


def _rounded(nest: Any, dtype: torch.dtype) -> Any:
    """A nest with its floating point tensors in a dtype."""
    match nest:
        case torch.Tensor():
            return nest.to(dtype) if nest.is_floating_point() else nest
        case dict():
            return {key: _rounded(part, dtype) for key, part in nest.items()}
        case list() | tuple():
            return [_rounded(part, dtype) for part in nest]
        case _:
            return nest


def _as_numbers(a: torch.Tensor, b: torch.Tensor) -> bool:
    return _equal(*((t.double() if t.is_floating_point() else t) for t in (a, b)))


def same(a: Any, b: Any) -> bool:
    """Whether two nests are equal, NaN included."""
    return _agree(a, b, _equal)


def close(a: Any, b: Any) -> bool:
    """Whether two nests agree but for the order of a sum."""
    return _agree(a, b, _near)


def _agree(a: Any, b: Any, tensors: Callable[[torch.Tensor, torch.Tensor], bool]) -> bool:
    match a, b:
        case torch.Tensor(), torch.Tensor():
            return a.shape == b.shape and tensors(a, b)
        case dict(), dict():
            return list(a) == list(b) and all(_agree(a[key], b[key], tensors) for key in a)
        case ((list() | tuple()), (list() | tuple())):
            pairs = zip(a, b, strict=False)
            return len(a) == len(b) and all(_agree(x, y, tensors) for x, y in pairs)
        case float(), float():
            return tensors(torch.tensor([a]), torch.tensor([b]))
        case _:
            return bool(a == b)


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.dtype != b.dtype:
        return False
    if not (a.is_floating_point() or a.is_complex()):
        return torch.equal(a, b)
    return bool(((a == b) | (torch.isnan(a) & torch.isnan(b))).all())


def _near(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.dtype != b.dtype or not a.is_floating_point():
        return _equal(a, b)
    return _within(_ULPS * torch.finfo(a.dtype).eps)(a, b)


def _within(slack: float) -> Callable[[torch.Tensor, torch.Tensor], bool]:
    """Whether floating point tensors of any dtypes agree; others must be equal."""

    def agree(a: torch.Tensor, b: torch.Tensor) -> bool:
        if not (a.is_floating_point() and b.is_floating_point()) or not a.numel():
            return _equal(a, b)
        scale = float(torch.nan_to_num(a.double(), 0, 0, 0).abs().max())
        return torch.allclose(a.double(), b.double(), slack, slack * scale, equal_nan=True)

    return agree
