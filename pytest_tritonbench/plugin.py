"""The pytest hooks, each a few lines that delegate.

The plugin is loaded in every pytest run of its environment, so this module imports nothing heavy:
torch, triton and Hypothesis come in with the first task file.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_tritonbench import options
from pytest_tritonbench.task_files import has_task_file, is_task_file

if TYPE_CHECKING:
    from pytest_tritonbench.asked.authors import Author
    from pytest_tritonbench.imported.plan import Plan
    from pytest_tritonbench.nodes import PhaseRun
    from pytest_tritonbench.report.reporter import Reporter

_PLAN: pytest.StashKey[Plan] = pytest.StashKey()
_AUTHORS: pytest.StashKey[Sequence[Author]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare options and ini keys."""
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options and declare the markers."""
    if any(str(arg).startswith("--tb-") for arg in config.invocation_params.args):
        from pytest_tritonbench import root_folder  # noqa: PLC0415 - only where we are asked

        root_folder.refuse_wrong_root(config)
    settings = options.settings_of(config)
    if settings.gpu not in (None, "cpu"):
        from pytest_tritonbench import pinning  # noqa: PLC0415 - asks the driver

        pinning.own_gpu(settings.gpu)
    if settings.timing.base is not None and not hasattr(config, "workerinput"):
        from pytest_tritonbench.session import base_of  # noqa: PLC0415 - asks git

        base_of(settings)
    if settings.timing.profile is not None and not hasattr(config, "workerinput"):
        from pytest_tritonbench.timing.profile_report import (  # noqa: PLC0415 - where it is asked for
            ProfileSummary,
        )

        config.pluginmanager.register(ProfileSummary(), "tritonbench-profiles")
    authors: Sequence[Author] = ()
    if settings.asking is not None:
        from pytest_tritonbench.asked.plugin import (  # noqa: PLC0415 - only where models are asked
            AskingPlugin,
        )

        asking = AskingPlugin(config, settings, settings.asking)
        config.pluginmanager.register(asking, "tritonbench-asking")
        authors = config.stash[_AUTHORS] = asking.authors
    if settings.suites:
        _meet_suites(config, settings, authors)
    if settings.shard is not None:
        from pytest_tritonbench.part import Part  # noqa: PLC0415 - only where a part is run

        suites = [c.suite for c in config.stash[_PLAN].channels] if settings.suites else ()
        config.pluginmanager.register(Part(settings.shard, suites), "tritonbench-part")
    if options.has_benchmark(config):
        _meet_benchmark(config, settings)
    for phase in options.PHASES:
        config.addinivalue_line("markers", f"tb_{phase}: the {phase} phase of a kernel task")


def _meet_suites(
    config: pytest.Config, settings: options.Settings, authors: Sequence[Author]
) -> None:
    """Find the tasks of published benchmarks, and show how far a long run is."""
    from pytest_tritonbench import imported  # noqa: PLC0415 - only where there is a suite

    config.stash[_PLAN] = imported.prepare(config, settings, authors)
    if not hasattr(config, "workerinput"):
        from pytest_tritonbench.report.progress import Progress  # noqa: PLC0415 - as above

        config.pluginmanager.register(Progress(config), "tritonbench-progress")


def _meet_benchmark(config: pytest.Config, settings: options.Settings) -> None:
    """Have pytest-benchmark, which is there, take part in the timing of kernels."""
    from pytest_tritonbench.timing import benchmark_plugin  # noqa: PLC0415 - only where it is there

    @functools.cache
    def has_tasks() -> bool:
        return bool(settings.suites) or has_task_file(config, settings.references)

    if hasattr(config, "workerinput") or config.getoption("dist", "no") != "no":
        from pytest_tritonbench.timing import bridge  # noqa: PLC0415 - only where it is of use

        bridge.install(config, has_tasks)
    plugin = benchmark_plugin.BenchmarkPlugin(config, has_tasks)
    config.pluginmanager.register(plugin, "tritonbench-benchmark")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what kernels run on, in repositories that have tasks, and what is judged."""
    settings = options.settings_of(config)
    plan = config.stash.get(_PLAN, None)
    if hasattr(config, "workerinput") or not _has_tasks(settings):
        return []
    from pytest_tritonbench import pinning  # noqa: PLC0415 - asks the driver
    from pytest_tritonbench.report.header import header  # noqa: PLC0415 - as above

    gpus = pinning.candidates(settings.gpu)
    return header(settings, gpus) + ([] if plan is None else plan.describe())


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect task files that pytest would not take for test modules."""
    if file_path.suffix != ".py" or parent.session.isinitpath(file_path):
        # A file that was named on the command line comes by pytest_pycollect_makemodule.
        return None
    return _task_module(file_path, parent)


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Collector | None:
    """Collect task files that were named on the command line."""
    return _task_module(module_path, parent)


def _has_tasks(settings: options.Settings) -> bool:
    """Whether a run has kernels to judge; one that has not is left as it would be anyway."""
    globs = settings.references
    found = (path for glob in globs for path in settings.rootdir.glob(glob))
    return bool(settings.suites) or any(is_task_file(path, globs) for path in found)


def _task_module(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    settings = options.settings_of(parent.config)
    if not is_task_file(path, settings.references):
        return None
    if sys.platform != "linux":
        raise parent.CollectError(
            f"{path}: kernels are judged in a sandbox of Linux processes, and this is "
            f"{sys.platform}; run pytest in WSL 2 or in a Linux container"
        )
    from pytest_tritonbench import collect  # noqa: PLC0415 - imports torch

    return collect.TaskModule.from_parent(parent, path=path)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the tests of published benchmarks, before others choose among the tests."""
    if _PLAN in config.stash:
        from pytest_tritonbench import imported  # noqa: PLC0415 - only where there is a suite

        items += imported.collect(session, config.stash[_PLAN])


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> pytest.ExitCode | None:
    """Print what kernels run on, where that is all that is asked for."""
    if not config.getoption("tb_env", None):
        return None
    from pytest_tritonbench.report.env_report import report  # noqa: PLC0415 - asks the driver

    for text in report(options.settings_of(config).gpu).lines():
        print(text)  # noqa: T201 - it is what was asked for
    return pytest.ExitCode.OK


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise the tests of a task."""
    if "answer" in metafunc.fixturenames:
        from pytest_tritonbench import imported  # noqa: PLC0415 - only where there is a suite

        imported.parametrize(metafunc)
    elif "tb" in metafunc.fixturenames:
        from pytest_tritonbench import collect  # noqa: PLC0415 - imports torch

        collect.parametrize(metafunc, metafunc.config.stash.get(_AUTHORS, ()))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start what takes its time; refuse a case to replay that does not fit its task."""
    if _PLAN in session.config.stash:
        from pytest_tritonbench import imported  # noqa: PLC0415 - only where there is a suite

        imported.begin(session)
    # A worker of pytest-xdist cannot end a run; there the test itself says it.
    if options.settings_of(session.config).case is None or hasattr(session.config, "workerinput"):
        return
    for item in session.items:
        run = _run_of(item)
        if run is not None and item.name == "test_fuzz":
            try:
                run.refuse_misfit()
            except ValueError as e:
                raise pytest.UsageError(str(e)) from None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let reports point at the task file."""
    run = _run_of(item)
    if run is not None:
        item.location = (item.nodeid.partition("::")[0], run.line - 1, item.name)


def _run_of(item: pytest.Item) -> PhaseRun | None:
    if "tb" not in getattr(item, "fixturenames", ()):
        return None
    from pytest_tritonbench.nodes import run_of  # noqa: PLC0415 - only where there is a task

    return run_of(item)


@pytest.fixture(name="tb")
def _tb(request: pytest.FixtureRequest) -> PhaseRun:
    """The task that the test belongs to, ready for its phase."""
    run = _run_of(request.node)
    if run is None:
        pytest.fail("the fixture 'tb' is for the plugin's own tests of a task", pytrace=False)
    run.begin()
    return run


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Enter a test before another plugin may skip it, so that its record is its own."""
    run = _run_of(item)
    if run is not None:
        phase = item.name.partition("[")[0].removeprefix("test_")
        callspec = getattr(item, "callspec", None)
        run.enter(phase, item.nodeid, callspec.params if callspec else {})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Compute on the GPU beside others, and never while one of them times on it."""
    if _run_of(item) is None:
        return (yield)
    from pytest_tritonbench.session import session_of  # noqa: PLC0415 - only where there is a task

    session = session_of(item.config)
    with session.computing():
        try:
            return (yield)
        finally:
            session.settle()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the records of a test on its report, which pytest-xdist carries to the controller."""
    report = yield
    run = _run_of(item)
    if run is not None:
        from pytest_tritonbench.report import reporter  # noqa: PLC0415 - light, but needs a task

        reporter.attach(report, run, call)
    return report


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End a candidate's process once its last test ran."""
    run = _run_of(item)
    if run is not None and (nextitem is None or _run_of(nextitem) is not run):
        run.close()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Listen for records where the reports arrive: on the controller."""
    if not hasattr(session.config, "workerinput"):
        listener = _Listener(session.config)
        session.config.pluginmanager.register(listener, "tritonbench-listener")
        if options.settings_of(session.config).results is not None:
            # At once, so that a folder that cannot be written stops the run and not its end.
            listener.reporter()


class _Listener:
    """Makes the reporter when the first record arrives; most pytest runs have none."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._reporter: Reporter | None = None

    def reporter(self) -> Reporter:
        """The reporter, which prints the summary at the end."""
        if self._reporter is None:
            from pytest_tritonbench.report.reporter import Reporter  # noqa: PLC0415 - as above

            plan = self._config.stash.get(_PLAN, None)
            self._reporter = Reporter(options.settings_of(self._config), plan)
            self._config.pluginmanager.register(self._reporter, "tritonbench-reporter")
        return self._reporter

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hand the records of a test on."""
        if hasattr(report, "tb_records"):
            self.reporter().take(report)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Start one worker a GPU for ``-n auto``, in runs that have tasks."""
    settings = options.settings_of(config)
    if not _has_tasks(settings):
        return None
    from pytest_tritonbench import pinning  # noqa: PLC0415 - asks the driver

    return None if pinning.others_count(config) else pinning.auto_workers(settings.gpu)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[Any]) -> None:
    """Give each worker its GPU before it is started, in runs that have tasks."""
    settings = options.settings_of(config)
    if _has_tasks(settings):
        from pytest_tritonbench import pinning  # noqa: PLC0415 - asks the driver

        gpus = pinning.candidates(settings.gpu)
        pinning.pin(specs, gpus)
        from pytest_tritonbench import (  # noqa: PLC0415 - only where there are workers
            root_folder,
            shared_nursery,
            shared_start,
        )

        root_folder.hand_on_root(config)
        config.pluginmanager.register(shared_start.SharedStart(), "tritonbench-start")
        shared_nursery.share_nursery(config, specs, "cuda" if gpus else "cpu", settings.targets)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of one task on one worker: they share a process, and later a GPU."""
    if config.getvalue("dist") not in ("load", "worksteal"):
        return None
    from pytest_tritonbench.scheduling import TaskScheduling  # noqa: PLC0415 - needs pytest-xdist

    suites = tuple(c.suite for c in config.stash[_PLAN].channels) if _PLAN in config.stash else ()
    return TaskScheduling(config, log, options.settings_of(config).references, suites)
