"""Scripts that do not come to their end: why, whose line it is, and which exception it was."""

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from pytest_tritonbench.sandbox import (
    Arena,
    Call,
    Candidate,
    Delivered,
    Failure,
    Ran,
    Reason,
    Script,
)
from pytest_tritonbench.sandbox.memory import SnapshotPool
from pytest_tritonbench.sandbox.protocol import ProtocolError
from pytest_tritonbench.sandbox.script import ScriptReader, read_ran

Open = Callable[..., Candidate]
CALLS = "def test_f():\n    return f(1)\nresult = test_f()"


def failed(
    open_candidate: Open, source: str, test: str, timeout: float = 20.0, **how: Any
) -> Failure:
    """Run one script that must fail."""
    defaults: dict[str, Any] = {"names": ("f",), "test_function": "test_f", "result": "result"}
    script = Script(test=textwrap.dedent(test), **{**defaults, **how})
    outcome = open_candidate(source).script(script, timeout)
    assert isinstance(outcome, Failure), outcome
    return outcome


GOOD = "def f(x):\n    return x"
RAISES = "def f(x):\n    return x + 'a'"


@pytest.mark.parametrize(
    ("source", "test", "reason", "exception", "part", "line"),
    [
        ("def f(", CALLS, Reason.SYNTAX_ERROR, "SyntaxError", "candidate", 1),
        ("if 1:\npass", CALLS, Reason.SYNTAX_ERROR, "IndentationError", "candidate", 2),
        ("import nowhere", CALLS, Reason.IMPORT_ERROR, "ModuleNotFoundError", "candidate", 1),
        ("def g(x): pass", CALLS, Reason.NO_ENTRY_POINT, None, "candidate", None),
        (RAISES, CALLS, Reason.EXCEPTION, "TypeError", "candidate", 2),
        (GOOD, "x = (", Reason.SYNTAX_ERROR, "SyntaxError", "test", 1),
        (GOOD, "x = 1\nresult = f(y)", Reason.EXCEPTION, "NameError", "test", 2),
        (GOOD, "assert f(0)", Reason.EXCEPTION, "AssertionError", "test", 1),
        (GOOD, "x = 1", Reason.EXCEPTION, None, "test", None),
        (GOOD, "raise SystemExit(0)", Reason.EXIT, "SystemExit", "test", 1),
    ],
)
def test_whose_failure_it_is(
    open_candidate: Open,
    source: str,
    test: str,
    reason: Reason,
    exception: str | None,
    part: str,
    line: int | None,
) -> None:
    """The reason, the exception's class, and the line in the candidate or the test part."""
    outcome = failed(open_candidate, source, test)
    assert (outcome.reason, outcome.exception) == (reason, exception)
    assert (outcome.part, outcome.line) == (part, line)
    if line is not None:
        assert outcome.text == (source if part == "candidate" else test).splitlines()[line - 1]


@pytest.mark.parametrize(
    ("test", "part", "line"), [("f('b' + 1)", "test", 1), ("f(1)", "candidate", 2)]
)
def test_lines_of_a_main_script(open_candidate: Open, test: str, part: str, line: int) -> None:
    """In one script of both, lines are still told apart."""
    outcome = failed(open_candidate, RAISES, test, main=True)
    assert (outcome.part, outcome.line, outcome.exception) == (part, line, "TypeError")


@pytest.mark.parametrize("how", [{}, {"main": True}])
def test_hang_in_the_test(open_candidate: Open, how: dict[str, Any]) -> None:
    """Out of time in the test part names its line."""
    outcome = failed(open_candidate, GOOD, "x = 1\nwhile True: pass", 1.0, **how)
    assert outcome.reason is Reason.HANG_IN_PYTHON
    assert (outcome.part, outcome.line) == ("test", 2)


