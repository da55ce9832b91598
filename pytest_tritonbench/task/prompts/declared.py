"""A declared task as the subject of a prompt."""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Callable, Iterator
from typing import Any

from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.layouts import ANY, possible
from pytest_tritonbench.task.pieces import (
    ChoicePiece,
    CountPiece,
    DerivedPiece,
    Extent,
    IntegerPiece,
    NumberPiece,
    Piece,
    Scalar,
    TensorPiece,
)
from pytest_tritonbench.task.prompts.subject import Argument, Subject, Target

WIDTH = 100

_LAYOUTS = {
    "contiguous": "contiguous",
    "transposed": "last two dims swapped in memory",
    "gap": "rows padded",
    "strided": "every second element of the last dim",
    "offset": "not starting at an aligned address",
    "expanded": "stride 0 in the first dim",
}
_SPECIAL = {
    "special": "floating point inputs may hold NaN and infinities",
    "masked": "whole rows of floating point inputs may be -inf",
}


def subject_of(task: Task, target: Target) -> Subject:
    """What a prompt may know of a declared task.

    Args:
        task: Its reference is read for the signature and the docstring, never for its body; its
            cases, sweep and rules are not read at all.
        target: What the kernel is written for.
    """
    where = None if task.where is None else constraint(task.where)
    special = [words for pattern, words in _SPECIAL.items() if pattern in task.patterns]
    return Subject(
        name=task.name,
        target=target,
        entry=task.name,
        signature=signature(task.name, task.reference),
        doc=task.doc,
        brief=task.doc,
        requires=(task.name,),
        arguments=tuple(_argument(task, name, piece) for name, piece in task.inputs.items()),
        dtypes=task.dtypes if any(map(_takes_dtype, task.inputs.values())) else (),
        dims={name: limits.describe() for name, limits in task.dims.items()},
        constraints=tuple(([where] if where else []) + special),
    )


def signature(name: str, function: Callable[..., Any]) -> str:
    """The first line of a function's definition, broken where it is too long.

    Args:
        name: What the function is called.
        function: Only its signature is read.
    """
    found = inspect.signature(function)
    parameters = [_plain(part) for part in _parameters(found)]
    empty = inspect.Signature.empty
    returns = found.return_annotation
    end = "):" if returns is empty else f") -> {_annotation(returns)}:"
    line = f"def {name}({', '.join(parameters)}{end}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"def {name}(", *(f"    {part}," for part in parameters), end])


def _parameters(found: inspect.Signature) -> Iterator[inspect.Parameter | str]:
    kinds = inspect.Parameter
    starred = False
    for parameter in found.parameters.values():
        if parameter.kind is kinds.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        starred = starred or parameter.kind is kinds.VAR_POSITIONAL
        yield parameter


def _plain(parameter: inspect.Parameter | str) -> str:
    if isinstance(parameter, str):
        return parameter
    empty = inspect.Parameter.empty
    stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
    stars = "**" if parameter.kind is parameter.VAR_KEYWORD else stars
    text = f"{stars}{parameter.name}"
    if parameter.annotation is not empty:
        text += f": {_annotation(parameter.annotation)}"
    if parameter.default is empty:
        return text
    space = " " if parameter.annotation is not empty else ""
    return f"{text}{space}={space}{parameter.default!r}"


def _annotation(given: Any) -> str:
    return given if isinstance(given, str) else inspect.formatannotation(given)


def constraint(where: Callable[..., bool]) -> str | None:
    """A constraint over dims and scalars, as an expression or in words.

    Args:
        where: A lambda, whose expression is taken, or a function, whose docstring is.

    Returns:
        ``None`` where neither can be told; the docstring of the task must say it then.
    """
    if where.__doc__:
        return inspect.cleandoc(where.__doc__).partition("\n")[0]
    code = where.__code__
    text = "".join(linecache.getlines(code.co_filename))
    try:
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Lambda)]
    except SyntaxError:
        return None
    names = list(inspect.signature(where).parameters)
    found = {
        ast.unparse(node.body)
        for node in nodes
        if node.lineno == code.co_firstlineno and [a.arg for a in node.args.args] == names
    }
    return found.pop() if len(found) == 1 else None


def _takes_dtype(piece: Piece) -> bool:
    return isinstance(piece, TensorPiece) and piece.dtype is None


def _argument(task: Task, name: str, piece: Piece) -> Argument:
    mutated, differentiable = name in task.mutates, name in task.gradients
    match piece:
        case TensorPiece():
            return Argument(
                name,
                "tensor",
                piece.dtype or _one_of(task.dtypes),
                shape=_shape(piece.dims),
                layouts=_layouts(piece.layouts, len(piece.dims)),
                optional=piece.optional,
                broadcast=piece.broadcast,
                mutated=mutated,
                differentiable=differentiable,
            )
        case IntegerPiece():
            return Argument(
                name,
                "tensor",
                _integers(piece),
                shape=_shape(piece.dims),
                layouts=_layouts(piece.layouts, len(piece.dims)),
                optional=piece.optional,
                mutated=mutated,
            )
        case DerivedPiece():
            told = "shape, dtype and values as the docstring says"
            return Argument(name, "tensor", told, mutated=mutated, differentiable=differentiable)
        case ChoicePiece(among=among):
            return Argument(name, "scalar", _choice(among))
        case NumberPiece(low=low, high=high):
            return Argument(name, "scalar", f"a float from {low:g} to {high:g}")
        case CountPiece(low=low, high=high):
            told = f"the int {low}" if low == high else f"an int from {low} to {high}"
            return Argument(name, "scalar", told)


def _integers(piece: IntegerPiece) -> str:
    words = f"{piece.dtype}, from {piece.low} to below {piece.high}"
    words += f", or {' or '.join(map(str, piece.also))}" if piece.also else ""
    return words + (", all different" if piece.unique else "")


def _choice(among: tuple[Scalar, ...]) -> str:
    """The options where they are all there is; those of a number are a mere sample of it."""
    numbers = {type(v) for v in among if isinstance(v, int | float) and not isinstance(v, bool)}
    kept = [repr(v) for v in among if type(v) not in numbers]
    kept += [word for kind, word in ((int, "an int"), (float, "a float")) if kind in numbers]
    return _one_of(kept)


def _one_of(words: tuple[str, ...] | list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _shape(dims: tuple[Extent, ...]) -> str:
    return f"({', '.join(map(str, dims))}{',' if len(dims) == 1 else ''})"


def _layouts(layouts: tuple[str, ...], rank: int) -> str:
    fit = possible(layouts, rank)
    if fit == possible(ANY, rank):
        return "any strides and storage offset"
    return _one_of([_LAYOUTS[name] for name in fit])
