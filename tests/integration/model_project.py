"""A small repository whose kernels a model writes: recorded answers, and ways to run pytest."""

import json
import os
import subprocess
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.integration.project import KERNEL, Project
from tests.warm import python

PREFIXES = ("PYTEST_", "HYPOTHESIS_", "CI", "GITHUB_", "TB_")
"""What a developer or a CI has set for the outer run is not for the inner ones."""

WORDS = ("PASSED", "FAILED", "SKIPPED", "ERROR")


def kernel(name: str, value: str = "x * 2", before: str = "") -> str:
    """A kernel that stores ``value``, after ``before`` ran in its wrapper."""
    return KERNEL.format(name=name, value=value, before=textwrap.indent(before, "    "))


def fenced(code: str) -> str:
    """A kernel as a model gives it: with a word before it, in a fence."""
    return f"Here it is.\n\n```python\n{code}```\n"


def answers(folder: Path, given: Mapping[str, Iterable[str]]) -> tuple[str]:
    """Write what the server is to answer.

    Args:
        folder: Where the file goes.
        given: By task, the text of the first answer, the second and so on.

    Returns:
        The files, as a plan has them.
    """
    path = folder / "recorded.jsonl"
    rows = [{"task": task, "predict": text} for task, texts in given.items() for text in texts]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return (str(path),)


class Done:
    """A run of pytest that has ended.

    Args:
        process: Its process.
    """

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.status = process.returncode
        self.output = process.stdout + process.stderr

    @property
    def outcomes(self) -> dict[str, str]:
        """How each test ended, by node id; the run had ``-rA`` for it."""
        found = {}
        for line in self.output.splitlines():
            word, _, rest = line.partition(" ")
            if word in WORDS and "::" in rest:
                found[rest.split(" - ")[0].strip()] = word
        return found

    @property
    def words(self) -> str:
        """The output without its line breaks, for sentences that were wrapped."""
        return " ".join(self.output.split())


class ModelProject(Project):
    """A repository whose tasks a model is asked for.

    Args:
        path: Where it lies; made.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        super().__init__(path)

    def pytest(self, *arguments: Any, **environment: str) -> Done:
        """Run pytest in a process of its own, on the CPU."""
        return Done(
            subprocess.run(
                [python(), "-m", "pytest", *COMMON, *map(str, arguments)],
                cwd=self.path,
                env=surroundings(**environment),
                capture_output=True,
                text=True,
                check=False,
                timeout=240,
            )
        )

    def stored(self, folder: str = "generations") -> list[str]:
        """Files of the store, relative to it, without the locks of who asks what."""
        below = self.path / folder
        files = (path.relative_to(below) for path in below.rglob("*") if path.is_file())
        return sorted(path.as_posix() for path in files if ".claims" not in path.parts)

    def by_test(self, folder: str = "out") -> dict[str, dict[str, Any]]:
        """The last record of each test."""
        return {record["test"]: record for record in self.records(folder)}


COMMON = ("-rA", "-m", "not tb_bench", "--tb-gpu", "cpu", "--hypothesis-seed=0")


def surroundings(**environment: str) -> dict[str, str]:
    """The environment of a run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIXES)}
    return {**kept, "COLUMNS": "100", "OMP_NUM_THREADS": "1", **environment}
