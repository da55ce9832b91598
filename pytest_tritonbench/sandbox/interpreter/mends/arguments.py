"""Scalar arguments have the type that the compiler gives them.

Fault: the interpreter passes a ``bool`` on as an int32 or fails on it, leaves a ``float`` a Python
number (so ``eps.to(tl.float16)`` fails), and does not know NumPy's scalars. The compiler makes them
an int1 and a float32 tensor.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.language as tl
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter.seams import inside, replace

VERSIONS = "3.6.0 - 3.7.1"


def applies() -> bool:
    """Return whether a float stays a Python number."""
    return isinstance(inside(triton_interpreter, "_implicit_cvt")(0.5), float)


def apply() -> None:
    """Convert scalars before Triton's own conversion sees them."""
    original = inside(triton_interpreter, "_implicit_cvt")

    def convert(argument: Any) -> Any:
        if isinstance(argument, bool | np.bool_):
            return _scalar(np.array([argument], dtype=np.bool_), tl.int1)
        if isinstance(argument, float | np.floating):
            return _scalar(np.array([argument], dtype=np.float32), tl.float32)
        if isinstance(argument, np.integer):
            argument = int(argument)
        return original(argument)

    replace(triton_interpreter, "_implicit_cvt", convert)


def _scalar(data: Any, dtype: Any) -> Any:
    return tl.tensor(triton_interpreter.TensorHandle(data, dtype), dtype)
