"""The message of a failure: headline, place, details, the case, and a line to repeat it."""

import math
import shlex

from pytest_tritonbench.evaluation import Outcome
from pytest_tritonbench.judge.verdict import Fault, Verdict
from pytest_tritonbench.report.explanation import explain
from pytest_tritonbench.sandbox import Failure, Reason
from pytest_tritonbench.task.case import Case, Layout

CASE = Case({"m": 3, "n": 40}, "float32", {"x": Layout("gap")}, seed=9)
LINE = '{"m": 3, "n": 40, "dtype": "float32", "x": "gap", "seed": 9}'
NODEID = "references/my task.py"


def message(outcome: Outcome, phase: str = "exec") -> list[str]:
    """The lines of a message."""
    told = explain(outcome, task="double", nodeid=NODEID, phase=phase, source="kernels/double.py")
    return told.splitlines()


def test_a_wrong_output_shows_the_judges_details() -> None:
    """Summary first, then each detail under its heading, wrapped to eighty columns."""
    details = (("worst", "output[1] is 3, expected 2"), ("off", "elements " * 20))
    verdict = Verdict(Fault.WRONG_VALUES, "output has wrong values", details, 5.0)
    lines = message(Outcome(CASE, verdict))
    assert lines[:3] == [
        "double: wrong-values: output has wrong values",
        "  kernel   kernels/double.py",
        "  worst    output[1] is 3, expected 2",
    ]
    wrapped = [line for line in lines if "elements" in line]
    assert len(wrapped) > 1
    assert all(len(line) <= 80 for line in wrapped)
    assert wrapped[1].startswith(" " * 11 + "elements")


def test_a_failure_shows_file_line_kernel_and_source() -> None:
    """Where the sandbox knows the line, the message is a place to jump to."""
    failure = Failure(
        Reason.COMPILE_ERROR,
        "mask must be a block",
        detail="first\nsecond",
        line=12,
        kernel="_rows",
        text="    tl.load(x, mask=1)",
    )
    assert message(Outcome(CASE, failure=failure))[:5] == [
        "double: compile-error: mask must be a block",
        "  kernel   kernels/double.py:12 in _rows",
        "           > tl.load(x, mask=1)",
        "  detail   first",
        "           second",
    ]


def test_a_candidate_without_triton_is_called_so() -> None:
    """`not-triton` comes with why."""
    told = "no Triton kernel was launched"
    assert message(Outcome(CASE, Verdict(), not_triton=told))[0] == f"double: not-triton: {told}"


def test_the_replay_line_survives_a_shell() -> None:
    """Spaces, quotes and brackets reach pytest as they are, on one line that is never wrapped."""
    lines = message(Outcome(CASE, Verdict(Fault.WRONG_SHAPE, "wrong", (), math.inf)))
    assert lines[-2] == f"  case     {LINE}"
    assert shlex.split(lines[-1]) == [
        *("replay", "pytest", f"{NODEID}::test_fuzz", "--tb-case", LINE)
    ]


def test_a_failure_of_call_is_repeated_by_call() -> None:
    """What only compiling finds would not come back from a case alone."""
    failure = Failure(Reason.COMPILE_ERROR, "out of shared memory")
    lines = message(Outcome(CASE, failure=failure), "call")
    assert shlex.split(lines[-1]) == ["replay", "pytest", f"{NODEID}::test_call"]
