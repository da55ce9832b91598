"""Errors are found in the candidate's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Found = dict[str, dict[str, Any]]

SOURCE = Path(__file__).with_name("scenarios.py").read_text(encoding="utf-8").splitlines()


def line_of(text: str) -> int:
    """Return the number of the first line of the scenarios that holds a text."""
    return next(number for number, line in enumerate(SOURCE, 1) if text in line)


def test_compile_error_in_a_device_function(outcome: Found) -> None:
    """The innermost function that does not compile is named with its line in the file."""
    found = outcome["compile_error"]
    assert (found["kernel"], found["line"]) == ("helper", line_of("here: helper"))
    assert found["text"] == "return x.no_such_method()  # here: helper"
    assert "no attribute 'no_such_method'" in found["message"]


def test_interpreter_error(outcome: Found) -> None:
    """An exception in the interpreter is found in the kernel, with its own message."""
    found = outcome["interpreter_error"]
    assert (found["kernel"], found["line"]) == ("late_kernel", line_of("here: late"))
    assert found["message"] == "NameError: name 'missing_name' is not defined"


def test_exception_in_the_wrapper(outcome: Found) -> None:
    """An ordinary exception is found where it was raised."""
    found = outcome["wrapper_error"]
    assert (found["kernel"], found["line"]) == ("wrapper_error", line_of("here: wrapper"))


def test_exceeded_resources_belong_to_the_kernel(outcome: Found) -> None:
    """A kernel that is too large as a whole is found at its definition."""
    found = outcome["shared_memory_exceeded"]
    assert (found["kernel"], found["line"]) == ("tile_kernel", line_of("def tile_kernel"))


def test_the_assembler_is_quoted(outcome: Found) -> None:
    """What PTX's assembler refuses is told in its words, not as the exit code of a command."""
    found = outcome["assembler_error"]
    assert (found["kernel"], found["line"]) == ("misspelt_kernel", line_of("here: misspelt"))
    assert "Not a name of any known instruction: 'movv'" in found["message"]
    assert "returned non-zero exit status" not in found["message"]
    assert len(found["message"].splitlines()) == 1


def test_limitations_are_told_apart(outcome: Found) -> None:
    """What the interpreter cannot do is no fault of the candidate's; its own faults are."""
    assert "inline_asm" in outcome["limitation"]["limitation"]
    assert outcome["interpreter_error"]["limitation"] is None
    assert outcome["compile_error"]["limitation"] is None
