"""The ready workflow files are YAML, of GitHub's shape, and their commands exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT

FILES = sorted((ROOT / "docs/ci").glob("*.yml"))
_STARTED = {"pytest", "python", "nvidia-smi"}


def _commands(file: Path) -> list[list[str]]:
    """What the steps run, as words: `run: one line` and `run: >-` with lines below."""
    found, lines = [], file.read_text().splitlines()
    for n, line in enumerate(lines):
        match = re.fullmatch(r"( *)(- )?run: (.*)", line)
        if match is None:
            continue
        deep = len(match[1]) + len(match[2] or "")
        text = match[3]
        if text == ">-":
            below = lines[n + 1 :]
            inside = [len(one) - len(one.lstrip()) > deep for one in below]
            text = " ".join(one.strip() for one in below[: inside.index(False)])
        found.append(shlex.split(text))
    return found


def test_there_is_one_with_a_gpu_and_one_without() -> None:
    """Both files are there, and each runs pytest."""
    assert [file.stem for file in FILES] == ["gpu-runner", "hosted-runner"]
    for file in FILES:
        assert any(command[0] == "pytest" for command in _commands(file))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_pytest_knows_the_options(file: Path, tmp_path: Path) -> None:
    """No command of a workflow ends as a usage error: every option exists, with such a value."""
    for command in _commands(file):
        assert command[0] in _STARTED
        if command[0] != "pytest":
            continue
        # Without workers: they would be started, and then there is nothing to do.
        words = [sys.executable, "-m", *command, "--collect-only", "-p", "no:cacheprovider"]
        # It is no worker's run, whoever runs this test.
        env = {name: value for name, value in os.environ.items() if "XDIST" not in name}
        done = subprocess.run(
            words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, done.stdout + done.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_modules_that_are_run_exist(file: Path, tmp_path: Path) -> None:
    """`python -m` names a module that is there and takes these options."""
    for command in _commands(file):
        if command[:2] != ["python", "-m"] or command[2] == "pip":
            continue
        done = subprocess.run(
            [sys.executable, *command[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        # The results are missing, and nothing else.
        assert done.returncode == 2
        assert done.stderr.startswith("error: tb-results: not there")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_workflows_are_yaml(file: Path) -> None:
    """They parse, each job says where it runs, and each step uses an action or runs something."""
    yaml: Any = pytest.importorskip("yaml", reason="PyYAML is not installed")
    data = yaml.safe_load(file.read_text())
    # YAML 1.1 takes the key "on" for true; GitHub does not.
    assert data.keys() == {"name", True, "permissions", "concurrency", "jobs"}
    assert data["permissions"] == {"contents": "read"}
    for job in data["jobs"].values():
        assert job["runs-on"]
        assert all(("uses" in step) != ("run" in step) for step in job["steps"])
        ran = [shlex.split(step["run"]) for step in job["steps"] if "run" in step]
        assert ran == _commands(file)


def test_strangers_do_not_reach_the_gpu_runner() -> None:
    """A pull request from a fork starts nothing on a machine of one's own."""
    text = (ROOT / "docs/ci/gpu-runner.yml").read_text()
    assert "github.event.pull_request.head.repo.full_name == github.repository" in text
