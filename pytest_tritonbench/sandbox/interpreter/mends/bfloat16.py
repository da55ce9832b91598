"""bfloat16 is computed as bfloat16.

Fault: the interpreter keeps bfloat16 as uint16 and adds, multiplies and compares the raw bits; it
truncates float32 to bfloat16 where the compiler rounds to nearest even; a bfloat16 constant
(``tl.full(..., dtype=tl.bfloat16)``) raises AttributeError.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import triton.language as tl
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter.mends import formats
from pytest_tritonbench.sandbox.interpreter.seams import inside

VERSIONS = "3.6.0 - 3.7.1"


def applies() -> bool:
    """Return whether bfloat16 is held as uint16."""
    return bool(inside(triton_interpreter, "_get_np_dtype")(tl.bfloat16) == np.uint16)


def apply() -> None:
    """Hold bfloat16 as a real number format."""
    formats.register(tl.bfloat16, ml_dtypes.bfloat16)

    def get_bf16(self: Any, value: float) -> Any:
        del self
        return triton_interpreter.TensorHandle(
            np.array([value], dtype=ml_dtypes.bfloat16), tl.bfloat16
        )

    # Not `replace`: Triton's builder has no such method, which is the fault.
    triton_interpreter.InterpreterBuilder.get_bf16 = get_bf16
