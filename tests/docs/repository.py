"""A reader's repository: where the commands of a page are run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs import checkout, models
from tests.docs.pages import EMPTY, ROOT, Block
from tests.warm import python

# What the pages call the folder that a test makes.
SHOWN = "/home/you/project"
# One task stands for all of them, and one file of tests for all tests.
_ONE_TASK = re.compile(r"(?<= -m pytest )references(?= |$)")
_ONE_TEST_FILE = re.compile(r"(?<= -m pytest )tests(?= |$)")
_INTERPRETER = re.compile(r"^(?:\.venv/bin/)?python3?(?= )")
_SETUP = re.compile(r"^(git clone|cd|python3? -m venv|\S*pip install|\S+ -m pip install) ")


class Repository:
    """A folder with the reader's files.

    Args:
        folder: A folder that does not exist yet.
        page: The page; it says what the folder starts with.
        address: Of the model server that the page calls ``models.ADDRESS``.
    """

    def __init__(self, folder: Path, page: Path, address: str = models.ADDRESS) -> None:
        self.folder = folder
        self._address = address
        self._ran: set[str] = set()
        folder.mkdir()
        text = page.read_text()
        if checkout.MARK in text:
            checkout.write(folder)
        if EMPTY not in text:
            for name in ("kernels", "references"):
                shutil.copytree(
                    ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
                )

    def put(self, block: Block) -> None:
        """Write a titled block; a bundled file must be what the project bundles."""
        assert block.title is not None
        bundled = ROOT / block.title
        if bundled.is_file() and block.title.startswith(("kernels/", "references/")):
            assert block.text == bundled.read_text(), f"{block.place} differs from {block.title}"
        target = self.folder / block.title
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self._addressed(block.text))

    def run(self, command: str) -> tuple[int, list[str]]:
        """Run one command; returns its exit code and what it printed."""
        command = _spelt_out(command)
        self._ran.add(command)
        own = _ONE_TEST_FILE.search(command) or command.startswith("python benchmarks/")
        where = ROOT if own else self.folder
        command = _ONE_TASK.sub("references/softmax.py", command)
        command = _ONE_TEST_FILE.sub("tests/unit/task/test_layouts.py", command)
        done = subprocess.run(
            ["bash", "-c", _INTERPRETER.sub(python(), self._addressed(command))],  # noqa: S607 - the PATH's
            cwd=where,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=280,
            check=False,
        )
        printed = done.stdout.replace(str(self.folder.resolve()), SHOWN)
        printed = printed.replace(self._address, models.ADDRESS)
        return done.returncode, printed.splitlines()

    def _addressed(self, text: str) -> str:
        return text.replace(models.ADDRESS, self._address)

    def has_run(self, command: str) -> bool:
        """Whether the command, or a target of make that comes to it, was run before."""
        return _spelt_out(command) in self._ran


def _spelt_out(command: str) -> str:
    """What a target of make runs last, after installing; any other command is itself."""
    if command.startswith("make "):
        return recipe(command.removeprefix("make ").split()[0])[-1]
    return command


def is_setup(command: str) -> bool:
    """Whether a command fetches or installs; `test_installing.py` looks after those."""
    return _SETUP.match(command) is not None


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile, as a shell would see them."""
    text = (ROOT / "Makefile").read_text()
    found = re.search(rf"^{re.escape(target)}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert found is not None, f"the Makefile has no target {target!r} with commands"
    variables = dict(re.findall(r"^(\w+) *[?:]?= *(.*)$", text, re.MULTILINE))
    lines = [line.removeprefix("\t") for line in found[1].splitlines()]
    return [_expanded(line, variables) for line in lines]


def _expanded(line: str, variables: dict[str, str]) -> str:
    while "$(" in line:
        line = re.sub(r"\$\((\w+)\)", lambda m: variables[m[1]], line)
    return line


def _folders() -> list[str]:
    """Where `python` and `pytest` are: those that have torch already, before the real ones."""
    return [str(Path(program).parent) for program in (python(), sys.executable)]


def _environment() -> dict[str, str]:
    # What the outer run of pytest, a CI service, a GPU or an account would add is not in the pages.
    outer = {
        name: value
        for name, value in os.environ.items()
        if name != "CI"
        and not name.startswith(("PYTEST_", "GITHUB_", "COV_"))
        and not name.endswith("_API_KEY")
    }
    return {
        **outer,
        "PATH": os.pathsep.join([*_folders(), os.environ["PATH"]]),
        "COLUMNS": "80",
        "CUDA_VISIBLE_DEVICES": "",
    }
