"""The tests that every imported task has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_tritonbench.imported.answers import Answered
from pytest_tritonbench.imported.run import ImportedRun


def tests() -> dict[str, Callable[..., None]]:
    """The test functions of an imported task, by name."""

    def test_call(tb: ImportedRun, answer: Answered) -> None:
        del answer
        if not tb.ended_before():
            tb.call()

    def test_exec(tb: ImportedRun, answer: Answered) -> None:
        del answer
        if not tb.ended_before():
            tb.exec()

    def test_fuzz(tb: ImportedRun, answer: Answered) -> None:
        del answer
        if not tb.ended_before():
            tb.fuzz()

    found: dict[str, Callable[..., None]] = {
        "test_call": test_call,
        "test_exec": test_exec,
        "test_fuzz": test_fuzz,
    }
    for name, function in found.items():
        function.__name__ = function.__qualname__ = name
        found[name] = getattr(pytest.mark, f"tb_{name.removeprefix('test_')}")(function)
    return found
