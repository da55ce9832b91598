"""Drive Hypothesis over a task's cases: the engine lives here, the kernel in the sandbox."""

from __future__ import annotations

import contextlib
import gc
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
from hypothesis import HealthCheck, given
from hypothesis.errors import Flaky, Unsatisfiable
from hypothesis.strategies import SearchStrategy

from pytest_tritonbench.evaluation import Outcome, is_hang
from pytest_tritonbench.judge.oracle_client import RefusedCaseError
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.strategy import cases

# Hypothesis's own default is 100, chosen for properties that cost microseconds.
_BUILT_IN_EXAMPLES = 100
DEFAULT_EXAMPLES = 25


class NoCaseError(Exception):
    """No case could be put to the candidate."""


class _RejectedError(AssertionError):
    """Tells Hypothesis that a case failed."""


class _Tried:
    """What was found out about a candidate so far.

    Args:
        evaluate: Runs and judges one case.
        patience: Seconds after the first failure in which further cases are tried.
        seconds: From the first case on, after which none is tried where none has failed.
    """

    def __init__(
        self, evaluate: Callable[[Case], Outcome], patience: float, seconds: float
    ) -> None:
        self.failed: list[Outcome] = []
        self._evaluate = evaluate
        self._patience = patience
        self._seconds = seconds
        self._last: float | None = None
        self._end = math.inf

    def failing(self, case: Case) -> Outcome | None:
        """The outcome of a case, if it is a failure."""
        failed = self.failed
        if failed and (is_hang(failed[-1]) or time.monotonic() > self._end):
            # Every step of shrinking a hang, and every repetition, would cost a whole timeout.
            return next((known for known in failed if known.case == case), None)
        if self._last is None:
            self._last = time.monotonic() + self._seconds
        if not failed and time.monotonic() > self._last:
            return None
        try:
            outcome = self._evaluate(case)
        except RefusedCaseError:
            # Nothing can be said of the candidate there: Hypothesis draws another.
            hypothesis.reject()
        if outcome.accepted:
            return None
        self._end = min(self._end, time.monotonic() + self._patience)
        return outcome


def fuzz(
    task: Task,
    evaluate: Callable[[Case], Outcome],
    *,
    examples: int | None,
    elements: int,
    drawn: SearchStrategy[Case] | None = None,
    patience: float = math.inf,
    seconds: float = math.inf,
    seed: int | str | None = None,
) -> tuple[Outcome | None, bool]:
    """Draw cases until one fails, then shrink it.

    Args:
        task: The task.
        evaluate: Runs and judges one case.
        examples: Cases to draw; ``None`` leaves it to the Hypothesis profile.
        elements: No tensor argument gets more elements than this.
        drawn: What to draw from instead of the task's own cases.
        patience: Seconds for shrinking.
        seconds: From the first case on, after which no other is tried where none has failed.
        seed: Of the cases, which then are the same in every run, whatever failed before; ``None``
            leaves both to Hypothesis.

    Returns:
        The outcome of the smallest failing case that was found, or ``None``; and whether that
        case failed once and passed when it was repeated.

    Raises:
        NoCaseError: If the trusted side refused every case that was drawn.
    """
    tried = _Tried(evaluate, patience, seconds)
    failed = tried.failed

    def test_fuzz(case: Case) -> None:
        outcome = tried.failing(case)
        if outcome is not None:
            failed.append(outcome)
            # In one place only: Hypothesis takes two for two faults.
            raise _RejectedError

    # The name goes into the key of the example database and into derandomised seeds.
    test_fuzz.__name__ = test_fuzz.__qualname__ = f"test_fuzz_{task.name}"
    test = given(case=drawn if drawn is not None else cases(task, elements=elements))(test_fuzz)
    # Hypothesis tries first what failed in an earlier run, and keeps it by the test's name.
    own: Any = {} if seed is None else {"database": None}
    run = hypothesis.settings(
        max_examples=examples or _profile_examples(),
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
        ],
        print_blob=False,
        **own,
    )(test if seed is None else hypothesis.seed(seed)(test))
    try:
        with _old_objects_left_alone():
            run()
    except _RejectedError:
        return failed[-1], False
    except Flaky as e:
        if not failed:
            # Not the kernel failed but what it is compared with: its own words say it best.
            raise getattr(e, "exceptions", (e,))[0] from None
        return failed[-1], True
    except Unsatisfiable:
        raise NoCaseError(f"{task.name}: every case that was drawn was refused") from None
    return None, False


@contextlib.contextmanager
def _old_objects_left_alone() -> Iterator[None]:
    """Keep the garbage collector from what was there before.

    With torch imported a full collection takes as long as twenty examples, and finds nothing.
    """
    ours = gc.get_freeze_count() == 0
    if ours:
        gc.freeze()
    try:
        yield
    finally:
        if ours:
            gc.unfreeze()


def _profile_examples() -> int:
    wanted = hypothesis.settings().max_examples
    return DEFAULT_EXAMPLES if wanted == _BUILT_IN_EXAMPLES else wanted
