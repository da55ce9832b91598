"""What is asked of a candidate: one call, described by bytes in an arena and plain values."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class TensorArg:
    """A tensor whose storage lies in the input arena."""

    dtype: str
    """Name without the `torch.`: `"float32"`."""
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In elements."""
    offset: int
    """First element, counted in elements from the storage's start."""
    start: int
    """Where the storage starts in the arena, in bytes."""
    nbytes: int
    """Bytes of the whole storage."""

    @property
    def dense(self) -> bool:
        """Whether its elements lie side by side in memory, in any order of the dims."""
        count = math.prod(self.shape)
        steps = zip(self.shape, self.strides, strict=True)
        return count > 0 and sum((size - 1) * step for size, step in steps) == count - 1


@dataclass(frozen=True)
class ListArg:
    """A Python list, where a tuple would not be the same."""

    items: "tuple[Value, ...]"


@dataclass(frozen=True)
class DtypeArg:
    """A `torch.dtype`."""

    name: str
    """Name without the `torch.`: `"float32"`."""


Value: TypeAlias = (
    "TensorArg | ListArg | DtypeArg | bool | int | float | str | tuple[Value, ...] | None"
)


@dataclass(frozen=True)
class Call:
    """One call of the entry point."""

    args: tuple[tuple[str, Value], ...]
    """Parameter name and value, in the order in which they are passed."""
    keywords: tuple[str, ...] = ()
    """Parameters of `args` that are passed by keyword, after all others."""
    gradients: tuple[str, ...] = ()
    """Tensor arguments whose gradients are wanted."""
    cotangents: tuple[TensorArg | None, ...] = ()
    """One for each tensor of the output, in order; `None` leaves that output out."""
    launches: bool = True
    """False runs the wrapper with every Triton launch made a no-op."""
    poison: bool = True
    """Fill what `torch.empty` and its like return with NaN, the largest integer or True."""
    fill: int = 0
    """1: fill it with another, finite value instead."""
    seed: int = 0
    """Seed of the process's random generators, set just before the call."""
    compile: bool = False
    """Compile each specialisation for the sandbox's targets as well (CPU only)."""


def encode_value(value: Value) -> Any:
    """A value as JSON."""
    if isinstance(value, TensorArg):
        fields = (value.dtype, value.shape, value.strides, value.offset, value.start, value.nbytes)
        return {"tensor": fields}
    if isinstance(value, ListArg):
        return {"list": [encode_value(item) for item in value.items]}
    if isinstance(value, DtypeArg):
        return {"dtype": value.name}
    if isinstance(value, tuple):
        return [encode_value(item) for item in value]
    return value


def decode_value(data: Any) -> Value:
    """The value that `encode_value` wrote."""
    if isinstance(data, dict):
        if "list" in data:
            return ListArg(tuple(decode_value(item) for item in data["list"]))
        if "dtype" in data:
            return DtypeArg(data["dtype"])
        dtype, shape, strides, offset, start, nbytes = data["tensor"]
        return TensorArg(dtype, tuple(shape), tuple(strides), offset, start, nbytes)
    if isinstance(data, list):
        return tuple(decode_value(item) for item in data)
    if data is None or isinstance(data, bool | int | float | str):
        return data
    raise TypeError(f"{type(data).__name__} is no value of a call")


def encode_call(call: Call) -> dict[str, Any]:
    """A call as JSON."""
    return {
        "args": [[name, encode_value(value)] for name, value in call.args],
        "keywords": list(call.keywords),
        "gradients": list(call.gradients),
        "cotangents": [encode_value(cotangent) for cotangent in call.cotangents],
        "launches": call.launches,
        "poison": call.poison,
        "fill": call.fill,
        "seed": call.seed,
        "compile": call.compile,
    }


def decode_call(data: Mapping[str, Any]) -> Call:
    """The call that `encode_call` wrote."""
    cotangents = tuple(decode_value(item) for item in data["cotangents"])
    return Call(
        args=tuple((name, decode_value(value)) for name, value in data["args"]),
        keywords=tuple(data["keywords"]),
        gradients=tuple(data["gradients"]),
        cotangents=tuple(c if isinstance(c, TensorArg) else None for c in cotangents),
        launches=data["launches"],
        poison=data["poison"],
        fill=data["fill"],
        seed=data["seed"],
        compile=data["compile"],
    )


def tensors_in(*values: Value) -> Iterator[TensorArg]:
    """Every tensor of these values, those in lists and tuples too."""
    for value in values:
        match value:
            case TensorArg():
                yield value
            case ListArg(items=items) | tuple(items):
                yield from tensors_in(*items)
            case _:
                pass


def arena_bytes(call: Call) -> int:
    """How far into the input arena the call's tensors reach."""
    found = tensors_in(*(value for _, value in call.args), *call.cotangents)
    return max((arg.start + arg.nbytes for arg in found), default=0)
