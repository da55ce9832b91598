"""What a call has written of the memory that its arguments lie in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from pytest_tritonbench.sandbox import ListArg, TensorArg
from pytest_tritonbench.sandbox import Value as Argument


def same_bytes(a: memoryview, b: memoryview) -> bool:
    """Whether two stretches of memory of one length are equal."""
    # Words of eight bytes are compared three times as fast as bytes.
    words = min(len(a), len(b)) // 8
    one, other = (np.frombuffer(part, np.int64, words) for part in (a, b))
    return np.array_equal(one, other) and a[8 * words :] == b[8 * words :]


def tensor_args(args: Iterable[tuple[str, Argument]]) -> Iterator[tuple[str, TensorArg]]:
    """The tensors of a call's arguments, those in lists too, with a name for each."""
    for name, arg in args:
        match arg:
            case TensorArg():
                yield name, arg
            case ListArg(items=items) | tuple(items):
                inside = ((f"{name}[{number}]", part) for number, part in enumerate(items))
                yield from tensor_args(inside)
            case _:
                pass


def changed_around(arg: TensorArg, before: memoryview, after: memoryview) -> bool:
    """Whether a tensor's storage was written outside of the tensor: in its guards or gaps."""
    itemsize = getattr(torch, arg.dtype).itemsize
    differs = np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8)
    touched = torch.from_numpy(differs).view(-1, itemsize).any(dim=1)
    touched.as_strided(arg.shape, arg.strides, arg.offset).fill_(0)
    return bool(touched.any())
