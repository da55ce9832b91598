"""A whole number divided by zero is not zero.

Fault: the interpreter returns NumPy's 0, which is the first block's number and the first element's
place, so that a kernel which divides by a count of blocks that is 0 is right by accident. PTX
leaves quotient and remainder open ("unspecified, machine-specific"): they have every bit set here,
which shows, and matters as little as on a GPU where a mask leaves the lane out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter.seams import inside, replace

VERSIONS = "3.6.0 - 3.7.1"

_DIVISIONS = ("create_sdiv", "create_udiv", "create_srem", "create_urem")


def applies() -> bool:
    """Return whether one divided by zero is zero."""
    builder = triton_interpreter.interpreter_builder
    one, zero = builder.get_int32(1), builder.get_int32(0)
    with np.errstate(all="ignore"):
        return bool(inside(builder, "create_sdiv")(one, zero).data[0] == 0)


def apply() -> None:
    """Set every bit where the divisor is zero."""
    builder = triton_interpreter.InterpreterBuilder

    def mended(original: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
        def divide(self: Any, a: Any, b: Any) -> Any:
            zero = np.equal(b.data, 0)
            if not zero.any():
                return original(self, a, b)
            with np.errstate(all="ignore"):
                found = original(self, a, b)
            every_bit = ~found.data.dtype.type(0)
            found.data = np.where(zero, every_bit, found.data)
            return found

        return divide

    for name in _DIVISIONS:
        replace(builder, name, mended(inside(builder, name)))
