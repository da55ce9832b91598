"""Puts the recorder in the way of a module's names, each in the way that leaves the module whole.

A name keeps meaning the object that the module's own code refers to: a class stays the class, a
kernel the kernel that other kernels call. What is replaced is what a test can reach: the function
behind a name, a class's methods, a kernel's launch.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from triton.runtime.jit import KernelInterface

from .recording import Recorder, wrapped

_Function = torch.autograd.Function
_Module = torch.nn.Module


def record(recorder: Recorder, namespace: dict[str, Any], names: Iterable[str]) -> None:
    """Have the recorder see every call that a test makes to these names.

    Args:
        recorder: who is told.
        namespace: the module's dictionary.
        names: what the test uses of it; what cannot be called is left alone.
    """
    done: set[int] = set()
    for name in names:
        value = namespace[name]
        if id(value) in done and not inspect.isroutine(value):
            continue
        done.add(id(value))
        if isinstance(value, type):
            _class(recorder, name, value, namespace)
        elif isinstance(value, KernelInterface):
            _kernel(recorder, name, value)
        elif isinstance(value, _Module):
            _instance(recorder, name, value)
        elif callable(value):
            namespace[name] = wrapped(recorder, name, value)


def _kernel(recorder: Recorder, name: str, kernel: Any) -> None:
    """Record `kernel[grid](...)`; kernels that call this one find the same object."""

    def launch(*args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        # Looked up at each launch: the interpreter and the launch log patch the class.
        run = functools.partial(type(kernel).run, kernel, grid=grid, warmup=warmup)
        if warmup:
            return run(*args, **kwargs)
        return recorder.call(name, run, args, kwargs, launch=True)

    kernel.run = launch


def _instance(recorder: Recorder, name: str, module: torch.nn.Module) -> None:
    forward = module.forward

    @functools.wraps(forward)
    def call(*args: Any, **kwargs: Any) -> Any:
        return recorder.call(f"{name}.forward", forward, args, kwargs, owner=module)

    module.forward = call


def _class(recorder: Recorder, name: str, kind: type, namespace: dict[str, Any]) -> None:
    if issubclass(kind, _Function):
        setattr(kind, "apply", staticmethod(wrapped(recorder, f"{name}.apply", kind.apply)))  # noqa: B010 - torch types it as a method
        return
    own = [
        base for base in kind.__mro__ if base.__dict__.get("__module__") == namespace["__name__"]
    ]
    if issubclass(kind, _Module):
        _method(recorder, f"{name}.forward", kind, "forward", kind.forward)
        _constructor(recorder, kind)
        return
    if issubclass(kind, tuple | BaseException) or not own:
        return
    _constructor(recorder, kind)
    for base in reversed(own):
        for method, value in list(vars(base).items()):
            if method.startswith("_") and method != "__call__":
                continue
            called = f"{name}.{method}"
            if isinstance(value, staticmethod):
                plain = staticmethod(wrapped(recorder, called, value.__func__))
                setattr(kind, method, plain)
            elif isinstance(value, classmethod):
                _class_method(recorder, called, kind, method, value.__func__)
            elif inspect.isfunction(value):
                _method(recorder, called, kind, method, value)


def _method(
    recorder: Recorder, name: str, kind: type, method: str, function: Callable[..., Any]
) -> None:
    @functools.wraps(function)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        bound = functools.partial(function, self)
        return recorder.call(name, bound, args, kwargs, owner=self)

    setattr(kind, method, call)


def _class_method(
    recorder: Recorder, name: str, kind: type, method: str, function: Callable[..., Any]
) -> None:
    @functools.wraps(function)
    def call(cls: type, *args: Any, **kwargs: Any) -> Any:
        return recorder.call(name, functools.partial(function, cls), args, kwargs)

    setattr(kind, method, classmethod(call))


def _constructor(recorder: Recorder, kind: type) -> None:
    construct = kind.__init__  # type: ignore[misc]  # of whatever class it is
    if construct is object.__init__:
        return

    @functools.wraps(construct)
    def build(self: Any, *args: Any, **kwargs: Any) -> None:
        recorder.construct(functools.partial(construct, self), args, kwargs)

    setattr(kind, "__init__", build)  # noqa: B010 - mypy forbids the plain assignment
