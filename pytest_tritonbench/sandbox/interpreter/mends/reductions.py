"""``tl.sum`` of floats adds in their own precision, as a tree.

Fault: the interpreter leaves the order to NumPy: along any axis but the contiguous one it adds one
element after another, bfloat16 always so, and float16 is accumulated in float32 along a contiguous
axis. The compiled code adds within and across threads as a tree and rounds every partial sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter.seams import inside, replace

VERSIONS = "3.6.0 - 3.7.1"


def applies() -> bool:
    """Return whether the interpreter has the seam."""
    return hasattr(triton_interpreter.ReduceOps, "sum")


def apply() -> None:
    """Halve the axis until one element is left."""
    original = inside(triton_interpreter.ReduceOps, "sum")

    def add_up(self: Any, tensor: Any) -> Any:
        data = tensor.handle.data
        if not tensor.dtype.is_floating():
            return original(self, tensor)
        axis = self.axis
        if axis is None:
            total = _tree(data.reshape(-1), 0)
            total = total.reshape((1,) * data.ndim) if self.keep_dims else total[0]
        else:
            total = _tree(data, axis)
            total = total if self.keep_dims else np.squeeze(total, axis)
        return self.to_tensor(total, tensor.dtype)

    replace(triton_interpreter.ReduceOps, "sum", add_up)


def _tree(data: Any, axis: int) -> Any:
    data = np.moveaxis(data, axis, 0)
    while (size := len(data)) > 1:
        half = size // 2
        pairs = data[:half] + data[half : 2 * half]
        # Triton's blocks are powers of two; an odd one keeps its last element for the next round.
        data = np.concatenate([pairs, data[2 * half :]]) if size % 2 else pairs
    return np.moveaxis(data, 0, axis)
