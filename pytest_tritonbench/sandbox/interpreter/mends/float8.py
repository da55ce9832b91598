"""float8 conversions round to nearest even and saturate.

Fault: the interpreter's own conversion is off by up to a factor of two (its rounding does not carry
into the exponent) and overflows to NaN where ``cvt.rn.satfinite`` gives the largest value.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
import triton.language as tl
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter.mends import formats
from pytest_tritonbench.sandbox.interpreter.seams import inside

VERSIONS = "3.6.0 - 3.7.1"


def applies() -> bool:
    """Return whether float8 is held as uint8."""
    return bool(inside(triton_interpreter, "_get_np_dtype")(tl.float8e5) == np.uint8)


def apply() -> None:
    """Hold the four float8 formats that NumPy can be taught as real number formats."""
    formats.register(tl.float8e4nv, ml_dtypes.float8_e4m3fn, saturates_at=448.0)
    formats.register(tl.float8e5, ml_dtypes.float8_e5m2, saturates_at=57344.0)
    formats.register(tl.float8e4b8, ml_dtypes.float8_e4m3fnuz, saturates_at=240.0)
    formats.register(tl.float8e5b16, ml_dtypes.float8_e5m2fnuz, saturates_at=57344.0)
