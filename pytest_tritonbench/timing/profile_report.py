"""Profiles in the terminal: after the tests, from every worker."""

from __future__ import annotations

import pytest

_TITLE = "kernel profile"


def show(item: pytest.Item, text: str) -> None:
    """Put the text of a profile on the report of a test that is running."""
    item.add_report_section("call", _TITLE, text)


class ProfileSummary:
    """Prints the profiles of all tests; a plugin of the controller."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the profiles of a test."""
        if report.when != "call":
            return
        texts = [text for title, text in report.sections if title == f"Captured {_TITLE} call"]
        if texts:
            self._found[report.nodeid] = texts

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print them by test."""
        if not self._found:
            return
        terminalreporter.section("profiles")
        for nodeid, texts in sorted(self._found.items()):
            terminalreporter.write_line(nodeid, bold=True)
            for text in texts:
                terminalreporter.write_line(text)
