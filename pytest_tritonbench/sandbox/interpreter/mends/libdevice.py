"""``libdevice`` functions are computed with NumPy and PyTorch.

Fault: in the interpreter ``tl.extra.libdevice.tanh`` is an empty Python function that returns
``None``, and ``tl.extra.cuda.libdevice.tanh`` raises NotImplementedError.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import triton.language as tl
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter import libdevice_functions
from pytest_tritonbench.sandbox.interpreter.mends import formats
from pytest_tritonbench.sandbox.interpreter.seams import inside, replace

VERSIONS = "3.6.0 - 3.7.1"


def applies() -> bool:
    """Return whether the public ``libdevice`` is made of empty functions."""
    public = importlib.import_module("triton.language.extra.libdevice")
    return not hasattr(public.exp, "__wrapped__")


def apply() -> None:
    """Compute external functions, and reach them from every spelling of ``libdevice``.

    The compiler recognises these functions by module and name, which the replacements keep, and
    hands them its own ``_semantic``; without one they belong to the interpreter.
    """
    replace(triton_interpreter.InterpreterBuilder, "create_extern_elementwise", _compute)
    original_erf = inside(triton_interpreter.InterpreterBuilder, "create_erf")

    def erf(self: Any, argument: Any) -> Any:
        if argument.data.dtype not in (np.float32, np.float64):
            return original_erf(self, argument)
        data = libdevice_functions.find("erf")(argument.data)
        return triton_interpreter.TensorHandle(data, argument.dtype.scalar)

    replace(triton_interpreter.InterpreterBuilder, "create_erf", erf)
    cuda = importlib.import_module("triton.language.extra.cuda.libdevice")
    public = importlib.import_module("triton.language.extra.libdevice")
    hip = importlib.import_module("triton.language.extra.hip.libdevice")
    _dispatch_all(hip, {})
    _dispatch_all(public, _dispatch_all(cuda, {}))


def _dispatch_all(
    module: ModuleType, implementations: dict[str, Callable[..., Any]]
) -> dict[str, Callable[..., Any]]:
    dispatchers = {}
    for name, function in list(vars(module).items()):
        if getattr(function, "__module__", None) != module.__name__ or not callable(function):
            continue
        if tl.core.is_builtin(function) or name in implementations:
            dispatchers[name] = _dispatcher(function, implementations.get(name, function))
            setattr(module, name, dispatchers[name])
    return dispatchers


def _dispatcher(declared: Callable[..., Any], computed: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(declared)
    def call(*args: Any, _semantic: Any = None, **kwargs: Any) -> Any:
        if _semantic is not None:
            return computed(*args, **kwargs, _semantic=_semantic)
        semantic = triton_interpreter.interpreter_semantic
        tensors = [a if isinstance(a, tl.tensor) else semantic.to_tensor(a) for a in args]
        return computed(*tensors, **kwargs, _semantic=semantic)

    return call


def _compute(
    builder: Any, library: str, path: str, symbol: str, operands: Any, result: Any, pure: Any
) -> Any:
    del builder, library, path, pure
    dtype = formats.numpy_dtype(result.scalar)
    function = libdevice_functions.find(symbol)
    with np.errstate(all="ignore"):
        data = np.asarray(function(*(operand.data for operand in operands)))
    return triton_interpreter.TensorHandle(data.astype(dtype), result.scalar)
