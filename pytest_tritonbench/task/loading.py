"""Read a task file."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_tritonbench.task.declaration import MARK, Task


class TaskFileError(Exception):
    """A task file cannot be used; the message names the file and, where there is one, the line."""


@dataclass(frozen=True)
class TaskFile:
    """A task and the file it was read from."""

    task: Task
    path: Path
    digest: str
    """SHA-256 of the file's content, in hex."""


def load(path: Path) -> TaskFile:
    """Run a task file and take the one task it declares.

    Raises:
        TaskFileError: If the file cannot be read or run, or declares no task, several tasks, or a
            task of another name than the file's.
    """
    try:
        source = path.read_bytes()
    except OSError as e:
        raise TaskFileError(f"{path}: cannot read the task file: {e.strerror}") from None
    module = _run(path)
    tasks = {
        id(made): made
        for value in vars(module).values()
        if (made := getattr(value, MARK, None)) is not None
    }
    found: list[Task] = list(tasks.values())
    if not found:
        raise TaskFileError(
            f"{path}: no task here; put @task(...) from pytest_tritonbench over the function "
            f"{path.stem!r} that defines it"
        )
    if len(found) > 1:
        names = ", ".join(f"{made.name} (line {made.line})" for made in found)
        raise TaskFileError(f"{path}: one task a file, but this one has {names}; split it")
    [made] = found
    if made.name != path.stem:
        raise TaskFileError(
            f"{path}:{made.line}: the task is called {made.name!r} and its file {path.stem!r}; "
            f"give both the same name, as the kernel file has it too"
        )
    return TaskFile(made, path, hashlib.sha256(source).hexdigest())


def _run(path: Path) -> Any:
    name = f"pytest_tritonbench_task_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TaskFileError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Declared while it runs: dataclasses and the like look their own module up.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as e:
        sys.modules.pop(name, None)
        raise TaskFileError(f"{_place(path, e)}: {type(e).__name__}: {e}") from e
    return module


def _place(path: Path, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path}:{error.lineno}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)
