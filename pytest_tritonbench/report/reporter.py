"""Where the records of a run arrive: on the controller, from every worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from pytest_tritonbench.options import Settings
from pytest_tritonbench.report.answers import AnswerFile
from pytest_tritonbench.report.records import RecordFile, RecordsError, read_records
from pytest_tritonbench.report.summary import summarise

if TYPE_CHECKING:
    from pytest_tritonbench.nodes import PhaseRun

# Name of the attribute that carries records on a report; pytest-xdist serialises plain data.
ATTRIBUTE = "tb_records"


def attach(report: pytest.TestReport, run: PhaseRun, call: pytest.CallInfo[None]) -> None:
    """Put the records of a test on its report, and make one where the test made none."""
    if run.silent:
        return
    records = [record.as_json() for record in run.records]
    run.records = []
    ended_early = report.when == "setup" and report.outcome != "passed"
    told = {record["outcome"] for record in records}
    untold = report.outcome != "passed" and report.outcome not in told
    if (report.when == "call" and untold) or ended_early:
        outcome = "error" if ended_early and report.failed else report.outcome
        message = "" if call.excinfo is None else str(call.excinfo.value).strip()
        first = message.splitlines()[0] if message else outcome
        records.append(run.record(outcome, message=first).as_json())
    setattr(report, ATTRIBUTE, records)


class Reporter:
    """Writes records as they arrive and prints the summary at the end.

    Args:
        settings: What the user asked for.
        texts: The answer that a record of a published benchmark is of.
    """

    def __init__(
        self, settings: Settings, texts: Callable[[Mapping[str, Any]], str | None] | None = None
    ) -> None:
        self._settings = settings
        self._texts = texts
        self._answers: AnswerFile | None = None
        self._records: list[dict[str, Any]] = []
        self._file: RecordFile | None = None
        self._lost: str | None = None
        if settings.results is not None:
            try:
                if settings.resume:
                    # What is not run again is still part of the summary and of the report.
                    self._records += read_records(settings.results)
                self._file = RecordFile(settings.results)
                if texts is not None:
                    self._answers = AnswerFile(settings.results)
            except RecordsError as e:
                raise pytest.UsageError(str(e)) from None

    def take(self, report: pytest.TestReport) -> None:
        """Write the records that a report carries."""
        for record in getattr(report, ATTRIBUTE, ()):
            self._records.append(record)
            if self._file is None or self._lost is not None:
                continue
            try:
                self._file.append(record)
                if self._answers is not None and self._texts is not None:
                    self._answers.append(record["candidate_hash"], self._texts(record))
            except RecordsError as e:
                # The run goes on: its verdicts are worth having even when they cannot be kept.
                self._lost = str(e)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A run whose records were lost does not end with success."""
        if self._lost is not None and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A row a task, and where the records are."""
        if not self._records:
            return
        terminalreporter.section("kernels", sep="=")
        for line, good in summarise(self._records):
            terminalreporter.write_line(line, **({} if good else {"red": True}))
        if self._lost is not None:
            terminalreporter.write_line(f"records lost: {self._lost}", red=True)
        elif self._file is not None:
            terminalreporter.write_line(f"records: {self._file.path}")

    def pytest_unconfigure(self) -> None:
        """Close the record file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._answers is not None:
            self._answers.close()
            self._answers = None
