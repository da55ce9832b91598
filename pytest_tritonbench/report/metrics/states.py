"""Which tasks of a suite can be judged, told from the records of everyone who answered them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pytest_tritonbench.report.metrics.outcomes import GOLD, Answer

_JUDGED = ("passed", "failed")


@dataclass(frozen=True)
class TaskState:
    """A task that cannot be judged."""

    task: str
    state: str
    """``gold-broken``, ``gold-unstable`` or ``vacuous``."""

    reason: str

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {"task": self.task, "state": self.state, "reason": self.reason}


def states(answers: Iterable[Answer]) -> dict[str, TaskState]:
    """Find the tasks of one suite that cannot be judged.

    A record says so where a candidate ran and there was nothing to judge it by; a gold that fails
    its own test says so too. Where runs disagree, as a GPU and a CPU may, the run that began last
    is believed, and within a run a record that says so.

    Returns:
        By name of the task.
    """
    found: dict[str, tuple[str, TaskState | None]] = {}
    for answer in answers:
        for run, state in _said(answer):
            before = found.get(answer.task)
            if before is None or before[0] < run or (before[0] == run and before[1] is None):
                found[answer.task] = run, state
    return {task: state for task, (_, state) in sorted(found.items()) if state is not None}


def _said(answer: Answer) -> Iterable[tuple[str, TaskState | None]]:
    records = [r for phase in ("call", "exec") for r in answer.phases.get(phase, ())]
    if not records:
        return
    run = max(str(record.get("run") or "") for record in records)
    unjudgeable = answer.unjudgeable
    if unjudgeable is not None:
        yield run, TaskState(answer.task, *unjudgeable)
    elif answer.model == GOLD and answer.decisive is not None:
        record = answer.decisive
        state = "gold-broken" if record["phase"] == "call" else "gold-unstable"
        yield run, TaskState(answer.task, state, record.get("message") or record["reason"] or "")
    elif answer.call and any(r["outcome"] in _JUDGED for r in answer.phases.get("exec", ())):
        yield run, None
