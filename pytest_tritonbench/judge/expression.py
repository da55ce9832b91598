"""Small expressions over a call's arguments, as the special rules write them.

``sigmoid(linear(input, weight, bias))`` is data: names are arguments, calls are to a fixed list of
PyTorch's functions. Nothing else can be said, and nothing is evaluated by Python.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Mult: operator.mul,
    ast.MatMult: operator.matmul,
}


def _probability(probs: torch.Tensor | None, logits: torch.Tensor | None) -> torch.Tensor:
    if probs is not None:
        return probs
    if logits is None:
        raise ValueError("neither probs nor logits")
    return torch.sigmoid(logits)


def _even_gelu(x: torch.Tensor, approximate: str = "none") -> torch.Tensor:
    """What two published references call GELU: they leave out its linear part, but for tanh."""
    if approximate == "tanh":
        return functional.gelu(x, approximate="tanh")
    return x * torch.erf(x / math.sqrt(2)) / 2


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "batch_norm": functional.batch_norm,
    "bmm": torch.bmm,
    "conv2d": functional.conv2d,
    "even_gelu": _even_gelu,
    "gelu": functional.gelu,
    "hardshrink": functional.hardshrink,
    "layer_norm": functional.layer_norm,
    "linear": functional.linear,
    "log_softmax": functional.log_softmax,
    "mv": torch.mv,
    "probs_or_logits": _probability,
    "relu": functional.relu,
    "rms_norm": functional.rms_norm,
    "sigmoid": torch.sigmoid,
    "size": lambda tensor, dim: tensor.size(dim),
    "softmax": functional.softmax,
}


class ExpressionError(ValueError):
    """An expression or a signature that says what cannot be said."""


def bound(signature: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call by the names that a signature gives them.

    Args:
        signature: ``(input, p=0.5, *, out=None)``; defaults are literals.
        arguments: ``{"args": [...], "kwargs": {...}}``.

    Raises:
        ExpressionError: The call does not fit the signature.
    """
    spec = _spec(signature)
    names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    found = _defaults(spec, names)
    given = list(arguments["args"])
    if spec.vararg is not None:
        found[spec.vararg.arg] = tuple(given[len(names) :])
        given = given[: len(names)]
    if len(given) > len(names):
        raise ExpressionError(f"{len(given)} arguments for {signature}")
    found.update(zip(names, given, strict=False))
    found.update(arguments["kwargs"])
    missing = [a for a in (*names, *(a.arg for a in spec.kwonlyargs)) if a not in found]
    if missing:
        raise ExpressionError(f"no {', '.join(missing)} for {signature}")
    return found


def _spec(signature: str) -> ast.arguments:
    try:
        (function,) = ast.parse(f"def f{signature}: ...").body
    except SyntaxError as e:
        raise ExpressionError(f"{signature} is no signature: {e.msg}") from None
    if not isinstance(function, ast.FunctionDef):
        raise ExpressionError(f"{signature} is no signature")
    return function.args


def _defaults(spec: ast.arguments, names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if spec.defaults:
        pairs = zip(names[-len(spec.defaults) :], spec.defaults, strict=True)
        found.update((name, ast.literal_eval(value)) for name, value in pairs)
    for name, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
        if default is not None:
            found[name.arg] = ast.literal_eval(default)
    return found


def evaluated(
    expression: str, names: Mapping[str, Any], further: Mapping[str, Any] | None = None
) -> Any:
    """The value of an expression.

    Args:
        expression: ``dropout(sigmoid(linear(input, weight, bias)))``.
        names: The arguments of the call.
        further: Functions beside PyTorch's: what dropout is to do.

    Raises:
        ExpressionError: It uses a name or a construct that there is not.
    """
    functions = {**_FUNCTIONS, **(further or {})}
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError as e:
        raise ExpressionError(f"{expression} is no expression: {e.msg}") from None

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.Name(id=name) if name in names:
                return names[name]
            case ast.Tuple(elts=parts):
                return tuple(value(part) for part in parts)
            case ast.BinOp(op=how) if type(how) in _OPERATORS:
                return _OPERATORS[type(how)](value(node.left), value(node.right))
            case ast.Call(func=ast.Name(id=name)) if name in functions:
                keywords = {k.arg: value(k.value) for k in node.keywords if k.arg is not None}
                return functions[name](*map(value, node.args), **keywords)
            case _:
                raise ExpressionError(f"{ast.unparse(node)} in {expression} says nothing")

    return value(tree)


def widened(names: Mapping[str, Any]) -> dict[str, Any]:
    """The same arguments with every floating point tensor in float64."""
    return {
        name: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v
        for name, v in names.items()
    }
