"""Answers on their way from the reference's process to the judge, through shared memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from pytest_tritonbench.judge.nest import Nest, Value, mapped
from pytest_tritonbench.judge.sample import Sample, Sampler
from pytest_tritonbench.judge.verdict import Answer
from pytest_tritonbench.sandbox import Arena, TensorArg


def name_of(dtype: torch.dtype) -> str:
    """``"float32"`` for ``torch.float32``."""
    return str(dtype).removeprefix("torch.")


class Storages:
    """Storages of tensors in an arena, and where each of them lies.

    Args:
        arena: Shared memory; allocations made here are never freed one by one.
    """

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self._starts: dict[int, tuple[int, int]] = {}

    def allocate(self, dtype: torch.dtype, count: int) -> torch.Tensor:
        """A one-dimensional tensor of ``count`` elements in the arena."""
        nbytes = max(1, count) * dtype.itemsize
        start = self.arena.allocate(nbytes)
        view = self.arena.view(start, nbytes)
        storage = torch.frombuffer(view, dtype=dtype, count=max(1, count))[:count]
        self._starts[storage.untyped_storage().data_ptr()] = (start, nbytes)
        return storage

    def describe(self, tensor: torch.Tensor) -> TensorArg:
        """Where a tensor whose storage was allocated here lies."""
        start, nbytes = self._starts[tensor.untyped_storage().data_ptr()]
        return TensorArg(
            name_of(tensor.dtype),
            tuple(tensor.shape),
            tensor.stride(),
            int(tensor.storage_offset()),
            start,
            nbytes,
        )


def view(arena: Arena, arg: TensorArg) -> torch.Tensor:
    """The tensor that ``arg`` describes, as a view of the arena."""
    dtype: torch.dtype = getattr(torch, arg.dtype)
    storage = torch.frombuffer(arena.view(arg.start, arg.nbytes), dtype=dtype)
    return storage.as_strided(arg.shape, arg.strides, arg.offset)


def encode_answer(answer: Answer, storages: Storages) -> dict[str, Any]:
    """Put an answer's tensors into the arena and describe it as JSON."""
    return {
        "output": _encode(answer.output, storages),
        "mutated": {n: _encode(v, storages) for n, v in answer.mutated.items()},
        "gradients": {n: _encode(v, storages) for n, v in answer.gradients.items()},
    }


def decode_answer(data: Mapping[str, Any], arena: Arena) -> Answer:
    """The answer that :func:`encode_answer` wrote; its tensors are views of the arena."""
    return Answer(
        _decode(data["output"], arena),
        {n: _decode(v, arena) for n, v in data["mutated"].items()},
        {n: _decode(v, arena) for n, v in data["gradients"].items()},
    )


def as_values(nest: Nest, sampler: Sampler | None = None) -> Nest:
    """Tensors of any device as :class:`Value` on the CPU; named tuples as tuples.

    Args:
        nest: What a function returned.
        sampler: Takes a sample of large tensors before they leave their device.
    """
    return mapped(_plain(nest), lambda leaf: _as_value(leaf, sampler))


def _plain(nest: Nest) -> Nest:
    # torch.return_types and named tuples take their items one by one, not as one sequence.
    if isinstance(nest, tuple):
        return tuple(_plain(part) for part in nest)
    if isinstance(nest, list):
        return [_plain(part) for part in nest]
    if isinstance(nest, dict):
        return {key: _plain(part) for key, part in nest.items()}
    return nest


def _as_value(leaf: Any, sampler: Sampler | None) -> Any:
    if not isinstance(leaf, torch.Tensor):
        return leaf
    found = leaf.detach()
    sample = None if sampler is None else sampler.choose(tuple(found.shape))
    taken = found if sample is None else sample.take(found)
    return Value(taken.cpu().contiguous(), found.stride(), found.device.type, sample)


def _encode(nest: Nest, storages: Storages) -> Any:
    match nest:
        case tuple() | list():
            kind = "tuple" if isinstance(nest, tuple) else "list"
            return {kind: [_encode(part, storages) for part in nest]}
        case dict():
            return {"dict": [[key, _encode(part, storages)] for key, part in nest.items()]}
        case Value(tensor=tensor, strides=strides, device=device, sample=sample):
            count = tensor.numel()
            storage = storages.allocate(tensor.dtype, count)
            storage.copy_(tensor.reshape(-1))
            start, nbytes = storages.describe(storage).start, count * tensor.dtype.itemsize
            shape = list(tensor.shape)
            described = [name_of(tensor.dtype), shape, list(strides), device, start, nbytes]
            taken = None if sample is None else [sample.shape, sample.starts, sample.length]
            return {"tensor": described, "sample": taken}
        case _:
            return {"plain": nest}


def _decode(data: Mapping[str, Any], arena: Arena) -> Nest:
    match data:
        case {"tuple": parts}:
            return tuple(_decode(part, arena) for part in parts)
        case {"list": parts}:
            return [_decode(part, arena) for part in parts]
        case {"dict": pairs}:
            return {key: _decode(part, arena) for key, part in pairs}
        case {"tensor": [dtype, shape, strides, device, start, nbytes], "sample": taken}:
            tensor = tensor_from(dtype, shape, arena.view(start, nbytes))
            sample = None if taken is None else Sample(*map(_tupled, taken))
            return Value(tensor, tuple(strides), device, sample)
        case _:
            return data["plain"]


def _tupled(part: Any) -> Any:
    return tuple(part) if isinstance(part, list) else part


def tensor_from(dtype: str, shape: tuple[int, ...], data: memoryview) -> torch.Tensor:
    """A contiguous tensor over bytes; no copy is made."""
    kind: torch.dtype = getattr(torch, dtype)
    count = math.prod(shape)
    if not count:
        return torch.empty(tuple(shape), dtype=kind)
    return torch.frombuffer(data, dtype=kind, count=count).view(tuple(shape))
