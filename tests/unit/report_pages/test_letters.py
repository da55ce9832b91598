"""The letter of an answer says how it ended."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_tritonbench.report.metrics.outcomes import gather
from pytest_tritonbench.report.pages.letters import letter
from tests.unit.report_pages.made import answer

FAILED = "failed"


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ({"call": "passed", "exec": "passed", "fuzz": "passed"}, "R"),
        ({"call": "passed", "exec": "passed", "fuzz": "skipped"}, "E"),
        ({"call": "passed", "exec": "passed", "fuzz": (FAILED, {"reason": "wrong-values"})}, "F"),
        ({"call": "passed", "exec": (FAILED, {"reason": "not-triton"})}, "N"),
        ({"call": "passed", "exec": (FAILED, {"reason": "wrong-shape"})}, "W"),
        ({"call": "passed", "exec": (FAILED, {"reason": "input-changed"})}, "W"),
        ({"call": "passed", "exec": (FAILED, {"reason": "exception"})}, "X"),
        ({"call": "passed", "exec": "skipped"}, "C"),
        ({"call": (FAILED, {"reason": "gpu-fault"}), "exec": "skipped"}, "X"),
        ({"call": (FAILED, {"reason": "hang-in-kernel"}), "exec": "skipped"}, "T"),
        ({"call": (FAILED, {"reason": "exception", "exception": "SyntaxError"})}, "S"),
        ({"call": (FAILED, {"reason": "no-code"})}, "S"),
        ({"call": (FAILED, {"reason": "missing"}), "exec": "skipped"}, "M"),
        ({"call": "passed", "exec": "error"}, "!"),
        ({"call": "skipped", "exec": "skipped"}, "-"),
    ],
)
def test_letter_tells_how_an_answer_ended(phases: dict[str, Any], expected: str) -> None:
    """Each way to end has its letter."""
    (told,) = gather(answer(**phases))
    assert letter(told, ()) == expected


def test_task_set_apart_hides_only_what_could_not_be_judged() -> None:
    """On a broken task an answer that runs is unjudged, one that does not run has failed."""
    (ran,) = gather(answer(call="passed", exec="skipped"))
    (fell,) = gather(answer(call=(FAILED, {"reason": "exception"}), exec="skipped"))
    assert letter(ran, {"softmax"}) == "U"
    assert letter(fell, {"softmax"}) == "X"


def test_task_without_a_kernel_file_is_missing() -> None:
    """A task of the repository that was skipped for want of a kernel has no answer."""
    bare = {"suite": None, "model": None, "candidate": None}
    (told,) = gather(answer(call=("skipped", bare), exec=("skipped", bare)))
    assert letter(told, ()) == "M"
