"""``--tb-suite`` and ``--tb-predictions``: tasks of a checkout, answers of a file."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.checkout import Checkout, answer


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with three tasks of channel T."""
    made = Checkout(tmp_path / "bench")
    for number, name in enumerate(("double", "twice", "two_times")):
        made.task(name, difficulty=number + 1)
    return made


def outcomes(pytester: pytest.Pytester, *args: Any) -> dict[str, str]:
    """How each test ended, by node id."""
    result = pytester.runpytest_subprocess("-rA", "-p", "no:cacheprovider", *map(str, args))
    words = ("PASSED", "FAILED", "SKIPPED", "ERROR")
    found = {}
    for line in result.outlines:
        word, _, rest = line.partition(" ")
        if word in words and "::" in rest:
            found[rest.split(" - ")[0].strip().removeprefix("../")] = word
    return found


def test_answers_are_judged_by_task(pytester: pytest.Pytester, checkout: Checkout) -> None:
    """A right answer passes, a wrong one fails exec, and a task without an answer fails both."""
    file = checkout.predictions(
        "mine", {"double": answer("double"), "twice": answer("twice", "x * 3")}
    )
    found = outcomes(
        pytester, "--tb-suite", checkout.path, "--tb-predictions", file, "-k", "call or exec"
    )
    assert found["TritonBench-T::double::test_call[mine]"] == "PASSED"
    assert found["TritonBench-T::double::test_exec[mine]"] == "PASSED"
    assert found["TritonBench-T::twice::test_call[mine]"] == "PASSED"
    assert found["TritonBench-T::twice::test_exec[mine]"] == "FAILED"
    assert found["TritonBench-T::two_times::test_call[mine]"] == "FAILED"
    assert found["TritonBench-T::two_times::test_exec[mine]"] == "FAILED"
