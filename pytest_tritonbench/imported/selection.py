"""Node ids of imported tasks on the command line, where pytest itself expects paths."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

import pytest

_IDS = "tb_ids"


def take_ids(config: pytest.Config, suites: Iterable[str]) -> None:
    """Take the ids of imported tasks out of pytest's arguments, and remember them.

    With a suite and no arguments, the suite is all that is run: what else lies in the folder has
    nothing to do with the published benchmark.
    """
    if hasattr(config, "workerinput"):
        # The controller has taken them; pytest-xdist hands its options on.
        config.args = list(getattr(config.option, "tb_args", ()))
        return
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
    config.option.tb_ids, config.option.tb_args = ids, config.args


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


def unmatched(config: pytest.Config, nodeids: Iterable[str]) -> list[str]:
    """Ids that were asked for and that no test has."""
    found = list(nodeids)
    ids = getattr(config.option, _IDS, None) or ()
    return [one for one in ids if not any(_covers(one, nodeid) for nodeid in found)]


def _covers(wider: str, nodeid: str) -> bool:
    return nodeid == wider or nodeid.startswith((f"{wider}::", f"{wider}["))
