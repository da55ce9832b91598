"""Where the records of a run arrive: on the controller, from every worker."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from pytest_tritonbench.options import Settings
from pytest_tritonbench.report import gate_summary
from pytest_tritonbench.report.answers import AnswerFile
from pytest_tritonbench.report.authors import passes, prices, scoreboard
from pytest_tritonbench.report.leaderboard import leaderboard
from pytest_tritonbench.report.metrics.measure import SuiteLike
from pytest_tritonbench.report.metrics.timings import Size
from pytest_tritonbench.report.records import RecordFile, RecordsError, read_records
from pytest_tritonbench.report.summary import summarise
from pytest_tritonbench.timing_options import sweep_folder

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
    outcome = "error" if ended_early and report.failed else report.outcome
    if outcome not in told and ((report.when == "call" and untold) or ended_early):
        message = "" if call.excinfo is None else str(call.excinfo.value).strip()
        first = message.splitlines()[0] if message else outcome
        records.append(run.record(outcome, message=first).as_json())
    setattr(report, ATTRIBUTE, records)


# So many answers have a row each; of more, the leaderboard alone is shown.
_FEW = 30


class Suites(Protocol):
    """The published benchmarks of a run."""

    @property
    def channels(self) -> Sequence[SuiteLike]:
        """Their suites."""

    def text_of(self, record: Mapping[str, Any]) -> str | None:
        """The answer that a record is of."""

    def texts(self) -> Mapping[tuple[str, str, str], str | Sequence[str]]:
        """Every answer, by suite, model and task."""

    def published_times(self) -> Mapping[str, Mapping[str, Sequence[Size]]]:
        """The times that upstream ships, by suite and task."""


class Reporter:
    """Writes records as they arrive and prints the summary at the end.

    Args:
        settings: What the user asked for.
        plan: The published benchmarks of the run.
    """

    def __init__(self, settings: Settings, plan: Suites | None = None) -> None:
        self._settings = settings
        self._plan = plan
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
                if plan is not None:
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
                if self._answers is not None and self._plan is not None:
                    self._answers.append(record["candidate_hash"], self._plan.text_of(record))
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
        of_suites = [record for record in self._records if record["suite"] is not None]
        few = len({(r["suite"], r["task"], r["model"]) for r in of_suites}) <= _FEW
        shown = [r for r in self._records if r["suite"] is None or few]
        for line, good in summarise(shown) if shown else ():
            terminalreporter.write_line(line, **({} if good else {"red": True}))
        for line in gate_summary.told(self._records):
            terminalreporter.write_line(line)
        if of_suites and self._plan is not None:
            for line in leaderboard(of_suites, self._plan.channels):
                terminalreporter.write_line(line)
        self._tell_of_authors(terminalreporter)
        if self._lost is not None:
            terminalreporter.write_line(f"records lost: {self._lost}", red=True)
        elif self._file is not None:
            terminalreporter.write_line(f"records: {self._file.path}")
        if self._settings.report is not None:
            self._write_report(terminalreporter, self._settings.report)
        if self._settings.timing.sweep:
            self._write_sweep(terminalreporter)
        self._tell_github(terminalreporter)

    def _tell_of_authors(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._settings.asking is None:
            return
        authored = [record for record in self._records if record["model"] is not None]
        own = [record for record in authored if record["suite"] is None]
        for lines in (scoreboard(own) if own else (), passes(authored), prices(authored)):
            for line in lines:
                terminalreporter.write_line(line)

    def _tell_github(self, terminalreporter: pytest.TerminalReporter) -> None:
        if os.environ.get("GITHUB_ACTIONS") != "true":
            return
        from pytest_tritonbench.report import github  # noqa: PLC0415 - only in its jobs

        settings = self._settings
        try:
            github.publish(
                self._records, settings.rootdir, terminalreporter.write_line, flags=settings.flags
            )
        except OSError as e:
            terminalreporter.write_line(f"summary for GitHub lost: {e}", red=True)

    def _write_report(self, terminalreporter: pytest.TerminalReporter, folder: Path) -> None:
        from pytest_tritonbench.report.pages import (  # noqa: PLC0415 - only for who wants pages
            write_report,
        )
        from pytest_tritonbench.report.pages.sources import kernel_files  # noqa: PLC0415 - as above

        plan = self._plan
        try:
            written = write_report(
                self._records,
                folder,
                predictions={
                    **kernel_files(self._records, self._settings.rootdir),
                    **({} if plan is None else plan.texts()),
                },
                suites=() if plan is None else plan.channels,
                golden={} if plan is None else plan.published_times(),
            )
        except (OSError, ValueError) as e:
            terminalreporter.write_line(f"report lost: {e}", red=True)
            self._lost = self._lost or str(e)
        else:
            terminalreporter.write_line(f"report: {written.page}")

    def _write_sweep(self, terminalreporter: pytest.TerminalReporter) -> None:
        from pytest_tritonbench.report import sweep  # noqa: PLC0415 - only for who wants curves

        settings = self._settings
        here = terminalreporter.config.invocation_params.dir
        folder = sweep_folder(settings.report, settings.results, here)
        # The records of a folder are those of earlier runs, too: one curve of all of them.
        try:
            results = settings.results
            records = self._records if results is None else read_records(results)
            written = sweep.write(records, folder)
        except sweep.NothingTimedError as e:
            terminalreporter.write_line(f"no curves: {e}")
        except (OSError, RecordsError) as e:
            terminalreporter.write_line(f"curves lost: {e}", red=True)
            self._lost = self._lost or str(e)
        else:
            terminalreporter.write_line(f"curves: {written[0]}")

    def pytest_unconfigure(self) -> None:
        """Close the record file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._answers is not None:
            self._answers.close()
            self._answers = None
