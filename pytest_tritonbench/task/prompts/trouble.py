"""What went wrong with a kernel, as far as its author may know it.

The author learns where the output is wrong and how badly, never what it should have been. What
the judge says is therefore not cut down but built up: of each of its phrases only the parts that
are listed here are taken, and a phrase that is not known is left out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

JUDGED = frozenset(
    (
        *("wrong-structure", "wrong-shape", "wrong-dtype", "wrong-device", "zero-stride"),
        *("input-changed", "wrong-values", "wrong-property"),
    )
)
"""Reasons that the judge gives; the others come from the candidate's own process."""

_HEADLINE = re.compile(r"^(?P<task>\S+): (?P<reason>[a-z][a-z -]*): (?P<what>.*)$", re.DOTALL)
_ENTRY = re.compile(r"^  (?P<heading>[a-z]+) +(?P<text>.*)$")
_HEADINGS = frozenset(
    (
        *("kernel", "answer", "line", "worst", "first", "error", "off", "strides", "detail"),
        *("case", "replay", "leaf", "task", "note", "calls"),
    )
)
_PLACE = re.compile(r":(?P<line>\d+)(?: in (?P<kernel>\w+))?$")
_LINE = re.compile(r"^(?P<line>\d+) of its code(?: in (?P<kernel>\w+))?$")

