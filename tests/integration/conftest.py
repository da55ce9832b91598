"""A repository to run pytest in."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

# pytester forgets every module that a run inside this process was the first to import, and torch
# cannot be imported twice: so it is imported here, with everything else that the plugin needs.
import pytest_tritonbench.collect
import pytest_tritonbench.session  # noqa: F401 - as above
from tests.integration.project import Project
from tests.warm import python

# Where pytest's cache keeps the verdicts of the vacuity lint.
_LINTED = Path(".pytest_cache", "v", "tritonbench")


@pytest.fixture(scope="session")
def linted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lint's verdicts on the usual task, asked for once instead of in every test."""
    folder = tmp_path_factory.mktemp("linted")
    made = Project(folder)
    for name in ("double", "twice"):
        made.task(name)
    command = [python(), "-m", "pytest", "--co", "-q"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return folder / _LINTED


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, linted: Path) -> Project:
    """A repository without any task yet."""
    monkeypatch.setenv("COLUMNS", "80")
    # What a developer has set for the outer run is not for the inner ones.
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "HYPOTHESIS_STORAGE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    # In CI Hypothesis has another profile, without a database.
    for name in ("CI", "GITHUB_ACTIONS", "TF_BUILD", "BUILDKITE", "TEAMCITY_VERSION"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(linted, pytester.path / _LINTED)
    return Project(pytester.path, pytester)


@pytest.fixture
def double(project: Project) -> Project:
    """A repository with one task and its right kernel."""
    project.task()
    project.kernel()
    return project


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are ended with their group when the test ends."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
