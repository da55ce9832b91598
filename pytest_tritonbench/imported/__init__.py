"""Tasks of published benchmarks: collected, put to their candidates, judged against their golds.

Nothing here imports torch before the first test runs.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pytest_tritonbench.asked.stash import desk_of
from pytest_tritonbench.imported import collect as _collect
from pytest_tritonbench.imported.collect import parametrize
from pytest_tritonbench.imported.plan import Plan, make_plan
from pytest_tritonbench.imported.resume import Finished, read_finished
from pytest_tritonbench.imported.run import ImportedRun
from pytest_tritonbench.imported.selection import refuse_unknown, take_ids
from pytest_tritonbench.options import Settings, settings_of
from pytest_tritonbench.task.tritonbench.checkout import Upstream

if TYPE_CHECKING:
    from pytest_tritonbench.asked.authors import Author
    from pytest_tritonbench.imported.workshop import Workshop

__all__ = ["Plan", "begin", "collect", "parametrize", "prepare"]


def prepare(config: pytest.Config, settings: Settings, authors: Sequence[Author] = ()) -> Plan:
    """Read suites and predictions, and take their node ids out of pytest's arguments.

    A worker of pytest-xdist begins to import what its tests will need.

    Args:
        config: pytest's.
        settings: What the user asked for.
        authors: Models that are asked for answers.

    Raises:
        pytest.UsageError: If one of them cannot be read, or an id is no test's.
    """
    if settings.predictions:
        _refuse_stray_files(config)
    plan = make_plan(settings, config.invocation_params.dir, authors)
    take_ids(config, [*(channel.suite for channel in plan.channels), *plan.left_out])
    if hasattr(config, "workerinput"):
        # A worker waits for its first test until all others have started and collected.
        threading.Thread(target=_import_ahead, name="tritonbench-import").start()
    else:
        refuse_unknown(config, plan)
    _collect.declare_markers(plan, config)
    return plan


def _refuse_stray_files(config: pytest.Config) -> None:
    """Say what to do where a shell has made many arguments of a glob."""
    stray = [name for name in config.args if name.endswith(".jsonl")]
    if stray:
        raise pytest.UsageError(
            f"--tb-predictions takes one file or a glob in quotes, and {stray[0]} is a second; "
            f"write --tb-predictions '*.jsonl', or the option once for each file"
        )


def collect(session: pytest.Session, plan: Plan) -> list[pytest.Item]:
    """The tests of every imported task that was asked for."""
    settings = settings_of(session.config)
    resumes = settings.resume and settings.results is not None
    finished = read_finished(settings.results) if resumes and settings.results else Finished()
    workshop = _Lazy(session.config)

    def make(task: Upstream, suite: str) -> ImportedRun:
        return ImportedRun(task, suite, workshop, finished, desk_of(session.config))

    return _collect.collect(session, plan, make)


def begin(session: pytest.Session) -> None:
    """Start the sandbox, where one will be needed: it imports torch while this process does."""
    if session.config.option.collectonly or not any(_is_imported(item) for item in session.items):
        return
    from pytest_tritonbench.session import session_of  # noqa: PLC0415 - light, but needs a test

    shared = session_of(session.config)
    shared.only_judges = not any(item.name.startswith("test_bench") for item in session.items)
    shared.sandbox.start()


def _import_ahead() -> None:
    # What goes wrong is said by the first test that needs it.
    with suppress(Exception):
        importlib.import_module("pytest_tritonbench.imported.workshop")


def _is_imported(item: pytest.Item) -> bool:
    return item.getparent(_collect.ImportedTask) is not None


class _Lazy:
    """Makes the workshop when a test first needs it, and ends it with the run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._made: Workshop | None = None

    def __call__(self) -> Workshop:
        if self._made is None:
            from pytest_tritonbench.imported.workshop import (  # noqa: PLC0415 - imports torch
                Workshop,
            )
            from pytest_tritonbench.session import session_of  # noqa: PLC0415 - needs a test

            self._made = Workshop(session_of(self._config))
            self._config.add_cleanup(self._made.close)
        return self._made
