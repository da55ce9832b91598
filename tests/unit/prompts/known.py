"""The bundled tasks as subjects of prompts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.loading import load
from pytest_tritonbench.task.prompts.declared import subject_of
from pytest_tritonbench.task.prompts.subject import Subject, Target

ROOT = Path(__file__).resolve().parents[3]
TARGET = Target("sm_90", "3.7.1", "NVIDIA H200", "2.13.0")
NAMES = sorted(path.stem for path in (ROOT / "references").glob("*.py"))


@cache
def task(name: str) -> Task:
    """A bundled task."""
    return load(ROOT / "references" / f"{name}.py").task


def subject(name: str) -> Subject:
    """A bundled task as a prompt sees it."""
    return subject_of(task(name), TARGET)


def kernel(name: str) -> str:
    """The source of a bundled kernel."""
    return (ROOT / "kernels" / f"{name}.py").read_text()
