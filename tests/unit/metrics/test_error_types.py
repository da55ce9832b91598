"""The paper's error types and classes."""

from typing import Any

import pytest

from pytest_tritonbench.report.metrics.errors import CLASSES, error_type, errors
from pytest_tritonbench.report.metrics.outcomes import gather
from pytest_tritonbench.sandbox.reasons import Reason


def failure(reason: str, exception: str | None = None, **more: Any) -> dict[str, Any]:
    """A record of a failed call."""
    found = {"suite": "S", "task": reason, "model": "m", "phase": "call", "outcome": "failed"}
    return {**found, "reason": reason, "exception": exception, **more}


@pytest.mark.parametrize(
    ("reason", "exception", "kind"),
    [
        ("exception", "TypeError", "TypeError"),
        ("import-error", "ModuleNotFoundError", "ModuleNotFoundError"),
        ("syntax-error", "TabError", "IndentationError"),
        ("syntax-error", None, "SyntaxError"),
        ("exception", "UnboundLocalError", "NameError"),
        ("compile-error", "CompilationError", "CompilationError"),
        ("compile-error", "OutOfResources", "CompilationError"),
        ("exception", "OutOfMemoryError", "RuntimeError"),
        ("gpu-fault", None, "RuntimeError"),
        ("no-entry-point", None, "NameError"),
        ("wrong-values", None, "ResultsError"),
        ("wrong-shape", None, "ResultsError"),
        ("hang-in-kernel", None, None),
        ("segfault", None, None),
        ("not-triton", None, None),
        ("exception", "FileNotFoundError", None),
        ("missing", None, None),
    ],
)
def test_type_of_a_failure(reason: str, exception: str | None, kind: str | None) -> None:
    """A failure has the paper's type of its exception or reason, or none."""
    assert error_type(failure(reason, exception)) == kind


def test_the_sandbox_has_no_reason_that_is_taken_for_wrong_values() -> None:
    """Whatever the sandbox says of a candidate that delivered nothing is no ResultsError."""
    odd = {Reason.WRONG_STRUCTURE, Reason.LAZY_TENSOR}
    taken = {reason for reason in Reason if error_type(failure(reason)) == "ResultsError"}
    assert taken == odd


def test_paper_lists_sixteen_types_and_wrong_results() -> None:
    """Four classes hold sixteen exceptions and ResultsError."""
    kinds = [kind for listed in CLASSES.values() for kind in listed]
    assert len(kinds) == len(set(kinds)) == 17
    assert [len(listed) for listed in CLASSES.values()] == [2, 3, 5, 7]


def test_counts_by_class() -> None:
    """Typed, untyped and unanswered failures are counted apart; fuzz is not the paper's."""
    records = [
        failure("a", "TypeError"),
        failure("b", "AttributeError"),
        failure("wrong-values", phase="exec"),
        failure("segfault"),
        failure("missing"),
        failure("drawn", phase="fuzz"),
        failure("fine", outcome="passed"),
    ]
    found = errors(gather(records))
    assert found.classes == {"Syntax": 0, "Attr&Type": 2, "Name&Ref": 0, "Run&Logic": 1}
    assert found.untyped == {"segfault": 1}
    assert found.unanswered == {"missing": 1}
    assert found.as_json()["percent"]["Attr&Type"] == 66.67
