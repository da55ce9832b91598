"""What became of each answer: the records of a task, a model and a sample, folded into one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

Record = Mapping[str, Any]

GOLD = "gold"
"""Model under whose name a suite's own solutions are recorded."""

UNJUDGEABLE = ("gold-broken", "gold-unstable", "vacuous")
UNANSWERED = ("missing", "empty", "no-code")


@dataclass(frozen=True)
class Answer:
    """One sample of one model for one task, by both policies."""

    suite: str
    model: str
    task: str
    sample: int
    phases: Mapping[str, tuple[Record, ...]]

    @property
    def call(self) -> bool:
        """Strict: it runs to the end."""
        told = self._told("strict", "call")
        return self._passed("call") is True if told is None else bool(told)

    @property
    def right(self) -> bool:
        """Strict: everything the test shows is right, whoever computed it."""
        record = self._record("exec")
        if record is None:
            return False
        told = self._told("strict", "right")
        if told is not None:
            return bool(told)
        return self.exec or bool(record.get("right_without_triton"))

    @property
    def exec(self) -> bool:
        """Strict: right, and the work of Triton kernels."""
        if "exec" not in self.phases:
            return False
        record = self._record("exec")
        if record is not None and unjudgeable(record) is not None:
            return False
        told = self._told("strict", "exec", "exec")
        return self._passed("exec") is True if told is None else bool(told)

    @property
    def fuzz(self) -> bool | None:
        """Strict: right on every drawn case; ``None`` where none was judged."""
        return self._passed("fuzz")

    @property
    def published_call(self) -> bool | None:
        """Published: the script ends with exit code 0; ``None`` where it was not looked at."""
        told = self._told("published", "call")
        return None if told is None else bool(told)

    @property
    def published_exec(self) -> bool | None:
        """Published: it prints what the gold prints; ``None`` where it was not looked at."""
        if self.published_call is None:
            return None
        return bool(self.published_call and self._told("published", "exec"))

    @property
    def not_triton(self) -> bool:
        """Right, but not the work of Triton kernels."""
        return self.right and not self.exec and self.unjudgeable is None

    @property
    def unjudgeable(self) -> tuple[str, str] | None:
        """State of the task and the reason, where a record says that it cannot be judged."""
        for phase in ("exec", "call", "fuzz"):
            for record in self.phases.get(phase, ()):
                state = unjudgeable(record)
                if state is not None:
                    return state
        return None

    @property
    def decisive(self) -> Record | None:
        """The record that tells what went wrong first; ``None`` where nothing did."""
        for phase in ("call", "exec", "fuzz"):
            for record in self.phases.get(phase, ()):
                if record["outcome"] in ("failed", "error"):
                    return record
        return None

    @property
    def benches(self) -> tuple[Record, ...]:
        """Records that hold times."""
        return tuple(r for r in self.phases.get("bench", ()) if r.get("timing"))

    def _record(self, phase: str) -> Record | None:
        found = self.phases.get(phase)
        return found[-1] if found else None

    def _told(self, policy: str, verdict: str, *phases: str) -> Any:
        """What the records say under a policy, exec's before call's."""
        for phase in phases or ("exec", "call"):
            record = self._record(phase)
            told = ((record or {}).get("policy") or {}).get(policy)
            if told is not None and told.get(verdict) is not None:
                return told[verdict]
        return None

    def _passed(self, phase: str) -> bool | None:
        outcomes = {record["outcome"] for record in self.phases.get(phase, ())}
        if outcomes & {"failed", "error"}:
            return False
        return True if "passed" in outcomes else None


def unjudgeable(record: Record) -> tuple[str, str] | None:
    """State of a task and the reason, if a record says that the task cannot be judged."""
    strict = (record.get("policy") or {}).get("strict") or {}
    word = strict.get("unjudged") or ""
    if record["outcome"] == "skipped" and not word:
        word = record.get("reason") or ""
    for state in UNJUDGEABLE:
        if word.startswith(state):
            message = (record.get("message") or "").removeprefix(state).lstrip(": ")
            return state, word[len(state) :].lstrip(": ") or message
    return None


def merge(records: Iterable[Record]) -> list[Record]:
    """Join the records of several runs: the last word on each phase of each answer.

    A phase's records are those of the run that began last; in it, the last of each case. Cases of
    an older run that were not drawn again are gone with it: they judged another candidate.
    """
    kept: dict[tuple[Any, ...], tuple[str, dict[str, Record]]] = {}
    for record in records:
        key = (*identity(record), record["phase"])
        run = str(record.get("run") or "")
        before = kept.get(key)
        if before is not None and before[0] > run:
            continue
        if before is None or before[0] < run:
            before = kept[key] = run, {}
        before[1][json.dumps(record.get("case"), sort_keys=True)] = record
    return [record for _, cases in kept.values() for record in cases.values()]


def identity(record: Record) -> tuple[str, str, str, int]:
    """Suite, model, task and sample of a record; kernel files are the answers of their folder."""
    model = record.get("model")
    if not model:
        candidate = str(record.get("candidate") or "kernels/").replace("\\", "/")
        model = str(PurePosixPath(candidate).parent) if "." in candidate else candidate.strip("/")
    return record.get("suite") or "", str(model), record["task"], record.get("sample") or 0


def gather(records: Iterable[Record]) -> list[Answer]:
    """Fold records, of any number of runs and in any order, into answers.

    Returns:
        Ordered by suite, model, task and sample.
    """
    found: dict[tuple[str, str, str, int], dict[str, list[Record]]] = {}
    for record in merge(records):
        phases = found.setdefault(identity(record), {})
        phases.setdefault(record["phase"], []).append(record)
    return [
        Answer(*key, phases={phase: tuple(rows) for phase, rows in phases.items()})
        for key, phases in sorted(found.items())
    ]
