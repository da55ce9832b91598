"""The calls that a test made to its entry point, read as arguments by parameter name."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from pytest_tritonbench.sandbox import TensorOut

REQUIRED = object()
"""The default of a parameter that has none, or none that can be read off the source."""

_DTYPE = re.compile(r"torch\.(\w+)")


class RecordedCall(Protocol):
    """One call as the sandbox delivers it."""

    @property
    def name(self) -> str:
        """The function that was called."""

    @property
    def result(self) -> Any:
        """What it returned."""

    @property
    def raised(self) -> str | None:
        """The exception's class name, where the call raised one."""

    @property
    def arguments(self) -> Any:
        """``{"args": [...], "kwargs": {...}}`` before the call."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of the entry point."""

    name: str
    star: bool = False
    """It takes all further positional arguments."""

    keyword: bool = False
    """It can only be passed by keyword."""

    default: Any = REQUIRED


@dataclass(frozen=True)
class Foreign:
    """An argument that is neither a tensor nor plain data."""

    kind: str


@dataclass(frozen=True)
class Recorded:
    """One recorded call."""

    arguments: Mapping[str, Any]
    """Parameter to CPU tensor, plain value, :class:`Foreign`, or a list or tuple of these."""

    keywords: frozenset[str]
    """Parameters that were passed by keyword."""


def signature_of(source: str, entry: str) -> tuple[Parameter, ...] | None:
    """The parameters of a function at the top level of a module, without running it.

    Returns:
        ``None`` if the module assigns the name to something that is no ``def``.

    Raises:
        ValueError: If the name is a class, or missing.
    """
    found: ast.stmt | None = None
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if name == entry:
                found = node
            case ast.Assign(targets=targets) if _assigns(targets, entry):
                found = node
            case _:
                pass
    match found:
        case ast.FunctionDef(args=args):
            return _parameters(args)
        case ast.ClassDef():
            raise ValueError(f"{entry} is a class")
        case ast.Assign():
            return None
        case _:
            raise ValueError(f"no function {entry} at the module's top level")


def _assigns(targets: Sequence[ast.expr], entry: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == entry for target in targets)


def _parameters(args: ast.arguments) -> tuple[Parameter, ...]:
    places = [*args.posonlyargs, *args.args]
    bare: list[ast.expr | None] = [None] * (len(places) - len(args.defaults))
    found = [
        Parameter(arg.arg, default=_literal(default))
        for arg, default in zip(places, [*bare, *args.defaults], strict=True)
    ]
    if args.vararg is not None:
        found.append(Parameter(args.vararg.arg, star=True))
    found += [
        Parameter(arg.arg, keyword=True, default=_literal(default))
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    ]
    return tuple(found)


def _literal(node: ast.expr | None) -> Any:
    if node is None:
        return REQUIRED
    try:
        return ast.literal_eval(node)
    except ValueError:
        return REQUIRED


def read(call: RecordedCall, parameters: tuple[Parameter, ...] | None) -> Recorded:
    """The arguments of a call by parameter name.

    Args:
        call: As recorded.
        parameters: Of the entry point; ``None`` where they are not known.
    """
    given = call.arguments
    args = [_value(node) for node in given["args"]]
    named = {str(name): _value(node) for name, node in given["kwargs"].items()}
    places = [p for p in parameters or () if not p.keyword]
    found: dict[str, Any] = {}
    for number, value in enumerate(args):
        at = min(number, len(places) - 1)
        if at >= 0 and places[at].star:
            found[f"{places[at].name}_{number - at}"] = value
        elif number < len(places):
            found[places[number].name] = value
        else:
            found[f"argument{number}"] = value
    return Recorded({**found, **named}, frozenset(named))


def _value(node: Any) -> Any:
    match node:
        case TensorOut():
            return _tensor(node)
        case str() if named := _DTYPE.fullmatch(node):
            dtype = getattr(torch, named[1], None)
            return dtype if isinstance(dtype, torch.dtype) else node
        case None | bool() | int() | float() | str() | torch.Tensor() | torch.dtype():
            return node
        case list():
            return [_value(part) for part in node]
        case tuple():
            return tuple(_value(part) for part in node)
        case _:
            return Foreign(str(getattr(node, "kind", type(node).__name__)))


def _tensor(out: TensorOut) -> torch.Tensor:
    dtype: torch.dtype = getattr(torch, out.dtype)
    if not math.prod(out.shape):
        return torch.empty(out.shape, dtype=dtype)
    return torch.frombuffer(bytearray(out.data), dtype=dtype).view(out.shape)


def tensors(value: Any) -> list[torch.Tensor]:
    """The tensors of an argument."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, list | tuple):
        return [tensor for part in value for tensor in tensors(part)]
    return []


def undefined(value: Any) -> bool:
    """Whether a result has NaN in it."""
    if isinstance(value, dict):
        return any(map(undefined, value.values()))
    if isinstance(value, list | tuple):
        return any(map(undefined, value))
    if isinstance(value, TensorOut):
        tensor = _tensor(value)
        return tensor.is_floating_point() and bool(torch.isnan(tensor).any())
    return isinstance(value, float) and math.isnan(value)


def foreign(value: Any) -> list[str]:
    """The kinds of what an argument holds that is neither tensor nor plain data."""
    if isinstance(value, Foreign):
        return [value.kind]
    if isinstance(value, list | tuple):
        return [kind for part in value for kind in foreign(part)]
    return []
