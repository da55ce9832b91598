"""``tl.sum`` of 16-bit floats adds in 16 bits, as a tree.

Fault: the interpreter leaves the order to NumPy: float16 is accumulated in float32 along a
contiguous axis and one element after another along any other, bfloat16 always the latter. The
compiled code adds within and across threads as a tree, rounding every partial sum to 16 bits.
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
        if data.dtype.itemsize != 2 or not tensor.dtype.is_floating():
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
    while (size := data.shape[axis]) > 1:
        # Triton's blocks are powers of two; an odd one keeps its last element for the next round.
        left, right, rest = np.split(data, [size // 2, size // 2 * 2], axis)
        data = np.concatenate([left + right, rest], axis)
    return data
