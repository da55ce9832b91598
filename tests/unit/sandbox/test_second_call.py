"""A call that finds too little memory on a device that others use as well is made again, alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pytest_tritonbench.sandbox import (
    Call,
    Candidate,
    Delivered,
    Failure,
    Ran,
    Reason,
    Sandbox,
    Script,
)

SOURCE = """
import torch

def f(least):
    torch.tries = getattr(torch, "tries", 0) + 1
    if torch.tries < least:
        raise torch.OutOfMemoryError("CUDA out of memory")
    return torch.tries
"""


class Turns:
    """How often somebody was alone."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A turn."""
        self.count += 1
        yield


@pytest.fixture
def turns(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Turns:
    """The turns that the sandbox's candidates take."""
    made = Turns()
    monkeypatch.setattr(sandbox, "alone", made.alone)
    return made


@pytest.fixture
def candidate(sandbox: Sandbox, turns: Turns) -> Iterator[Candidate]:
    """One that finds enough memory after so many tries."""
    del turns
    with sandbox.candidate(SOURCE, "f.py", "f") as made:
        yield made


@pytest.mark.parametrize(("least", "taken"), [(1, 0), (2, 1)])
def test_a_call_is_made_again(candidate: Candidate, turns: Turns, least: int, taken: int) -> None:
    """Once, and only where memory was too little."""
    got = candidate.call(Call((("least", least),)))
    assert isinstance(got, Delivered), got
    assert (got.output, turns.count) == (least, taken)


def test_what_is_too_much_even_alone_fails(candidate: Candidate, turns: Turns) -> None:
    """As it did at first."""
    got = candidate.call(Call((("least", 3),)))
    assert isinstance(got, Failure)
    assert (got.reason, turns.count) == (Reason.OUT_OF_MEMORY, 1)


def test_other_failures_are_final(sandbox: Sandbox, turns: Turns) -> None:
    """Nobody is held up for a kernel that is wrong."""
    with sandbox.candidate("def f(least):\n    return 1 // 0\n", "f.py", "f") as wrong:
        got = wrong.call(Call((("least", 1),)))
    assert isinstance(got, Failure)
    assert turns.count == 0


@pytest.mark.parametrize(("least", "taken"), [(1, 0), (2, 1)])
def test_a_timed_call_is_opened_again(
    candidate: Candidate, turns: Turns, least: int, taken: int
) -> None:
    """Later steps have what the first has opened."""
    call = Call((("least", least),))
    opened = candidate.timed(call, {"what": "open", "cold": False}, 30.0, delivers=True)
    assert not isinstance(opened, Failure), opened
    assert turns.count == taken
    assert not isinstance(candidate.timed(call, {"what": "close"}, 30.0), Failure)


@pytest.mark.parametrize(("least", "taken"), [(1, 0), (2, 1)])
def test_a_script_is_run_again(candidate: Candidate, turns: Turns, least: int, taken: int) -> None:
    """Answers to a published benchmark share a GPU as kernels do."""
    test = f"def test_f():\n    return f({least})\nresult = test_f()\n"
    ran = candidate.script(Script(test=test, names=("f",), test_function="test_f", result="result"))
    assert isinstance(ran, Ran), ran
    assert turns.count == taken
