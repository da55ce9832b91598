"""A kernel's module gains no names, and a kernel may be made by a function.

Fault: the interpreter copies its own globals (``math``, ``np``, ``ast``, ``inspect``, ...) into the
module of every kernel, which hides a missing import from the author and changes what the wrapper
sees. It also loses the variables of an enclosing function, which the compiler captures.
"""

from __future__ import annotations

from typing import Any

import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter.mends import logic
from pytest_tritonbench.sandbox.interpreter.seams import replace

VERSIONS = "3.6.0 - 3.7.1"


def applies() -> bool:
    """Return whether the interpreter has the seam."""
    return hasattr(triton_interpreter.FunctionRewriter, "_compile_and_exec")


def apply() -> None:
    """Add to a module only what a rewritten kernel calls."""
    replace(triton_interpreter.FunctionRewriter, "_compile_and_exec", _define)


def _define(rewriter: Any, tree: Any) -> Any:
    original = rewriter.fn
    scope = original.__globals__
    scope["interpreter_semantic"] = triton_interpreter.interpreter_semantic
    scope.update(logic.injected())
    enclosed = original.__closure__ or ()
    free = original.__code__.co_freevars
    made: dict[str, Any] = {}
    captured = {n: cell.cell_contents for n, cell in zip(free, enclosed, strict=True)}
    code = compile(tree, rewriter.filename, "exec", dont_inherit=True)
    if not captured:
        exec(code, scope, made)  # noqa: S102 - this is how the interpreter runs a kernel
        return made[original.__name__]
    # A copy, because captured names must not leak into the module; a kernel made by a function
    # finds its module complete by the time that it is launched.
    exec(code, {**scope, **captured}, made)  # noqa: S102 - as above
    return made[original.__name__]
