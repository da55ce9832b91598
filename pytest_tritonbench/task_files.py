"""Which files are task files, and whether a run has any: neither is opened as Python."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest


def is_task_file(path: Path, globs: tuple[str, ...]) -> bool:
    """Whether a file lies where task files lie and imports this package.

    The second half keeps a folder that merely shares the name out of every run.
    """
    if not any(path.match(glob) for glob in globs):
        return False
    try:
        return b"pytest_tritonbench" in path.read_bytes()
    except OSError:
        # Left to the loader, which says why it cannot be read.
        return True


def has_task_file(config: pytest.Config, globs: tuple[str, ...]) -> bool:
    """Whether what pytest was told to run has a task file in it.

    For decisions that fall before anything is collected, which a controller of pytest-xdist never
    does: what is deselected later counts.

    Args:
        config: pytest's.
        globs: Of task files.
    """
    pruned = config.getini("norecursedirs")
    return any(is_task_file(path, globs) for path in _files(config, pruned))


def _files(config: pytest.Config, pruned: list[str]) -> Iterator[Path]:
    for argument in config.args:
        top = config.invocation_params.dir / argument.partition("::")[0]
        if top.is_file():
            yield top
            continue
        for folder, below, files in os.walk(top):
            below[:] = [
                name
                for name in below
                if not any(fnmatch(name, pattern) for pattern in pruned)
                and not Path(folder, name, "pyvenv.cfg").exists()
            ]
            yield from (Path(folder, name) for name in files if name.endswith(".py"))
