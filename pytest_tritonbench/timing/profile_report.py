"""Profiles in the terminal: after the tests, from every worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from pytest_tritonbench.report.reporter import ATTRIBUTE


class ProfileSummary:
    """Prints the profiles that the records of a run have; a plugin of the controller."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the profiles of a test."""
        self._found.update(_profiles(getattr(report, ATTRIBUTE, ())))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print them by test."""
        if not self._found:
            return
        terminalreporter.section("profiles")
        for test, text in sorted(self._found.items()):
            terminalreporter.write_line(test, bold=True)
            terminalreporter.write_line(text)


def _profiles(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for record in records:
        profile = (record["timing"] or {}).get("profile")
        if profile is not None:
            yield record["test"], profile["text"]
