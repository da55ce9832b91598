"""What the tests on a GPU share; without a GPU all of them skip and say why."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tritonbench.sandbox import Sandbox
from pytest_tritonbench.sandbox.devices import inventory
from tests.integration.project import Project

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip this folder's tests on a machine without a GPU."""
    if inventory():
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="no GPU on this machine"))


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs of these tests are nobody's workers, whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox on the first GPU."""
    with Sandbox(device="cuda:0") as made:
        yield made


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    """A repository with one task and its right kernel."""
    made = Project(pytester.path, pytester)
    made.task()
    made.kernel()
    return made
