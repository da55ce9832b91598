"""A server to ask, and a way of asking."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.model_server.running import ModelServer, serving


@pytest.fixture(scope="session")
def running_server() -> Iterator[ModelServer]:
    """One server for all tests: to start it takes longer than most of them."""
    with serving() as server:
        yield server


@pytest.fixture
def server(running_server: ModelServer) -> ModelServer:
    """It, with nothing left of the test before."""
    running_server.plan()
    return running_server
