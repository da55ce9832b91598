"""What lies beside the tests and is none, and which tests stay together under ``-n``."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.sandbox.client import environment
from pytest_tritonbench.sandbox.nursery import VARIABLE, Nursery
from tests.warm import Warm

# Upstream's layout has a task whose file's name ends as a test's does.
collect_ignore = ["data"]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have torch imported once for all the runs that the tests start, and for their sandboxes."""
    if session.config.getoption("numprocesses", None):
        # The workers do so, each for its own runs.
        return
    env = environment(os.environ, "cpu")
    nursery = Nursery("cpu", ["sm_90"], env)
    os.environ[VARIABLE] = nursery.address
    session.config.add_cleanup(nursery.close)
    session.config.add_cleanup(Warm().close)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep tests together that look at the same run, so that it takes place once."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - pytest-xdist may be absent

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # it is not typed
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return path if _shares_a_run(config.rootpath / path) else nodeid

    # In the order of the tree, which has the longest first; else lone tests would come last.
    config.option.loadscopereorder = False
    return Scheduling(config, log)


@cache
def _shares_a_run(path: Path) -> bool:
    return 'scope="module"' in path.read_text(encoding="utf-8")
