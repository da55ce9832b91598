"""What a kernel's author is told: the fault, and nothing of the reference."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import torch

from pytest_tritonbench.evaluation import Outcome
from pytest_tritonbench.judge.finding import Fault, Verdict, wrong
from pytest_tritonbench.judge.measure import equal
from pytest_tritonbench.judge.nest import Value
from pytest_tritonbench.judge.verdict import Answer, Expected, judge
from pytest_tritonbench.report.explanation import explain
from pytest_tritonbench.sandbox import Failure, Reason
from pytest_tritonbench.task.case import Case, Layout
from pytest_tritonbench.task.prompts.repair import LONGEST, feedback, repair
from pytest_tritonbench.task.prompts.trouble import (
    Timing,
    Trouble,
    of_outcome,
    of_record,
    of_text,
    timing_of,
)
from tests.unit.prompts.known import ROOT, task

SEED = 535168830
CASE = Case({"m": 3, "n": 40}, "float32", {"x": Layout("gap")}, pattern="spike", seed=SEED)
CODE = "import triton\n\ndef softmax(x):\n    return tl.load(x, mask=1)\n"
ASKED = (("system", "Be right."), ("user", "Write softmax."))
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def message(outcome: Outcome, phase: str = "fuzz") -> str:
    """The message of a failed test, as a user reads it."""
    return explain(
        outcome,
        task="softmax",
        nodeid="references/softmax.py",
        phase=phase,
        source="kernels/softmax.py",
        flags=" --hypothesis-seed 90125",
    )


def both(outcome: Outcome, phase: str = "fuzz") -> tuple[str, str]:
    """What the author is told, from the message and from what it was made of."""
    read = of_text(message(outcome, phase), phase)
    built = of_outcome(outcome, phase, outcome.case.to_json())
    return feedback(read, CODE), feedback(built, CODE)


def judged(got: torch.Tensor, true: torch.Tensor) -> Verdict:
    """The judge's own verdict on a float32 output."""

    def value(t: torch.Tensor) -> Value:
        return Value(t, t.stride(), "cpu")

    expected = Expected(Answer(value(true.float())), Answer(value(true.double())))
    return judge(task("softmax"), {}, Answer(value(got)), expected)


def numbers(text: str) -> set[str]:
    """Every number in a text."""
    return set(NUMBER.findall(text))


def test_wrong_values_are_told_without_what_they_should_be() -> None:
    """From the judge's own message on a wrong tensor no expected value and no bound survives."""
    torch.manual_seed(0)
    true = torch.rand(3, 40, dtype=torch.float64)
    got = true.float()
    got[1, 7] = 7.25
    verdict = judged(got, true)
    outcome = Outcome(CASE, verdict)
    text = message(outcome)
    [(_, worst), (_, reference), (_, error), _] = verdict.details
    secret = numbers(worst.partition("expected")[2]) | numbers(reference) | numbers(error)
    secret |= {str(SEED), "90125"}
    secret -= {"32"}
    assert len(secret) >= 5
    assert all(number in text for number in secret)
    for told in both(outcome):
        assert not secret & numbers(told)
        assert "output[1, 7] is 7.25" in told
        assert re.search(r"its error: about \d(e\+\d+|0*) times what is allowed", told)
        assert "1 of 120 elements" in told
        assert "expected" not in told
        assert "--tb-case" not in told


def test_an_output_that_is_off_throughout_is_told_without_its_bound() -> None:
    """The root mean square and what it may be stay with the judge."""
    true = torch.linspace(1, 2, 120, dtype=torch.float64).view(3, 40)
    verdict = judged((true * (1 + 8e-7)).float(), true)
    assert "off throughout" in verdict.summary
    for told in both(Outcome(CASE, verdict)):
        assert "output is off throughout" in told
        assert not numbers(verdict.summary) & numbers(told.replace("(3", ""))
        assert "ulp" not in told


def test_wrong_integers_are_told_without_the_right_ones() -> None:
    """Of an integer that must be equal, only the author's own value is named."""
    mine, theirs = torch.tensor([[4, 1], [77, 3]]), torch.tensor([[4, 1], [61, 3]])
    for told in both(Outcome(CASE, equal("output", mine, theirs, None))):
        assert "output[1, 0] is 77" in told
        assert "61" not in told
    value = wrong(Fault.WRONG_VALUES, "output[1] is 3, the reference gives 4017")
    for told in both(Outcome(CASE, value)):
        assert "output[1] is 3, which is wrong" in told
        assert "4017" not in told


def test_a_phrase_that_is_not_known_is_left_out() -> None:
    """What a later judge may say of values is not passed on by accident."""
    verdict = wrong(
        Fault.WRONG_VALUES, "output 5.125 against 6.875", ("truth", "6.875"), ("off", "1 of 2")
    )
    for told in both(Outcome(CASE, verdict)):
        assert "6.875" not in told
        assert "the output has wrong values" in told


def test_the_form_is_told_with_what_it_should_be() -> None:
    """A dtype or a shape is no secret: the task says it."""
    for told in both(
        Outcome(CASE, wrong(Fault.WRONG_DTYPE, "output is float64, the reference gives float32"))
    ):
        assert "wrong-dtype: output is float64, the reference gives float32" in told


def test_a_property_is_told_without_its_bound() -> None:
    """A check's reason is passed on up to what it expected."""
    reason = "the defining property does not hold: the share is 0.75, expected 0.5 within 0.125"
    for told in both(Outcome(CASE, wrong(Fault.WRONG_PROPERTY, reason))):
        assert "the share is 0.75" in told
        assert not {"0.5", "0.125"} & numbers(told)


