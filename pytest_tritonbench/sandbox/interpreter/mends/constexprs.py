"""A quoted ``"tl.constexpr"`` annotation marks a compile-time constant.

Fault: with ``from __future__ import annotations`` and a quoted annotation the interpreter sees
``"'tl.constexpr'"``, does not recognise it and turns the constant into a tensor, so that
``tl.arange(0, BLOCK)`` fails. The compiler looks for the word anywhere in the annotation.
"""

from __future__ import annotations

import functools
from typing import Any

import triton.runtime.interpreter as triton_interpreter

VERSIONS = "3.6.0 - 3.7.1"


def applies() -> bool:
    """Return whether the doubly quoted annotation is missed."""

    def probe(block: Any) -> None:
        del block

    probe.__annotations__["block"] = "'tl.constexpr'"
    return not triton_interpreter.GridExecutor(probe, ["block"], (1,)).constexprs


def apply() -> None:
    """Read the annotations as the compiler does."""
    original = triton_interpreter.GridExecutor.__init__

    @functools.wraps(original)
    def create(self: Any, fn: Any, arg_names: Any, grid: Any, *rest: Any, **more: Any) -> None:
        original(self, fn, arg_names, grid, *rest, **more)
        annotated = fn.__annotations__
        self.constexprs = [n for n in arg_names if "constexpr" in _text(annotated.get(n, ""))]

    triton_interpreter.GridExecutor.__init__ = create


def _text(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
