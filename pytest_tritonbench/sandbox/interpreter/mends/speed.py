"""A launch patches the language once.

Fault: the interpreter patches some 400 names of ``triton.language`` for every launch and again for
every call of a device function (``tl.sum``, ``tl.cdiv``, ...), wrapping them once more each time,
and copies all storages to the host and back.
"""

from __future__ import annotations

from typing import Any

import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter import execution
from pytest_tritonbench.sandbox.interpreter.seams import replace

VERSIONS = "3.6.0 - 3.7.1"


def applies() -> bool:
    """Return whether launches are still Triton's own."""
    return triton_interpreter.GridExecutor.__call__ is not execution.launch


def apply() -> None:
    """Launch and call device functions by way of :mod:`execution`."""
    replace(triton_interpreter.GridExecutor, "__call__", execution.launch)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return execution.call_device_function(self, *args, **kwargs)

    replace(triton_interpreter.InterpretedFunction, "__call__", call)
