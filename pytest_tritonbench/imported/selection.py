"""Node ids of imported tasks on the command line, where pytest itself expects paths."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest

from pytest_tritonbench.options import PHASES

if TYPE_CHECKING:
    from pytest_tritonbench.imported.plan import Plan

_IDS = "tb_ids"


def take_ids(config: pytest.Config, suites: Iterable[str]) -> None:
    """Take the ids of imported tasks out of pytest's arguments, and remember them.

    With a suite and no arguments, the suite is all that is run: what else lies in the folder has
    nothing to do with the published benchmark. A worker of pytest-xdist is given the arguments of
    the command line again and takes them for itself.
    """
    names = tuple(suites)
    ids, paths = [], []
    for arg in config.args:
        first, colons, rest = arg.partition("::")
        # Below the root folder pytest shows ids with ../ before them, and so they are copied.
        suite = PurePath(first).name
        if suite in names and not (config.invocation_params.dir / first).exists():
            ids.append(f"{suite}{colons}{rest}")
        else:
            paths.append(arg)
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    config.args = paths if named else []
    config.option.tb_ids = ids


def wanted(config: pytest.Config, nodeid: str) -> bool:
    """Whether a node, or something below or above it, was asked for."""
    ids = getattr(config.option, _IDS, None)
    if ids is None:
        return True
    if not ids:
        # Paths were named, and nothing of a suite.
        return not config.args
    return any(_covers(one, nodeid) or _covers(nodeid, one) for one in ids)


def selects(config: pytest.Config, nodeid: str) -> bool:
    """Whether a test was asked for."""
    ids = getattr(config.option, _IDS, None)
    return not ids or any(_covers(one, nodeid) for one in ids)


def asks_for_times(config: pytest.Config) -> bool:
    """Whether the command line is about timing: by an option, a marker, a keyword or an id."""
    options = config.option
    told = (options.markexpr, options.keyword, *(getattr(options, _IDS, None) or ()))
    named = any("bench" in str(text).replace("TritonBench", "") for text in told)
    return named or bool(getattr(options, "benchmark_only", None))


def refuse_unknown(config: pytest.Config, plan: Plan) -> None:
    """Refuse ids that no test has, before anything is collected.

    A worker of pytest-xdist that refuses its arguments would end its run without a word.

    Raises:
        pytest.UsageError: Naming the first.
    """
    for one in getattr(config.option, _IDS, None) or ():
        if not any(_covers(one, nodeid) for nodeid in _nodeids(plan, one)):
            suites = ", ".join(channel.suite for channel in plan.channels)
            raise pytest.UsageError(
                f"not found: {one} (no such test in {suites}); list them with --co -q"
            )


def _nodeids(plan: Plan, one: str) -> Iterator[str]:
    """The node ids of the tasks that an id is about."""
    for channel in plan.channels:
        for task in channel.tasks.values():
            module = f"{channel.suite}::{task.name}"
            if _covers(one, module) or _covers(module, one):
                # pytest shows what is not ASCII as Python escapes it.
                names = [a.id.encode("unicode_escape") for a in plan.answers(channel, task)]
                for phase, name in itertools.product(PHASES, names):
                    yield f"{module}::test_{phase}[{name.decode('ascii')}]"


def _covers(wider: str, nodeid: str) -> bool:
    return nodeid == wider or nodeid.startswith((f"{wider}::", f"{wider}["))
