"""The upstream test part of a script: parsed, and made to show its function's local variables."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from . import loading

HOOK = "__tritonbench_locals__"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class TestPart:
    """A test part, ready to run."""

    __test__ = False

    code: CodeType
    arguments: frozenset[str]
    """Parameters of its function, which are not its locals."""
    imports: frozenset[str]
    """Modules that it imports."""


def compile_part(text: str, path: Path, function: str) -> TestPart:
    """Compile a test part; its function hands its locals to `HOOK` whenever it ends.

    Raises:
        loading.CandidateError: it is no Python.
    """
    loading.write(text, path)
    loading.parse(text, path)
    tree = ast.parse(text)
    arguments: set[str] = set()
    for node in _definitions(tree, function):
        arguments |= {argument.arg for argument in _arguments(node.args)}
        node.body = [_handing_over(node.body)]
    ast.fix_missing_locations(tree)
    return TestPart(loading.parse(tree, path), frozenset(arguments), frozenset(_imports(tree)))


def _definitions(tree: ast.Module, name: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Definitions of the module-level function, those within a condition too."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, _FUNCTIONS):
            if node.name == name:
                yield node
        elif isinstance(node, ast.stmt) and not isinstance(node, ast.ClassDef):
            pending += ast.iter_child_nodes(node)


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from (extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None)


def _handing_over(body: list[ast.stmt]) -> ast.stmt:
    """The body, and however it ends its locals are handed over."""
    last = body[-1].end_lineno or body[-1].lineno
    call = ast.parse(f"{HOOK}(locals())").body
    for node in ast.walk(call[0]):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = last  # type: ignore[attr-defined]  # just asked
    return ast.copy_location(ast.Try(body, [], [], call), body[0])


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def hook(keep: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """What stands behind `HOOK`: the locals of the function's last run end up in `keep`."""

    def take(found: dict[str, Any]) -> None:
        keep.clear()
        keep.update(found)

    return take
