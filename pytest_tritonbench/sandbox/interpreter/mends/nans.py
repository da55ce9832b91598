"""``tl.maximum``, ``tl.minimum`` and ``tl.clamp`` treat NaN as the compiled code does.

Fault: without ``propagate_nan`` the compiler emits ``max.f32``, which returns the operand that is
not NaN; the interpreter calls ``numpy.maximum``, which returns NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.language as tl
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter.seams import inside, replace

VERSIONS = "3.6.0 - 3.7.1"


def applies() -> bool:
    """Return whether NaN wins over a number."""
    builder = triton_interpreter.interpreter_builder
    nan, one = builder.get_fp32(float("nan")), builder.get_fp32(1.0)
    return bool(np.isnan(inside(builder, "create_maxnumf")(nan, one).data[0]))


def apply() -> None:
    """Return the number unless NaN is asked for."""
    builder = triton_interpreter.InterpreterBuilder

    def larger(self: Any, a: Any, b: Any) -> Any:
        return self.binary_op(a, b, np.fmax)

    def smaller(self: Any, a: Any, b: Any) -> Any:
        return self.binary_op(a, b, np.fmin)

    original_clamp = inside(builder, "create_clampf")

    def clamp(self: Any, value: Any, low: Any, high: Any, propagate: Any) -> Any:
        if propagate == tl.PropagateNan.ALL:
            return original_clamp(self, value, low, high, propagate)
        return smaller(self, larger(self, value, low), high)

    replace(builder, "create_maxnumf", larger)
    replace(builder, "create_minnumf", smaller)
    replace(builder, "create_clampf", clamp)