_WORST = re.compile(r"^(?P<which>.+) is (?P<mine>[^\s,]+), expected ", re.DOTALL)
_ERROR = re.compile(r"^(?P<error>\S+), allowed (?P<allowed>\S+?)(?: \((?P<times>\S+) times\))?$")
_IS = re.compile(r"^(?P<which>.+?) is (?P<mine>.+?), the (?:reference|gold) gives ", re.DOTALL)
_RMS = re.compile(r"^(?P<which>.+?) is off throughout: ")
_VALUES = re.compile(r"^(?P<which>.+?) has wrong values\b")
_LEFT = re.compile(r"^(?P<told>.+? was left unchanged); the gold changes it in place$")
# In a check's own words: what was expected or allowed, up to the end of the clause.
_SECRET = re.compile(
    r"[,;:(]?\s*\b(?:expected|allowed|tolerance|at most|should be|the (?:reference|gold)\b)"
    r"[^,;)]*\)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Timing:
    """How fast a kernel is on one case."""

    case: Mapping[str, Any]
    median_ms: float
    reference_ms: float | None = None
    """PyTorch's."""

    roofline: Mapping[str, Any] | None = None
    """What the device could do, and how much of it is reached; by name, in the reader's words."""


@dataclass(frozen=True)
class Trouble:
    """What is told to the author of a kernel. Nothing in it is the reference's, and no seed."""

    phase: str
    """``call``, ``exec``, ``fuzz`` or ``bench``."""

    reason: str | None
    """One word; ``None`` where the kernel is right."""

    what: str = ""
    """In a sentence."""

    line: int | None = None
    """Line of the candidate's code."""

    kernel: str | None = None
    text: str | None = None
    """That line."""

    detail: str = ""
    """The traceback in its own frames, or the end of what it printed."""

    worst: str | None = None
    """The element that is furthest off, and the candidate's own value there."""

    times: float | None = None
    """Its error over what is allowed; inf where no error is finite."""

    extent: str | None = None
    """How many elements are wrong, and where they lie."""

    case: Mapping[str, Any] | None = None
    timings: Sequence[Timing] = ()


class _Failure(Protocol):
    @property
    def reason(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def line(self) -> int | None: ...
    @property
    def text(self) -> str | None: ...
    @property
    def kernel(self) -> str | None: ...
    @property
    def detail(self) -> str: ...
    @property
    def part(self) -> str: ...


class _Verdict(Protocol):
    @property
    def fault(self) -> str | None: ...
    @property
    def summary(self) -> str: ...
    @property
    def details(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def ratio(self) -> float: ...


class Outcome(Protocol):
    """What became of a case or of an answer: as the evaluation of either has it."""

    @property
    def failure(self) -> _Failure | None:
        """Why nothing was delivered."""

    @property
    def verdict(self) -> _Verdict | None:
        """The judge's."""

    @property
    def not_triton(self) -> str | None:
        """Why the output is not the work of a Triton kernel."""


def of_outcome(outcome: Outcome, phase: str, case: str | None = None) -> Trouble:
    """What went wrong, from what the evaluation of a case or of an answer gave.

    Args:
        outcome: A failed one.
        phase: The phase that failed.
        case: The case as its JSON line, where there is one.
    """
    told = None if case is None else without_seed(json.loads(case))
    failure, verdict = outcome.failure, outcome.verdict
    if failure is not None:
        own = failure.part == "candidate"
        return Trouble(
            phase,
            str(failure.reason),
            failure.message,
            line=failure.line if own else None,
            kernel=failure.kernel,
            text=failure.text if own else None,
            detail=failure.detail,
            case=told,
        )
    if outcome.not_triton is not None:
        return Trouble(phase, "not-triton", outcome.not_triton, case=told)
    if verdict is None or verdict.fault is None:
        return Trouble(phase, None, case=told)
    return _judged(phase, str(verdict.fault), verdict.summary, dict(verdict.details), told)


def of_text(message: str, phase: str) -> Trouble:
    """What went wrong, from the message of a failed test.

    Args:
        message: All of it, as ``report.explanation`` or ``imported.messages`` writes it.
        phase: The phase that failed.
    """
    head, entries = _parsed(message)
    headline = _HEADLINE.match(head)
    reason, what = (headline["reason"], headline["what"]) if headline else ("failed", "")
    case = _object(entries.get("case", ""))
    if reason in JUDGED:
        return _judged(phase, reason, what, entries, case)
    line, kernel, text = _placed(entries)
    detail = entries.get("detail", "")
    return Trouble(phase, reason, what, line, kernel, text, detail, case=case)


def of_record(record: Mapping[str, Any]) -> Trouble:
    """What went wrong, or how fast it is, from a record; less than its message tells."""
    phase, case, timing = record["phase"], record.get("case"), record.get("timing")
    told = None if case is None else without_seed(case)
    if record["outcome"] == "passed":
        shown = [] if not timing else [timing_of(told or {}, timing)]
        return Trouble(phase, None, case=told, timings=tuple(shown))
    headline = _HEADLINE.match(record.get("message") or "")
    reason = record.get("reason") or (headline["reason"] if headline else "failed")
    what = headline["what"] if headline else ""
    if reason in JUDGED:
        return _judged(phase, reason, what, {}, told, record.get("ratio"))
    return Trouble(phase, reason, what, case=told)


def timing_of(case: Mapping[str, Any], timing: Mapping[str, Any]) -> Timing:
    """A record's timing."""
    return Timing(
        without_seed(case),
        float(timing["median_ms"]),
        timing.get("reference_ms"),
        timing.get("roofline"),
    )


def without_seed(case: Mapping[str, Any]) -> dict[str, Any]:
    """A case as its author may know it: the data of another run will be other data."""
    return {key: value for key, value in case.items() if key != "seed"}


def _judged(
    phase: str,
    reason: str,
    summary: str,
    details: Mapping[str, str],
    case: Mapping[str, Any] | None,
    ratio: float | None = None,
) -> Trouble:
    worst = _WORST.match(details.get("worst") or details.get("first") or "")
    return Trouble(
        phase,
        reason,
        _told(reason, summary),
        worst=f"{worst['which']} is {worst['mine']}" if worst else None,
        times=_times(details.get("error", "")) if "error" in details else ratio,
        extent=details.get("off"),
        case=case,
    )


def _told(reason: str, summary: str) -> str:
    if reason != "wrong-values":
        # Form is no value: a shape, a dtype and a structure are told with what they should be.
        return _SECRET.sub("", summary).strip() if reason == "wrong-property" else summary
    if found := _IS.match(summary):
        return f"{found['which']} is {found['mine']}, which is wrong"
    if found := _RMS.match(summary):
        return (
            f"{found['which']} is off throughout: no single element is far out, but all of them "
            f"together are further off than rounding explains"
        )
    if found := _LEFT.match(summary):
        return f"{found['told']}, and it must be changed in place"
    found = _VALUES.match(summary)
    return f"{found['which'] if found else 'the output'} has wrong values"


def _times(text: str) -> float | None:
    found = _ERROR.match(text)
    if found is None:
        return None
    try:
        error, allowed = float(found["error"]), float(found["allowed"])
        known = float(found["times"]) if found["times"] else None
    except ValueError:
        return None
    if known is not None:
        return known
    return error / allowed if allowed > 0 and math.isfinite(error) else math.inf


def _parsed(message: str) -> tuple[str, dict[str, str]]:
    """The headline, and the text below by heading; the quoted line of code is ``>``."""
    head: list[str] = []
    entries: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in message.splitlines():
        entry = _ENTRY.match(line)
        if entry is not None and entry["heading"] in _HEADINGS:
            current = entries.setdefault(entry["heading"], [])
            # Headings are padded to one column; what stands behind it is the text's own.
            current.append(line[11:] if line[10:11] == " " else entry["text"])
        elif current is None:
            head.append(line)
        elif line.startswith(" " * 11 + "> ") and "detail" not in entries:
            current = entries.setdefault(">", [])
            current.append(line[13:])
        else:
            current.append(line[11:])
    joined = {h: ("\n" if h == "detail" else " ").join(lines) for h, lines in entries.items()}
    return "\n".join(head), joined


def _placed(entries: Mapping[str, str]) -> tuple[int | None, str | None, str | None]:
    found = _PLACE.search(entries.get("kernel", "")) or _LINE.match(entries.get("line", ""))
    line = int(found["line"]) if found else None
    return line, found["kernel"] if found else None, entries.get(">")


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return without_seed(found) if isinstance(found, dict) else None
