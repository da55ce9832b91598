"""A pytest plugin in which GPU kernels are test cases.

A task file imports what it needs from here: :func:`task` and the pieces that inputs are built
from. Nothing is loaded before it is asked for, because every pytest run of the environment imports
this package for its plugin.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_tritonbench.task.case import Case
    from pytest_tritonbench.task.declaration import Task, task
    from pytest_tritonbench.task.extents import Dim, dim
    from pytest_tritonbench.task.layouts import ANY, CONTIGUOUS, ROWS
    from pytest_tritonbench.task.pieces import (
        choice,
        derived,
        index,
        integer,
        integers,
        number,
        tensor,
        uniform,
    )

__all__ = [
    "ANY",
    "CONTIGUOUS",
    "ROWS",
    "Case",
    "Dim",
    "Task",
    "choice",
    "derived",
    "dim",
    "index",
    "integer",
    "integers",
    "number",
    "task",
    "tensor",
    "uniform",
]

_HOMES = {
    "Case": "case",
    "Task": "declaration",
    "Dim": "extents",
    "dim": "extents",
    "ANY": "layouts",
    "CONTIGUOUS": "layouts",
    "ROWS": "layouts",
}


def __getattr__(name: str) -> Any:
    """Load a public name from the module that defines it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.task.{_HOMES.get(name, 'pieces')}"), name)


class _Package(ModuleType):
    """This package: ``task`` is the decorator, although a subpackage has that name, too."""

    @property
    def task(self) -> Any:
        """The decorator that declares a task."""
        return import_module(f"{__name__}.task.declaration").task

    @task.setter
    def task(self, subpackage: ModuleType) -> None:
        """Called by the import system for the subpackage, which is found without it."""


sys.modules[__name__].__class__ = _Package
