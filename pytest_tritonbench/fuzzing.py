"""Drive Hypothesis over a task's cases: the engine lives here, the kernel in the sandbox."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis
from hypothesis import HealthCheck, given
from hypothesis.errors import Flaky

from pytest_tritonbench.evaluation import Outcome, is_hang
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.strategy import cases

# Hypothesis's own default is 100, chosen for properties that cost microseconds.
_BUILT_IN_EXAMPLES = 100
DEFAULT_EXAMPLES = 25


class _RejectedError(AssertionError):
    """Tells Hypothesis that a case failed."""


def fuzz(
    task: Task,
    evaluate: Callable[[Case], Outcome],
    *,
    examples: int | None,
    elements: int,
) -> tuple[Outcome | None, bool]:
    """Draw cases until one fails, then shrink it.

    Args:
        task: The task.
        evaluate: Runs and judges one case.
        examples: Cases to draw; ``None`` leaves it to the Hypothesis profile.
        elements: No tensor argument gets more elements than this.

    Returns:
        The outcome of the smallest failing case that was found, or ``None``; and whether that
        case failed once and passed when it was repeated.
    """
    failed: list[Outcome] = []

    def test_fuzz(case: Case) -> None:
        if failed and is_hang(failed[-1]):
            # Every step of shrinking a hang, and every repetition, would cost a whole timeout.
            if case == failed[-1].case:
                raise _RejectedError
            return
        outcome = evaluate(case)
        if not outcome.accepted:
            failed.append(outcome)
            raise _RejectedError

    # The name goes into the key of the example database and into derandomised seeds.
    test_fuzz.__name__ = test_fuzz.__qualname__ = f"test_fuzz_{task.name}"
    run = hypothesis.settings(
        max_examples=examples or _profile_examples(),
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
        ],
        print_blob=False,
    )(given(case=cases(task, elements=elements))(test_fuzz))
    try:
        run()
    except _RejectedError:
        return failed[-1], False
    except Flaky:
        return failed[-1], True
    return None, False


def _profile_examples() -> int:
    wanted = hypothesis.settings().max_examples
    return DEFAULT_EXAMPLES if wanted == _BUILT_IN_EXAMPLES else wanted