def test_the_case_is_told_without_its_seed() -> None:
    """Dims, dtype, layouts and pattern are, as one JSON line."""
    for told in both(Outcome(CASE, judged(torch.zeros(3, 40), torch.ones(3, 40).double()))):
        [line] = [part for part in told.splitlines() if part.startswith("The inputs: ")]
        case = json.loads(line.removeprefix("The inputs: "))
        assert case == {"m": 3, "n": 40, "dtype": "float32", "x": "gap", "pattern": "spike"}
        assert str(SEED) not in told


def test_a_compile_error_is_told_with_the_kernels_line() -> None:
    """Message, line, kernel, the line itself and the traceback go back to their author."""
    failure = Failure(
        Reason.COMPILE_ERROR,
        "mask must be a block",
        detail="line 4, in softmax\n    return tl.load(x, mask=1)\nCompilationError: at 4:4",
        line=4,
        kernel="_rows",
        text="    return tl.load(x, mask=1)",
    )
    for told in both(Outcome(CASE, failure=failure), "call"):
        assert "compile-error: mask must be a block\n- at line 4 of the module in `_rows`" in told
        assert "- the line: `return tl.load(x, mask=1)`" in told
        assert "```text\nline 4, in softmax\n    return tl.load(x, mask=1)\nComp" in told


def test_lines_that_are_not_the_kernels_own_are_left_out() -> None:
    """A frame of the suite's test, or its line, does not show the test to the model."""
    detail = (
        "line 40, in test_softmax\n    softmax(torch.full((3,), 2.5))\n"
        "line 4, in softmax\n    return tl.load(x, mask=1)\nValueError: no"
    )
    text = "softmax(torch.full((3,), 2.5))"
    failure = Failure(Reason.EXCEPTION, "no", detail=detail, line=40, text=text, part="test")
    for told in both(Outcome(CASE, failure=failure)):
        assert "2.5" not in told
        assert "line 4, in softmax\n    return tl.load(x, mask=1)\nValueError: no" in told


def test_the_end_of_a_long_text_is_what_is_shown() -> None:
    """What a process printed at its end says most; a fence in it does not end the block."""
    failure = Failure(Reason.EXCEPTION, "no", detail="a" * 9000 + "```the end")
    told = feedback(of_outcome(Outcome(CASE, failure=failure), "exec"), CODE)
    assert "'''the end\n```" in told
    assert len(told) < LONGEST + 1000


def test_a_kernel_that_does_nothing_is_told_so() -> None:
    """`not-triton` comes with why."""
    told = "no Triton kernel was launched"
    for text in both(Outcome(CASE, Verdict(), not_triton=told)):
        assert f"not-triton: {told}" in text


def test_the_messages_that_users_read_are_understood() -> None:
    """From every message in the documentation no seed, no bound and no expected value survives."""
    page = (ROOT / "docs/reading-a-failure.md").read_text()
    found = re.findall(r"^(\w+: [a-z-]+: .*\n(?:  .*\n)+)", page, re.MULTILINE)
    assert len(found) >= 10
    for text in found:
        told = feedback(of_text(text, "exec"), page)
        reason = text.split(": ")[1]
        assert f"\n{reason}" in told
        secret = re.findall(r'"seed": (\d+)', text)
        secret += re.findall(r"(?:expected|allowed) (\S+\d)", text)
        secret += re.findall(r"\(the reference in \w+: ([^)]+)\)", text)
        assert not [part for part in secret if part in told], text
        assert not {"replay", "--tb-case", "/home/you"} & set(told.split())


def test_a_record_is_enough_for_a_repair() -> None:
    """Where only the record is left, reason, case and size of the error are told."""
    record = {
        "phase": "exec",
        "outcome": "failed",
        "reason": "wrong-values",
        "message": "softmax: wrong-values: output has wrong values",
        "case": json.loads(CASE.to_json()),
        "ratio": 3412.0,
        "timing": None,
    }
    told = feedback(of_record(record), CODE)
    assert "wrong-values: output has wrong values" in told
    assert "about 3000 times what is allowed" in told
    assert str(SEED) not in told


def test_a_right_kernel_is_told_its_speed() -> None:
    """Time, PyTorch's time, and what the device could do."""
    timing = {
        "median_ms": 0.125,
        "reference_ms": 0.25,
        "roofline": {"share_of_bandwidth": 0.4375, "bound": "memory"},
    }
    shown = timing_of(json.loads(CASE.to_json()), timing)
    told = feedback(Trouble("bench", None, timings=(shown,)), CODE)
    assert "median of the device time: 0.125 ms" in told
    assert "PyTorch needs 0.25 ms: a speedup of 2" in told
    assert "- share of bandwidth: 0.4375\n- bound: memory" in told
    assert str(SEED) not in told
    passed = {"phase": "bench", "outcome": "passed", "case": {"m": 3, "seed": SEED}}
    assert of_record({**passed, "timing": timing}).timings == (replace(shown, case={"m": 3}),)
    assert Timing({}, 1.0).reference_ms is None


def test_the_next_round_has_the_question_the_kernel_and_the_fault() -> None:
    """The first messages stand as they were, then the model's last kernel, then the feedback."""
    trouble = Trouble("exec", "wrong-shape", "output has shape (3,)", times=math.inf)
    *before, kernel, told = repair(ASKED, CODE, trouble)
    assert tuple(before) == ASKED
    assert kernel == ("assistant", f"```python\n{CODE.strip()}\n```")
    assert told == ("user", feedback(trouble, CODE))
    assert told[1].endswith("in one Python code block as before.")
