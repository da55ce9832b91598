"""``tl.cumsum`` of floats adds as a tree.

Fault: the interpreter adds one element after another (``np.cumsum``), so the error of a prefix
grows with its length. The compiled code scans within and across threads as a tree, whose error
grows with the logarithm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter.seams import inside, replace

VERSIONS = "3.6.0 - 3.7.1"


def applies() -> bool:
    """Return whether the interpreter has the seam."""
    return hasattr(triton_interpreter.ScanOps, "cumsum")


def apply() -> None:
    """Double the reach of every prefix until it spans the axis."""
    original = inside(triton_interpreter.ScanOps, "cumsum")

    def add_up(self: Any, tensor: Any) -> Any:
        if not tensor.dtype.is_floating():
            return original(self, tensor)
        data = np.moveaxis(tensor.handle.data, self.axis, -1)
        reach = 1
        while reach < data.shape[-1]:
            data = np.concatenate(
                [data[..., :reach], data[..., reach:] + data[..., :-reach]], axis=-1
            )
            reach *= 2
        found = np.ascontiguousarray(np.moveaxis(data, -1, self.axis))
        return [self.to_tensor(found, dtype=tensor.dtype)]

    replace(triton_interpreter.ScanOps, "cumsum", add_up)
