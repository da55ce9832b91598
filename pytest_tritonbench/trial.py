"""A kernel is tried for its author: through every phase, without a record."""

from __future__ import annotations

import json
from dataclasses import replace

from pytest_tritonbench.evaluation import Evaluation, Outcome
from pytest_tritonbench.fuzzing import fuzz
from pytest_tritonbench.measurement import Measurement
from pytest_tritonbench.session import Session
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.prompts.trouble import Timing, Trouble, of_outcome, timing_of
from pytest_tritonbench.timing.benchmark_rows import REFERENCE

_BUDGET = 1.0


def try_out(task: Task, evaluation: Evaluation, session: Session) -> Trouble:
    """Run a kernel through call, exec and fuzz, and time it where there is a GPU.

    Returns:
        The first thing that is wrong, or how fast it is.
    """
    timeouts = session.settings.timeouts
    failed = _called(task, evaluation, session)
    if failed is not None:
        return failed
    for case in task.cases:
        outcome = evaluation.run(case, timeout=timeouts["exec"])
        if not outcome.accepted:
            return of_outcome(outcome, "exec", case.to_json())

    def evaluate(case: Case) -> Outcome:
        return evaluation.run(case, timeout=timeouts["fuzz"])

    worst, _ = fuzz(task, evaluate, examples=session.settings.examples, elements=session.elements)
    if worst is not None:
        return of_outcome(worst, "fuzz", worst.case.to_json())
    if not session.on_gpu or not task.sweep:
        return Trouble("fuzz", None)
    return _timed(task, evaluation, session)


def _called(task: Task, evaluation: Evaluation, session: Session) -> Trouble | None:
    timeout = session.settings.timeouts["call"]
    smallest: dict[str, Case] = {}
    for case in task.cases:
        smallest.setdefault(case.dtype, case)
    for number, case in enumerate(smallest.values()):
        outcome = evaluation.run(case, timeout=timeout, compiled=not session.on_gpu)
        if number == 0:
            outcome = evaluation.prove_triton(outcome, timeout=timeout)
        if outcome.failure is not None or outcome.not_triton is not None:
            return of_outcome(outcome, "call", case.to_json())
    return None


def _timed(task: Task, evaluation: Evaluation, session: Session) -> Trouble:
    """How fast it is on the middle and the last case of the sweep."""
    found: list[Timing] = []
    settings = replace(session.settings.timing, budget=_BUDGET)
    timers = {REFERENCE: session.timers[REFERENCE]}
    measurement = Measurement(settings, timers, alone=session.alone, pairs=1)
    for number in sorted({len(task.sweep) // 2, len(task.sweep) - 1}):
        case = task.sweep[number]
        measured = measurement.measure(evaluation, case, timeout=session.settings.timeouts["bench"])
        if not measured.outcome.accepted:
            return of_outcome(measured.outcome, "bench", case.to_json())
        found.append(timing_of(json.loads(case.to_json()), measured.timing))
    return Trouble("bench", None, timings=tuple(found))
