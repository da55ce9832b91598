"""Atomic operations work on bfloat16.

Fault: ``tl.atomic_add`` on a bfloat16 pointer raises, since the native code knows no such dtype.
Programs run one after another here, so a read, an operation and a write are atomic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter.mends.formats import bits_of
from pytest_tritonbench.sandbox.interpreter.seams import inside, replace

VERSIONS = "3.6.0 - 3.7.1"

_OPERATIONS = {"FADD": np.add, "MAX": np.maximum, "MIN": np.minimum, "XCHG": lambda _, new: new}


def applies() -> bool:
    """Return whether the native code does the atomic operations."""
    return hasattr(inside(triton_interpreter, "_interpreter"), "atomic_rmw")


def apply() -> None:
    """Emulate the atomic operations of the formats that NumPy lacks."""
    original = inside(triton_interpreter.InterpreterBuilder, "create_atomic_rmw")

    def create_atomic_rmw(
        self: Any, operation: Any, pointer: Any, value: Any, mask: Any, sem: Any, scope: Any
    ) -> Any:
        if bits_of(value.data.dtype) is None:
            return original(self, operation, pointer, value, mask, sem, scope)
        name = str(operation).rsplit(".", maxsplit=1)[-1]
        if name not in _OPERATIONS:
            raise ValueError(f"atomic {name} is not defined for {value.dtype}")
        before = _one_by_one(_OPERATIONS[name], pointer.data, value.data, mask.data)
        return triton_interpreter.TensorHandle(before, value.dtype.scalar)

    replace(triton_interpreter.InterpreterBuilder, "create_atomic_rmw", create_atomic_rmw)


def _one_by_one(operation: Any, pointers: Any, values: Any, mask: Any) -> Any:
    native = inside(triton_interpreter, "_interpreter")
    bits = np.dtype(f"u{values.dtype.itemsize}")
    shape = values.shape
    addresses = np.broadcast_to(pointers, shape).ravel()
    before = np.zeros(values.size, dtype=values.dtype)
    flat = values.ravel()
    one = np.ones(1, dtype=bool)
    for lane in np.flatnonzero(np.broadcast_to(mask, shape)):
        address = addresses[lane : lane + 1].copy()
        held = native.load(address, one, np.zeros(1, dtype=bits), bits).view(values.dtype)
        before[lane] = held[0]
        result = np.ascontiguousarray(operation(held, flat[lane : lane + 1])).view(bits)
        native.store(address, result, one)
    return before.reshape(shape)
