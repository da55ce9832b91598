"""``and``, ``or`` and ``not`` act on every element of a block.

Fault: the interpreter leaves them to Python. A block tensor counts as true, so ``a and b`` is
``b``, ``a or b`` is ``a`` and ``not a`` is ``False``: masks lose an operand in silence. The
compiler applies the logical operation to the elements, and drops constants that decide nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import triton.language as tl
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter.seams import replace

VERSIONS = "3.6.0 - 3.7.1"

_ALL, _ANY, _NOT = "_tritonbench_all", "_tritonbench_any", "_tritonbench_not"


def applies() -> bool:
    """Return whether the interpreter's source transformation leaves ``and`` alone."""
    return not hasattr(triton_interpreter.ASTTransformer, "visit_BoolOp")


def apply() -> None:
    """Rewrite the three operators into calls when a kernel's source is rewritten."""
    for name, function in injected().items():
        setattr(triton_interpreter, name, function)
    replace(triton_interpreter.FunctionRewriter, "ast_transformer", _Operators())


def injected() -> dict[str, Callable[..., Any]]:
    """Return the functions that rewritten kernels call, by the name they call them."""
    return {_ALL: _all, _ANY: _any, _NOT: _not}


class _Operators(ast.NodeTransformer):
    """Rewrites assignments as Triton does, and the logical operators besides."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        node.value = self.visit(node.value)
        node.targets = [self.visit(target) for target in node.targets]
        if len(node.targets) > 1:
            raise ValueError("Multiple assignments are not supported")
        to_tensor = ast.Attribute(ast.Name("interpreter_semantic", ast.Load()), "to_tensor")
        to_tensor.ctx = ast.Load()
        node.value = ast.Call(to_tensor, [node.value, ast.Constant(value=False)], [])
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        name = _ALL if isinstance(node.op, ast.And) else _ANY
        # Later operands are evaluated only when the compiler would visit them.
        return ast.Call(ast.Name(name, ast.Load()), [_later(v) for v in node.values], [])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Not):
            return node
        return ast.Call(ast.Name(_NOT, ast.Load()), [node.operand], [])


def _later(value: ast.expr) -> ast.expr:
    none: list[Any] = []
    return ast.Lambda(ast.arguments([], [], None, [], [], None, none), value)


def _all(*operands: Callable[[], Any]) -> Any:
    return _combined(operands, "logical_and", decisive=False)


def _any(*operands: Callable[[], Any]) -> Any:
    return _combined(operands, "logical_or", decisive=True)


def _combined(operands: tuple[Callable[[], Any], ...], method: str, *, decisive: bool) -> Any:
    result = value = None
    for operand in operands:
        value = operand()
        if not isinstance(value, tl.tensor):
            if bool(value) is decisive:
                return value
        elif result is None:
            result = value
        else:
            result = getattr(_truth(result), method)(_truth(value))
    return value if result is None else result


def _truth(value: Any) -> Any:
    # A scalar argument may be an integer here where the compiler has a constant.
    if value.type.is_block() or value.type.scalar.is_int1():
        return value
    return value != 0


def _not(value: Any) -> Any:
    if isinstance(value, tl.tensor) and value.type.is_block():
        return value.__not__()
    return not value
