"""One letter for each answer: what the grid shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_tritonbench.report.metrics.outcomes import Answer

PHASES = ("call", "exec", "fuzz", "bench")
_WORST_FIRST = ("error", "failed", "skipped", "passed")

_NO_CODE = ("no-code", "syntax-error")
_NO_PYTHON = ("SyntaxError", "IndentationError", "TabError")
_HANGS = ("hang-in-kernel", "hang-in-python", "timeout")
_ABSENT = ("missing", "empty")
_FAULTS = ("zero-stride", "lazy-tensor", "input-changed")

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """One way in which an answer can end."""

    letter: str
    name: str
    """Short; also the name of its colour."""

    meaning: str


OUTCOMES: tuple[Outcome, ...] = (
    Outcome("R", "right", "right on the shipped test and on every drawn case"),
    Outcome("E", "exec", "right on the shipped test; not fuzzed"),
    Outcome("F", "fuzz", "right on the shipped test, wrong on a drawn case"),
    Outcome("N", "not-triton", "no Triton kernel does the work"),
    Outcome("W", "wrong", "runs, but the result is wrong"),
    Outcome("C", "call", "runs; the result was not judged"),
    Outcome("X", "raises", "raises, crashes or does not compile"),
    Outcome("T", "hangs", "does not end in time"),
    Outcome("S", "no-code", "holds no Python that can be run"),
    Outcome("M", "missing", "no answer, or an empty one"),
    Outcome("U", "unjudged", "runs, but the task is broken, unstable or vacuous"),
    Outcome("-", "skipped", "skipped in every phase"),
    Outcome("!", "error", "could not be judged: an error of the tool itself"),
)
NAMES = {outcome.letter: outcome.name for outcome in OUTCOMES}


def worst(records: Sequence[Record]) -> Record:
    """The record that decides: an error before a failure before a skip before a pass."""
    return min(
        records,
        key=lambda r: _WORST_FIRST.index(r["outcome"]) if r["outcome"] in _WORST_FIRST else 0,
    )


def letter(answer: Answer, apart: Collection[str]) -> str:
    """Say under strict judging how an answer ended.

    Args:
        answer: The answer.
        apart: Tasks of its suite that cannot be judged. An answer that fails before there is
            anything to judge has failed all the same.
    """
    told = {phase: worst(records) for phase, records in answer.phases.items()}
    judged = [told[phase] for phase in ("call", "exec", "fuzz") if phase in told]
    if any(record["outcome"] == "error" for record in judged):
        return "!"
    failed = next((record for record in judged if record["outcome"] == "failed"), None)
    if failed is not None and failed["phase"] == "call":
        return _failure(failed)
    if answer.task in apart:
        return "U"
    if failed is not None:
        return "F" if failed["phase"] == "fuzz" and answer.exec else _failure(failed)
    return _success(answer, told)


def _success(answer: Answer, told: Mapping[str, Record]) -> str:
    if answer.fuzz and (answer.exec or "exec" not in told):
        return "R"
    if answer.exec or answer.call:
        return "E" if answer.exec else "C"
    given = any(record.get("candidate") or record.get("model") for record in told.values())
    return "-" if given else "M"


def _failure(record: Record) -> str:
    reason, exception = record.get("reason") or "", record.get("exception")
    if reason in _ABSENT:
        return "M"
    if reason in _NO_CODE or exception in _NO_PYTHON:
        return "S"
    if reason == "not-triton":
        return "N"
    if reason in _HANGS:
        return "T"
    return "W" if reason.startswith("wrong-") or reason in _FAULTS else "X"
