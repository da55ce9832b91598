"""What the scripts of this folder share: the bundled tasks, cases of them, and how tables look."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, given

from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.loading import TaskFile, load
from pytest_tritonbench.task.strategy import cases

ROOT = Path(__file__).resolve().parents[1]

# As many elements as fuzzing draws without a GPU.
ELEMENTS = 1 << 14


def task_files(names: Sequence[str] = ()) -> list[TaskFile]:
    """The bundled tasks of these names, or all of them."""
    paths = sorted((ROOT / "references").glob("*.py"))
    known = [path.stem for path in paths]
    for name in names:
        if name not in known:
            raise SystemExit(f"no bundled task {name!r}; there are {', '.join(known)}")
    return [load(path) for path in paths if not names or path.stem in names]


def kernel_source(name: str) -> str:
    """Source of a bundled kernel."""
    return (ROOT / "kernels" / f"{name}.py").read_text()


def drawn(task: Task, count: int, *, elements: int = ELEMENTS, seed: int = 0) -> list[Case]:
    """Draw cases of a task as fuzzing does, the same ones every time.

    Args:
        task: The task.
        count: How many; fewer where the task has fewer that differ.
        elements: No tensor argument gets more elements than this.
        seed: Of the draw.
    """
    found: list[Case] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(task, elements=elements))
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found


def setting(*packages: str) -> str:
    """One line that says what a table was made on."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    load_now = os.getloadavg()[0]
    return (
        f"{os.cpu_count()}-core {platform.machine()} CPU machine (load average {load_now:.1f}), "
        f"Python {platform.python_version()}, {versions}"
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text, the first flush left and the others flush right."""
    lines = [list(heads), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def say(text: str) -> None:
    """Show progress where it does not mix with the table."""
    print(text, file=sys.stderr, flush=True)
