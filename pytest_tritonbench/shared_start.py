"""When a run began, which all workers of pytest-xdist put into their records alike."""

from __future__ import annotations

import time
from typing import Any

import pytest

_NAME = "tritonbench_started"


class SharedStart:
    """On the controller: tells every worker, a replacement too."""

    def __init__(self) -> None:
        self._started = now()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker before it starts."""
        node.workerinput[_NAME] = self._started


def started(config: pytest.Config) -> str:
    """When the run of this process began; in a worker, when the controller's did."""
    told: dict[str, Any] = getattr(config, "workerinput", {})
    return told.get(_NAME) or now()


def now() -> str:
    """The time, as records have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
