"""A line from time to time in a long run: how much is done, and how long the rest may take."""

from __future__ import annotations

import time

import pytest

EVERY_S = 30.0
"""Seconds between two lines; a run that is shorter has none."""


class Progress:
    """Counts finished tests where their reports arrive.

    Args:
        config: pytest's.
        every: Seconds between two lines.
    """

    def __init__(self, config: pytest.Config, every: float = EVERY_S) -> None:
        self._config = config
        self._every = every
        self._begun = self._told = time.monotonic()
        self._done = 0
        self._session: pytest.Session | None = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Start the clock."""
        self._session = session
        self._begun = self._told = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test at its end, and write a line if it is time for one."""
        if report.when != "teardown":
            return
        self._done += 1
        now = time.monotonic()
        if now - self._told < self._every or self._session is None:
            return
        self._told = now
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            line = progress(self._done, self._session.testscollected, now - self._begun)
            terminal.ensure_newline()
            # Under pytest-xdist the letters of tests stand in a line that pytest does not know of.
            if terminal._width_of_current_line:  # noqa: SLF001 - there is nothing public
                terminal.line("")
            terminal.write_line(line)


def progress(done: int, total: int, seconds: float) -> str:
    """One line: what is done, what it took, what the rest takes at that pace."""
    line = f"{done:,} of {total:,} tests after {duration(seconds)}"
    if not 0 < done < total:
        return line
    return f"{line}, about {duration(seconds / done * (total - done))} to go"


def duration(seconds: float) -> str:
    """Seconds as people say them: ``45 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"
