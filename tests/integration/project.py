"""A small repository of a user's own, and ways to run pytest in it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.sandbox.nursery import VARIABLE
from tests.warm import python

HEADER = """\
import torch

from pytest_tritonbench import derived, dim, task, tensor
"""

TASK = """\
@task(
    inputs={{"x": tensor("m", "n")}},
    dtypes=("float32",),
    dims={{"m": dim(1, 4), "n": dim(1, 40)}},
    cases=[{{"m": 2, "n": 5}}, {{"m": 1, "n": 33}}],
    sweep=[{{"m": 64, "n": 1024}}],
)
def {name}(x: torch.Tensor) -> torch.Tensor:
    \"\"\"Twice a matrix.\"\"\"
    return x * 2
"""

KERNEL = """\
import torch
import triton
import triton.language as tl


@triton.jit
def _rows(x_ptr, out_ptr, n, stride_m, stride_n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    mask = cols < n
    x = tl.load(x_ptr + row * stride_m + cols * stride_n, mask=mask)
    tl.store(out_ptr + row * n + cols, {value}, mask=mask)


def {name}(x):
    m, n = x.shape
    out = torch.empty((m, n), dtype=x.dtype, device=x.device)
{before}    _rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
    return out
"""


class Project:
    """A repository with tasks and kernels.

    Args:
        path: Where it lies.
        pytester: What runs pytest there; not needed by one that is only written.
    """

    def __init__(self, path: Path, pytester: pytest.Pytester | None = None) -> None:
        self._pytester = pytester
        self.path = path
        self.write("pytest.ini", "[pytest]\ntestpaths = references\n")

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def task(self, name: str = "double", text: str | None = None) -> Path:
        """Write a task file: that of ``x * 2`` unless another text is given."""
        return self.write(
            f"references/{name}.py", HEADER + "\n\n" + (text or TASK).format(name=name)
        )

    def kernel(self, name: str = "double", value: str = "x * 2", before: str = "") -> Path:
        """Write a kernel file that stores ``value``, after ``before`` ran in its wrapper."""
        before = textwrap.indent(textwrap.dedent(before), "    ")
        return self.write(
            f"kernels/{name}.py", KERNEL.format(name=name, value=value, before=before)
        )

    def ini(self, *lines: str) -> None:
        """Add lines to the ini file."""
        with (self.path / "pytest.ini").open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def run(self, *arguments: str | Path) -> pytest.RunResult:
        """Run pytest in a process of its own."""
        assert self._pytester is not None
        folder = self._pytester.path / "basetemp"
        command = (python(), "-m", "pytest", f"--basetemp={folder}", *arguments)
        return self._pytester.run(*command, timeout=120)

    def run_here(self, *arguments: str | Path) -> pytest.RunResult:
        """Run pytest inside this process, which has torch already.

        Hypothesis keeps its seed, profile and database for the life of a process: runs that
        are about those, or that fail in test_fuzz, are not for here.
        """
        assert self._pytester is not None
        return self._pytester.runpytest_inprocess(*arguments)

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start pytest and leave it running, as the leader of its own process group.

        All that it starts descends from it.
        """
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *map(str, arguments)],
            cwd=self.path,
            env={**os.environ, VARIABLE: ""},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def records(self, folder: str = "out") -> list[dict[str, Any]]:
        """Every record that was written below ``--tb-results``."""
        lines = (self.path / folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]
