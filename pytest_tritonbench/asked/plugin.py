"""The hooks of a run in which models are asked."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_tritonbench.asked.authors import Author, authors_of
from pytest_tritonbench.asked.desk import Desk
from pytest_tritonbench.asked.live import LiveLine
from pytest_tritonbench.asked.stash import DESK
from pytest_tritonbench.asked.topics import Topic, Writer
from pytest_tritonbench.model_options import Asking
from pytest_tritonbench.nodes import run_of
from pytest_tritonbench.options import Settings
from pytest_tritonbench.task.prompts.problem import PromptError
from pytest_tritonbench.task.prompts.subject import Target

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

_RUN = "tb_run"


class AskingPlugin:
    """Opens the desk once the tests are known, and shows how far the answers are.

    Args:
        config: pytest's.
        settings: What the user asked for.
        asking: Of that, what models are asked for.
    """

    def __init__(self, config: pytest.Config, settings: Settings, asking: Asking) -> None:
        self._config = config
        self._asking = asking
        self.authors = authors_of(asking, config.rootpath)
        if not (asking.offline or asking.show_prompt or find_spec("openai")):
            raise pytest.UsageError(
                "--tb-model: the package openai, which asks models, is not installed; run "
                "pip install 'pytest-tritonbench[llm]', or judge what is on disk with --tb-offline"
            )
        if asking.show_prompt and getattr(config.option, "numprocesses", None):
            raise pytest.UsageError("--tb-show-prompt: prompts are printed by one process; no -n")
        given = getattr(config, "workerinput", {}).get(_RUN)
        self._is_worker = given is not None
        self._run = Path(given) if given else Path(tempfile.mkdtemp(prefix="tritonbench-run-"))
        writer = Writer(asking, lambda: _target(config), settings.kernels)
        writer.check()
        self._desk = config.stash[DESK] = Desk(asking, writer, self._run)
        # Before the tests' output is captured; the line is not theirs.
        self._line = None if self._is_worker else LiveLine(self._run / "progress")

    def pytest_report_header(self) -> list[str]:
        """Who is asked."""
        asking = self._asking
        names = dict.fromkeys(author.endpoint.name for author in self.authors)
        models = {a.endpoint.name: f"{a.endpoint.name} ({a.endpoint.model})" for a in self.authors}
        lines = [f"models: {', '.join(models[name] for name in names)}"]
        how = f"{asking.samples} sample{'s' * (asking.samples > 1)} each"
        how += f", up to {asking.repair} repairs" if asking.repair else ""
        how += f", budget {asking.budget}" if asking.budget else ""
        how += ", offline" if asking.offline else f", {asking.concurrency} at a time"
        return [*lines, f"generations: {asking.store}, {how}"]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker of pytest-xdist which run it is part of."""
        node.workerinput[_RUN] = str(self._run)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the phases of one candidate one after the other: they share a process."""
        places: dict[tuple[pytest.Item | pytest.Collector | None, str], int] = {}

        def place(item: pytest.Item) -> int:
            run, spec = run_of(item), getattr(item, "callspec", None)
            author = None if run is None or spec is None else spec.params.get("tb")
            key = (item, "") if author is None else (item.parent, author.id)
            return places.setdefault(key, len(places))

        items.sort(key=place)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin to ask for what the tests will need, or print what would be asked."""
        wanted = list(self._wanted(session))
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            # Something could not be collected, which ends the run with its own message.
            return
        if self._asking.show_prompt:
            self._show(topic for topic, _ in wanted)
        if not session.config.option.collectonly and wanted:
            self._desk.open(wanted)
            if self._line is not None:
                self._line.start()

    def pytest_runtestloop(self) -> None:
        """With pytest-xdist the controller collects nothing and shows the line all the same."""
        if self._line is not None and not self._config.option.collectonly:
            self._line.start()

    def pytest_unconfigure(self) -> None:
        """Stop asking; the last process removes what the run shared."""
        if self._line is not None:
            self._line.stop()
        self._desk.close(others_go_on=self._is_worker)
        if not self._is_worker:
            shutil.rmtree(self._run, ignore_errors=True)

    def _wanted(self, session: pytest.Session) -> Iterator[tuple[Topic, Author]]:
        """Every answer that a test needs, once, in the order of the tests."""
        seen = set()
        for item in session.items:
            run, spec = run_of(item), getattr(item, "callspec", None)
            asked = None if run is None or spec is None else run.asks(spec.params)
            if asked is None:
                continue
            topic, author = asked
            key = (topic.suite, topic.name, author.id)
            if key not in seen:
                seen.add(key)
                yield topic, author

    def _show(self, topics: Iterator[Topic]) -> None:
        terminal = self._config.get_terminal_writer()
        seen = set()
        for topic in topics:
            key = (topic.suite, topic.name)
            if key in seen:
                continue
            seen.add(key)
            terminal.sep("=", f"{topic.suite}: {topic.name}")
            try:
                for message in self._desk.prompt(topic):
                    terminal.sep("-", message.role)
                    terminal.line(message.content)
            except PromptError as e:
                terminal.line(str(e))
        pytest.exit(f"{len(seen)} prompts shown, nobody was asked", returncode=0)


def _target(config: pytest.Config) -> Target:
    """What kernels are written for: the GPU of this process, or what they are compiled for."""
    from pytest_tritonbench.session import session_of  # noqa: PLC0415 - asks the driver

    session = session_of(config)
    versions = {name: _version(name) for name in ("triton", "torch")}
    gpu = session.gpu
    if gpu is None:
        return Target(session.settings.targets[0], versions["triton"], None, versions["torch"])
    arch = f"sm_{gpu.capability.replace('.', '')}"
    return Target(arch, versions["triton"], gpu.name, versions["torch"])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
