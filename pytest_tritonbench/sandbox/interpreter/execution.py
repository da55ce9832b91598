"""One launch in Triton's interpreter: patch the language once, then run every program.

Triton patches ``triton.language`` anew for every call of a device function and copies every
argument to the host and back. Here the patches of the language are worked out once per process and
put in place once per launch, and the arguments are used where they lie.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import triton.language as tl
import triton.runtime.interpreter as triton_interpreter
from triton.runtime.errors import InterpreterError

from pytest_tritonbench.sandbox.interpreter.seams import inside

watchers: list[Callable[[str, Mapping[str, Any], Mapping[str, Any]], None]] = []
"""Called before a launch with the kernel's name, its raw and its converted arguments."""


class _Language:
    """The patches that turn ``triton.language`` into the interpreter's, worked out once."""

    def __init__(self) -> None:
        self._modules: list[_Patch] = []
        self._classes: list[_Patch] = []
        self.depth = 0

    def _record(self) -> None:
        class Visible:
            """Stands for a function whose module sees all of Triton's language."""

            __globals__ = {"tl": tl, "core": tl.core}  # noqa: RUF012 - the shape Triton reads

        scope = inside(triton_interpreter, "_patch_lang")(Visible)
        owners: dict[int, tuple[Any, dict[str, Any]]] = {}
        for obj, name, _ in inside(scope, "_changes"):
            patched = owners.setdefault(id(obj), (obj, {}))[1]
            patched[name] = vars(obj)[name]
        scope.restore()
        for owner, patched in owners.values():
            for name, value in patched.items():
                # Triton's generic detour keeps what it leads to as a default; functions that
                # the interpreter does in its own way (reductions, hints) have none.
                member = (getattr(value, "__kwdefaults__", None) or {}).get("member")
                if member is not None:
                    patched[name] = _bound(member, is_method=inspect.isclass(owner))
        # Triton 3.6 converts an array of one element with int(), which NumPy 2.4 refuses.
        owners[id(tl.tensor)][1]["__index__"] = _index
        for owner, patched in owners.values():
            before = {name: vars(owner)[name] for name in patched if name in vars(owner)}
            kind = self._modules if inspect.ismodule(owner) else self._classes
            kind.append(_Patch(owner, before, patched))

    @contextmanager
    def interpreted(self) -> Iterator[None]:
        """Have the language mean the interpreter's language, on the way in and out."""
        if self.depth:
            yield
            return
        if not self._modules:
            self._record()
        self.depth = 1
        try:
            for patch in self._modules:
                # Hundreds of names in each launch: a module's dictionary takes them at once.
                vars(patch.owner).update(patch.patched)
            for patch in self._classes:
                for name, value in patch.patched.items():
                    setattr(patch.owner, name, value)
            yield
        finally:
            for patch in self._modules:
                vars(patch.owner).update(patch.before)
            for patch in self._classes:
                for name in patch.patched:
                    if name in patch.before:
                        setattr(patch.owner, name, patch.before[name])
                    else:
                        delattr(patch.owner, name)
            self.depth = 0


@dataclass(frozen=True)
class _Patch:
    owner: Any
    before: dict[str, Any]
    patched: dict[str, Any]


def _bound(builtin: Any, *, is_method: bool) -> Callable[..., Any]:
    """Return a function of the language that needs no ``_semantic``, without detours."""
    semantic = triton_interpreter.interpreter_semantic
    plain = getattr(builtin, "__wrapped__", builtin)
    if not is_method:
        return functools.partial(plain, _semantic=semantic)

    def method(self: Any, *args: Any, _semantic: Any = None, **kwargs: Any) -> Any:
        del _semantic
        return plain(self, *args, **kwargs, _semantic=semantic)

    return method


def _index(scalar: Any) -> int:
    return int(scalar.handle.data.item())


language = _Language()


def launch(executor: Any, *args: Any, **kwargs: Any) -> None:
    """Run every program of a grid; takes the place of ``GridExecutor.__call__``.

    Raises:
        InterpreterError: A program raised; its own error is the cause.
    """
    fn = executor.fn
    names = set(executor.arg_names)
    kwargs = {name: value for name, value in kwargs.items() if name in names}
    for hook in executor.pre_run_hooks:
        hook(*args, **kwargs)
    raw = inspect.getcallargs(fn, *args, **kwargs)
    convert = inside(triton_interpreter, "_implicit_cvt")
    constexprs = set(executor.constexprs)
    # NumPy warns where a GPU silently gives inf or nan.
    with language.interpreted(), np.errstate(all="ignore"):
        converted = {n: a if n in constexprs else convert(a) for n, a in raw.items()}
        for watcher in watchers:
            watcher(fn.__name__, raw, converted)
        grid = executor.grid(raw) if callable(executor.grid) else executor.grid
        sizes = (*(size.__index__() for size in grid), 1, 1)[:3]
        _programs(fn, sizes, converted)


def _programs(fn: Callable[..., None], sizes: tuple[int, ...], arguments: dict[str, Any]) -> None:
    builder = triton_interpreter.interpreter_builder
    builder.set_grid_dim(*sizes)
    nx, ny, nz = sizes
    try:
        for x in range(nx):
            for y in range(ny):
                for z in range(nz):
                    builder.grid_idx = (x, y, z)
                    fn(**arguments)
    except InterpreterError:
        raise
    except Exception as error:
        raise InterpreterError(repr(error)) from error


def call_device_function(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a ``@triton.jit`` function from inside another one.

    The error of a device function is left as it is; the launch wraps it once.
    """
    with language.interpreted():
        return function.rewrite()(*args, **kwargs)