def test_crash_and_next_script(open_candidate: Open) -> None:
    """A crash has no exception, and the next script gets a fresh process."""
    candidate = open_candidate("import os\ndef f(x):\n    return os.abort() if x else 1")
    crash = Script(test="f(1)", names=("f",), test_function="t", result="x")
    outcome = candidate.script(crash)
    assert isinstance(outcome, Failure)
    assert (outcome.reason, outcome.exception) == (Reason.SEGFAULT, None)
    good = candidate.script(Script(test="x = f(0)", names=("f",), result="x"))
    assert isinstance(good, Ran)
    assert good.result == 1


def test_swallowed_trouble_is_told(open_candidate: Open) -> None:
    """A result too large to deliver fails, named, even where the test swallows the error."""
    source = "import torch\ndef f(n): return torch.empty(1, dtype=torch.uint8).expand(n)"
    test = """
    def test_f():
        try:
            return f(2 << 30)
        except BaseException:
            return None
    result = test_f()
    """
    outcome = failed(open_candidate, source, test)
    assert outcome.reason is Reason.OUT_OF_MEMORY
    assert "result of f" in outcome.message


def test_printing_without_end(open_candidate: Open) -> None:
    """A flood of output ends the process as for any call."""
    outcome = failed(open_candidate, GOOD, "while True: print('x' * 999)")
    assert outcome.reason is Reason.OUTPUT_FLOOD


def test_exception_of_a_call(run: Callable[..., Delivered | Failure]) -> None:
    """A plain call's failure names the exception too."""
    outcome = run("def f(x):\n    return {}[1]")
    assert isinstance(outcome, Failure)
    assert outcome.exception == "KeyError"


def test_interpreted_kernel_raises(open_candidate: Open) -> None:
    """For an error in an interpreted kernel the class is the error's own, the line the kernel's."""
    source = """
    import triton, triton.language as tl
    @triton.jit
    def f(x):
        tl.load(x + "a")
    """
    test = "import torch\nf[(1,)](torch.ones(1, device='cuda'))"
    outcome = failed(open_candidate, source, test)
    assert outcome.exception not in {None, "InterpreterError"}
    assert (outcome.part, outcome.line) == ("candidate", 5)


MESSAGE: dict[str, Any] = {
    "used": 0,
    "calls": [],
    "result": None,
    "locals": [],
    "stdout": "",
    "launches": 0,
    "kernels": [],
    "parts": {"load": 0.1},
    "outside": None,
}
TENSOR = {"tensor": ["float32", [0], [1], "cpu", 0]}


@pytest.mark.parametrize(
    "lie",
    [
        {"used": 1 << 40},
        {"calls": None},
        {"calls": [{"name": 1, "result": None, "changed": [], "raised": None}]},
        {"calls": [{"name": "f", "result": None, "changed": {}, "raised": None}]},
        {"result": {"same": 0}},
        {"result": [1]},
        {"result": {"complex": [1, "x"]}},
        {"result": {"opaque": 1}},
        {"result": {"tensor": ["float32", [1 << 40], [1], "cpu", 0]}},
        {"locals": [["a", TENSOR], ["b", {"same": 1}]]},
        {"stdout": "x" * (1 << 17)},
        {"parts": {"load": float("inf")}},
        {"parts": {"judge": 0.0}},
        {"launches": -1},
        {"outside": 1},
    ],
)
def test_what_a_child_says_is_checked(lie: dict[str, Any]) -> None:
    """A description that does not fit the protocol is refused; the honest one is read."""
    arena = Arena()
    reader = ScriptReader(arena, SnapshotPool())
    try:
        assert read_ran(reader, MESSAGE, 1.0).parts == {"load": 0.1}
        with pytest.raises(ProtocolError):
            read_ran(ScriptReader(arena, SnapshotPool()), {**MESSAGE, **lie}, 1.0)
    finally:
        arena.close()


def test_calls_cannot_show_what_scripts_show(open_candidate: Open) -> None:
    """A call that returns an object is refused as before."""
    outcome = open_candidate("def f(): return object()").call(Call(args=()))
    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.WRONG_STRUCTURE
