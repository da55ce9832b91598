"""What lies beside the tests and is none, and which tests stay together under ``-n``."""

import compileall
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import pytest_tritonbench
from pytest_tritonbench.sandbox.environment import environment
from pytest_tritonbench.sandbox.nursery import VARIABLE, Nursery
from tests.warm import Warm

# Upstream's layout has a task whose file's name ends as a test's does.
collect_ignore = ["data"]

# Folders whose tests look at the same few runs, made by fixtures of the session.
TOGETHER = {"tests/unit/interpreter"}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have torch imported once for all the runs that the tests start, and for their sandboxes."""
    if not hasattr(session.config, "workerinput"):
        _keep_bytecode()
    if session.config.getoption("numprocesses", None):
        # The workers do so, each for its own runs.
        return
    env = environment(os.environ, "cpu")
    nursery = Nursery("cpu", ["sm_90"], env)
    os.environ[VARIABLE] = nursery.address
    session.config.add_cleanup(nursery.close)
    session.config.add_cleanup(Warm().close)


def _keep_bytecode() -> None:
    """Compile the plugin once, and not again in each of the hundreds of processes that import it.

    pytest rewrites a plugin's modules before it compiles them, which takes seconds for all of
    them; it keeps what it has made unless the environment forbids that.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # The sandbox's processes import the modules as they are, and never write.
    for path in pytest_tritonbench.__path__:
        compileall.compile_dir(path, quiet=2)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep tests together that look at the same run, so that it takes place once."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - pytest-xdist may be absent

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # it is not typed
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            folder = path.rpartition("/")[0]
            if folder in TOGETHER:
                return folder
            return path if _shares_a_run(config.rootpath / path) else nodeid

    # In the order of the tree, which has the longest first; else lone tests would come last.
    config.option.loadscopereorder = False
    return Scheduling(config, log)


@cache
def _shares_a_run(path: Path) -> bool:
    return 'scope="module"' in path.read_text(encoding="utf-8")
