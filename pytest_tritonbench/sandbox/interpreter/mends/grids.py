"""A grid may be a list.

Fault: the interpreter adds a tuple of ones to the grid, which fails for a list (given or returned
by a function of the meta-parameters); the compiled launch only measures and indexes it. A bare
integer is refused by both.
"""

from __future__ import annotations

import functools
from typing import Any

import triton.runtime.interpreter as triton_interpreter

VERSIONS = "3.6.0 - 3.7.1"


def applies() -> bool:
    """Return whether a list is kept as it is."""
    return isinstance(triton_interpreter.GridExecutor(applies, [], [1]).grid, list)


def apply() -> None:
    """Make a tuple of every grid."""
    original = triton_interpreter.GridExecutor.__init__

    @functools.wraps(original)
    def create(self: Any, fn: Any, arg_names: Any, grid: Any, *rest: Any, **more: Any) -> None:
        if callable(grid):
            original(self, fn, arg_names, lambda meta: tuple(grid(meta)), *rest, **more)
        else:
            original(self, fn, arg_names, tuple(grid), *rest, **more)

    triton_interpreter.GridExecutor.__init__ = create
