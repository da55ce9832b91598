"""``tl.dot`` multiplies in the operands' values and accumulates in float32.

Fault: the interpreter multiplies the raw bits of bfloat16, accumulates in NumPy's slow generic
loops for int8 and float16, and multiplies float32 exactly where the default of an NVIDIA GPU since
Ampere is TF32. The tensor cores multiply exactly and accumulate in float32 (float16 results are
rounded at the end; int8 accumulates exactly in int32); TF32 ignores the low 13 bits of an operand.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import triton.language as tl
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter.seams import replace

VERSIONS = "3.6.0 - 3.7.1"


_settings = {"tf32": False}


def applies() -> bool:
    """Return whether the interpreter can be taught a dot product at all."""
    return hasattr(triton_interpreter.InterpreterBuilder, "create_dot")


def apply() -> None:
    """Multiply in a dtype that BLAS has and that holds every product."""
    replace(triton_interpreter.InterpreterBuilder, "create_dot", _dot)
    builder = triton_interpreter.interpreter_builder
    allowed = dict.fromkeys((*builder.options.allowed_dot_input_precisions, "bf16x3", "bf16x6"))
    builder.options = dataclasses.replace(
        builder.options, allowed_dot_input_precisions=tuple(allowed)
    )


def model_tf32(*, enabled: bool) -> None:
    """Set whether float32 products lose what TF32 loses, unless ``"ieee"`` is asked for."""
    _settings["tf32"] = enabled


def _dot(
    builder: Any, a: Any, b: Any, accumulator: Any, input_precision: Any, max_imprecise: Any
) -> Any:
    del builder, max_imprecise
    result = accumulator.data.dtype
    # Products of int8 summed over any K that fits in memory are exact in float64.
    exact = result.kind in "iu" or result == np.float64
    wide: np.dtype[Any] = np.dtype(np.float64 if exact else np.float32)
    left, right = _as(a, wide), _as(b, wide)
    if _settings["tf32"] and a.dtype.scalar == tl.float32 and str(input_precision).endswith("TF32"):
        left, right = _truncated(left), _truncated(right)
    product = np.matmul(left, right)
    total = product.astype(result) + accumulator.data if result.kind in "iu" else None
    if total is None:
        total = (product + accumulator.data.astype(wide)).astype(result)
    return triton_interpreter.TensorHandle(total, accumulator.dtype.scalar)


def _truncated(data: Any) -> Any:
    kept = (data.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)
    return np.where(np.isfinite(data), kept, data)


def _as(operand: Any, wide: np.dtype[Any]) -> Any:
    if operand.dtype.scalar == tl.float8e4b15:
        half = triton_interpreter.interpreter_builder.create_fp_to_fp(operand, tl.float16, None)
        return half.data.astype(wide)
    return operand.data.astype(wide)
