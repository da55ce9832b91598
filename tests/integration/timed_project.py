"""Runs in which kernels are timed without a GPU.

The host's clock stands in for the device's: everything else, from the processes to the gates, is
what runs on a GPU.
"""

import os
import subprocess
from pathlib import Path

from tests.integration.project import TASK, Project
from tests.warm import python

QUICK = TASK.replace('"m": 64, "n": 1024', '"m": 2, "n": 16')
"""A task whose timed case takes the interpreter a millisecond."""

OPTIONS = ("-m", "tb_bench", "--tb-bench-budget", "0.4", "-p", "no:benchmark", "-rA")


class TimedProject(Project):
    """A repository whose kernels are timed; made of one run and looked at by many tests.

    Args:
        path: Where it lies.
    """

    output = ""

    def time(self, *arguments: str) -> None:
        """Run the bench phase of every task, with records in ``out``."""
        done = subprocess.run(
            [python(), "-m", "pytest", *OPTIONS, "--tb-results", "out", *arguments],
            cwd=self.path,
            env={**os.environ, "PYTEST_TRITONBENCH_TIME_ON_CPU": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.output = done.stdout + done.stderr

    def quick(self, name: str, *, before: str = "", value: str = "x * 2", more: str = "") -> None:
        """Write a task and its kernel.

        Args:
            name: Of both.
            before: What the wrapper does before the launch.
            value: What the kernel stores.
            more: A line of the declaration.
        """
        self.task(name, QUICK.replace("    sweep=", f"    {more}\n    sweep=") if more else QUICK)
        self.kernel(name, value=value, before=before)

    def outcome(self, task: str) -> tuple[str, str | None]:
        """How a task's only timed case ended, and why."""
        (record,) = (record for record in self.records() if record["task"] == task)
        return record["outcome"], record["reason"]


def git(folder: Path, *arguments: str) -> None:
    """Run git as nobody in particular."""
    quiet = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    command = ["git", *identity, *arguments]
    subprocess.run(command, cwd=folder, env=quiet, check=True, capture_output=True)
