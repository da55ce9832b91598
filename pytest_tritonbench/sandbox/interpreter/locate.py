"""Where in the candidate's file an error of the compiler or the interpreter belongs."""

from __future__ import annotations

import ast
import linecache
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from triton.compiler.errors import CompilationError
from triton.runtime.errors import InterpreterError, PTXASError


@dataclass(frozen=True)
class Location:
    """A line of the candidate's file and what is wrong with it."""

    kernel: str | None
    """The function that the line belongs to; ``None`` at module level or when not known."""
    line: int
    """Counted from 1 in the file; 0 when no line of the file is known."""
    text: str
    """The source line without its indentation; empty when ``line`` is 0."""
    message: str
    """The error in a line or two."""


def locate(error: BaseException, filename: str | Path) -> Location:
    """Return where an error arose.

    Args:
        error: What the candidate raised, with its causes and traceback.
        filename: The candidate's file, as Python names it in tracebacks.
    """
    filename = str(filename)
    chain = list(_chain(error))
    found = _compiled(chain, filename) or _launched(chain, filename) or _raised(chain, filename)
    kernel, line = found or (None, 0)
    text = linecache.getline(filename, line).strip() if line else ""
    return Location(kernel, line, text, _message(chain))


def limitation(error: BaseException) -> str | None:
    """Return what the interpreter cannot do, if that is why an error arose.

    Such an error says nothing about the candidate: inline assembly, scaled dots and gathers into
    shared memory compile and run on a GPU.
    """
    for link in _chain(error):
        if isinstance(link, NotImplementedError) and "interpreter" in str(link):
            return str(link)
        if isinstance(link, AttributeError) and "InterpreterBuilder" in str(link):
            return f"the interpreter lacks {link.name}"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, outermost first."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _compiled(chain: list[BaseException], filename: str) -> tuple[str | None, int] | None:
    """Find the innermost compilation error whose source is in the file."""
    for link in reversed(chain):
        if not isinstance(link, CompilationError) or link.src is None:
            continue
        start = _definition(link.src, filename)
        line = getattr(link.node, "lineno", None)
        if start and line:
            name, first = start
            return name, first + line - 1
    return None


def _definition(source: str, filename: str) -> tuple[str, int] | None:
    """Return the name of a function's source and the line of the file on which it starts."""
    text = "".join(linecache.getlines(filename))
    try:
        tree = ast.parse(text)
        name = next(n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef))
    except (SyntaxError, StopIteration):
        return None
    lines = text.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            here = textwrap.dedent("\n".join(lines[node.lineno - 1 : node.end_lineno]))
            if here.strip() == source.strip():
                return name, node.lineno
    return None


def _launched(chain: list[BaseException], filename: str) -> tuple[str | None, int] | None:
    """Find the definition of the kernel whose launch failed as a whole (resources, ptxas)."""
    if any(isinstance(link, InterpreterError) for link in chain):
        return None
    for link in chain:
        for frame in reversed(list(_frames(link.__traceback__))):
            jit = frame.tb_frame.f_locals.get("self")
            function: Any = getattr(jit, "fn", None)
            code = getattr(function, "__code__", None)
            if type(jit).__name__ == "JITFunction" and code and code.co_filename == filename:
                return function.__name__, _def_line(function)
    return None


def _def_line(function: Any) -> int:
    """Return the line of ``def``, past the decorators."""
    code = function.__code__
    for offset, line in enumerate(linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]):
        if line.lstrip().startswith("def "):
            return int(code.co_firstlineno + offset)
    return int(code.co_firstlineno)


def _raised(chain: list[BaseException], filename: str) -> tuple[str | None, int] | None:
    """Find the innermost frame of the file."""
    for link in reversed(chain):
        inner = [
            frame
            for frame in _frames(link.__traceback__)
            if frame.tb_frame.f_code.co_filename == filename
        ]
        if inner:
            name = inner[-1].tb_frame.f_code.co_name
            return (None if name == "<module>" else name), inner[-1].tb_lineno
    return None


def _frames(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _message(chain: list[BaseException]) -> str:
    for link in chain:
        if isinstance(link, PTXASError):
            return _short(f"PTXASError: {_assembler_said(str(link))}")
    for link in reversed(chain):
        if isinstance(link, CompilationError):
            if link.error_message:
                return _short(link.error_message)
        elif not isinstance(link, InterpreterError):
            return _short(f"{type(link).__name__}: {link}")
    return _short(str(chain[0]) or type(chain[0]).__name__)


def _assembler_said(message: str) -> str:
    """What is wrong, among the assembler's remarks; what caused the error is only its exit code."""
    lines = [" ".join(line.split()) for line in message.splitlines()]
    faulty = re.compile(r"ptxas (fatal|error|[^,]*, line \d+; error)")
    wrong = (line for line in lines if faulty.match(line))
    return next(wrong, lines[0] if lines else "")


def _short(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return "\n".join(lines[:2])[:400]
