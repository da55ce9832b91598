"""Nests of values: what a call returns, taken apart into leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from pytest_tritonbench.judge.sample import Sample

HOST = "host"
"""Without a GPU, where all tensors are on the ``cpu``: what would not be on the GPU."""


def kind_of(device: str, *, on_gpu: bool) -> str:
    """The kind of device that a delivered tensor was on, as :attr:`Value.device` has it.

    Args:
        device: What the tensor was said to be on: ``cuda:0``.
        on_gpu: Whether candidates run on a GPU; else they only believe to.
    """
    kind = device.partition(":")[0]
    if on_gpu:
        return kind
    return "cpu" if kind == "cuda" else HOST


@dataclass(frozen=True)
class Value:
    """A tensor as it was delivered."""

    tensor: torch.Tensor
    """The elements, contiguous, on the CPU, in memory of the judging process."""

    strides: tuple[int, ...]
    """Strides in elements that the tensor had where it was made."""

    device: str
    """Kind of device it was on: ``cpu`` or ``cuda``; or :data:`HOST`."""

    sample: Sample | None = None
    """Which elements ``tensor`` holds, where it is not the whole."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole tensor."""
        return tuple(self.tensor.shape) if self.sample is None else self.sample.shape


# A Value, a number, a string, None, or a tuple, list or dict of nests.
Nest = Any


def leaves(nest: Nest, path: str) -> Iterator[tuple[str, Any]]:
    """The leaves of a nest with a readable path to each."""
    match nest:
        case tuple() | list():
            for number, part in enumerate(nest):
                yield from leaves(part, f"{path}[{number}]")
        case dict():
            for key, part in nest.items():
                yield from leaves(part, f"{path}[{key!r}]")
        case _:
            yield path, nest


def mapped(nest: Nest, change: Callable[[Any], Any]) -> Nest:
    """The same nest with every leaf changed."""
    match nest:
        case tuple() | list():
            return type(nest)(mapped(part, change) for part in nest)
        case dict():
            return {key: mapped(part, change) for key, part in nest.items()}
        case _:
            return change(nest)


def tensors(nest: Nest) -> Nest:
    """The same nest with plain tensors in place of :class:`Value`."""
    return mapped(nest, lambda leaf: leaf.tensor if isinstance(leaf, Value) else leaf)


def shape_of(nest: Nest) -> str:
    """The structure in words: ``tuple of 2 (tensor, None)``."""
    match nest:
        case tuple() | list():
            inside = ", ".join(shape_of(part) for part in nest)
            return f"{type(nest).__name__} of {len(nest)} ({inside})"
        case dict():
            return f"dict with {', '.join(map(repr, nest)) or 'no keys'}"
        case Value() | torch.Tensor():
            return "tensor"
        case None:
            return "None"
        case _:
            return type(nest).__name__
