"""How much there is to do in a case: operations, and bytes that move."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task, by_name
from pytest_tritonbench.task.pieces import TensorPiece

_NARROW = (torch.int8, torch.uint8)


@dataclass(frozen=True)
class Work:
    """What a case asks for, whoever does it."""

    flops: float | None
    """Operations; ``None`` where the task does not say."""

    nbytes: float
    """Bytes that move if every input is read once and every output written once."""

    least_bytes: float
    """Bytes that no right answer can do without. Fewer than ``nbytes`` where values of the inputs
    (indices, masks, labels) decide what is read: of that, nothing is certain."""

    dtype: str
    """Dtype of the arithmetic, by which peaks are told apart."""


def work(task: Task, case: Case, arguments: Mapping[str, Any], answer: Any) -> Work:
    """Count the work of a case.

    The task's own ``flops`` and ``moved`` count, called with dims, scalars and arguments by name. A
    ``moved`` that takes a tensor has looked at the data, so that its bytes are certain. Without it
    the bytes of the tensors are added up: an argument that is changed in place is read and written;
    an element that a broadcast repeats lies in memory once; a part of the answer that lies in an
    argument's memory was counted there, or costs nothing.

    Args:
        task: The task.
        case: One of its cases.
        arguments: What the reference was called with.
        answer: What it returned: a tensor, or a nest of tuples, lists and dicts with tensors.
    """
    tensors = {n: v for n, v in arguments.items() if isinstance(v, torch.Tensor)}
    known = {**case.values, **arguments}
    changed = [tensors[name] for name in task.mutates if name in tensors]
    held = {tensor.untyped_storage().data_ptr() for tensor in tensors.values()}
    made = [t for t in _leaves(answer) if t.untyped_storage().data_ptr() not in held]
    written = _bytes(changed) + _bytes(made)
    if task.moved is not None:
        nbytes = float(by_name(task.moved, known))
        certain = bool(set(inspect.signature(task.moved).parameters) & set(tensors))
    else:
        nbytes = float(_bytes(tensors.values()) + written)
        certain = False
    certain = certain or not any(_steers(task, name, tensor) for name, tensor in tensors.items())
    return Work(
        flops=None if task.flops is None else float(by_name(task.flops, known)),
        nbytes=nbytes,
        least_bytes=nbytes if certain else float(min(nbytes, _bytes(made))),
        dtype=_arithmetic(case, tensors.values()),
    )


def _steers(task: Task, name: str, tensor: torch.Tensor) -> bool:
    """Whether the values of an argument may decide which others are read."""
    if tensor.is_floating_point() or tensor.dtype in _NARROW:
        return False
    # Integers that are drawn as a tensor's values are data; a mask never is.
    return tensor.dtype == torch.bool or not isinstance(task.inputs[name], TensorPiece)


def _arithmetic(case: Case, tensors: Iterable[torch.Tensor]) -> str:
    """The widest of the arguments that have two dims or more; the case's own among equals.

    Vectors are scales and biases, which say little about the product beside them.
    """
    large = [tensor.dtype for tensor in tensors if tensor.dim() >= 2]
    floats = [dtype for dtype in large if dtype.is_floating_point]
    if not floats:
        return "int8" if torch.int8 in large else case.dtype
    width = max(dtype.itemsize for dtype in floats)
    names = [str(d).removeprefix("torch.") for d in floats if d.itemsize == width]
    return case.dtype if case.dtype in names else names[0]


def _bytes(tensors: Iterable[torch.Tensor]) -> int:
    return sum(
        tensor.itemsize
        * math.prod(
            size if stride else min(size, 1)
            for size, stride in zip(tensor.shape, tensor.stride(), strict=True)
        )
        for tensor in tensors
    )


def _leaves(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Mapping):
        return [leaf for part in value.values() for leaf in _leaves(part)]
    if isinstance(value, list | tuple):
        return [leaf for part in value for leaf in _leaves(part)]
    return []
