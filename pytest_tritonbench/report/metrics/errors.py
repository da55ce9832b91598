"""Error types: the paper's sixteen in four classes, and results that are wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_tritonbench.report.metrics.outcomes import UNANSWERED, Answer, Record

SYNTAX = "Syntax"
ATTRIBUTE = "Attr&Type"
NAME = "Name&Ref"
RUN = "Run&Logic"
CLASSES: Mapping[str, tuple[str, ...]] = {
    SYNTAX: ("SyntaxError", "IndentationError"),
    ATTRIBUTE: ("AttributeError", "TypeError", "NotImplementedError"),
    NAME: ("NameError", "KeyError", "IndexError", "ModuleNotFoundError", "ImportError"),
    RUN: (
        *("ValueError", "ZeroDivisionError", "RuntimeError", "RecursionError"),
        *("AssertionError", "CompilationError", "ResultsError"),
    ),
}
"""The paper's classes; it speaks of sixteen types, which is its list without ResultsError."""

WRONG = "ResultsError"
_CLASS_OF = {kind: name for name, kinds in CLASSES.items() for kind in kinds}
# Subclasses, which Python would catch as the type beside them.
_SUBCLASSES = {
    "TabError": "IndentationError",
    "UnboundLocalError": "NameError",
    "OutOfMemoryError": "RuntimeError",
    "AcceleratorError": "RuntimeError",
    "_LinAlgError": "RuntimeError",
    "LinAlgError": "ValueError",
    "UnicodeDecodeError": "ValueError",
    "UnicodeEncodeError": "ValueError",
    "JSONDecodeError": "ValueError",
    "UnsupportedLanguageConstruct": "CompilationError",
    "CompileTimeAssertionFailure": "CompilationError",
}
# What upstream's run of the same fault raises, where the record names no exception.
_BY_REASON = {
    "syntax-error": "SyntaxError",
    "no-entry-point": "NameError",
    "wrong-signature": "TypeError",
    "compile-error": "CompilationError",
    "gpu-fault": "RuntimeError",
    "out-of-memory": "RuntimeError",
}
# Reasons that name what became of an answer, not what is wrong with its results.
_UNTYPED = (
    *("hang-in-python", "hang-in-kernel", "timeout", "segfault", "exit", "output-flood"),
    *("process-limit", "threads-left", "wrote-outside", "network", "secrets", "protocol"),
    "false-time",
    *("sandbox", "import-error", "exception", "not-triton"),
)


@dataclass(frozen=True)
class Errors:
    """How the answers of one model failed."""

    types: Mapping[str, int]
    """By the paper's types."""

    untyped: Mapping[str, int]
    """By reason or exception: failures for which the paper has no type, such as hangs."""

    unanswered: Mapping[str, int]
    """Tasks without code to run, by reason."""

    @property
    def classes(self) -> dict[str, int]:
        """By the paper's classes."""
        found = dict.fromkeys(CLASSES, 0)
        for kind, count in self.types.items():
            found[_CLASS_OF[kind]] += count
        return found

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold; percentages are of the typed failures, as the paper's."""
        typed = sum(self.types.values())
        share = (
            {name: round(100 * k / typed, 2) for name, k in self.classes.items()} if typed else {}
        )
        return {
            "classes": self.classes,
            "percent": share,
            "types": dict(self.types),
            "untyped": dict(self.untyped),
            "unanswered": dict(self.unanswered),
        }


def error_type(record: Record) -> str | None:
    """Find the paper's type of a failure.

    Returns:
        One of the types of `CLASSES`; ``None`` where none fits, such as for a hang. An exception
        counts as itself or as the listed type it is derived from. Of failures to deliver a right
        result without an exception, wrong values, shapes, dtypes and the like are ResultsError.
    """
    reason, exception = record.get("reason") or "", record.get("exception")
    if exception:
        kind = _SUBCLASSES.get(exception, exception)
        if kind in _CLASS_OF:
            return kind
        # Triton has subclasses of its CompilationError in plugins and back ends, too.
        return "CompilationError" if reason == "compile-error" else None
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    if record["outcome"] != "failed" or reason in _UNTYPED or reason in UNANSWERED or not reason:
        return None
    return WRONG


def errors(answers: Iterable[Answer]) -> Errors:
    """Count the failures of one model's answers, each by what went wrong first."""
    types: Counter[str] = Counter()
    untyped: Counter[str] = Counter()
    unanswered: Counter[str] = Counter()
    for answer in answers:
        record = answer.decisive
        if record is None or record["phase"] == "fuzz":
            continue  # the paper knows of the shipped tests alone
        reason = record.get("reason") or ""
        kind = error_type(record)
        if reason in UNANSWERED:
            unanswered[reason] += 1
        elif kind is not None:
            types[kind] += 1
        else:
            untyped[record.get("exception") or reason or record["outcome"]] += 1
    return Errors(*(dict(counts.most_common()) for counts in (types, untyped, unanswered)))
