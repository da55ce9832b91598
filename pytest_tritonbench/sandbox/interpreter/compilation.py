"""Each launch is compiled for every target before it is interpreted.

Triton's launch path does the work: for every target but the first as a warm-up, for the first as
a launch through :class:`~.stub_driver.StubDriver`. Triton remembers compiled specialisations, so a
second launch costs a look-up. Without targets nothing is compiled until a candidate asks for a
compiled kernel's properties.
"""

from __future__ import annotations

import functools
from typing import Any

import triton
from triton.compiler.compiler import CompiledKernel
from triton.compiler.errors import CompileTimeAssertionFailure
from triton.runtime.autotuner import Autotuner
from triton.runtime.errors import OutOfResources, PTXASError
from triton.runtime.jit import JITFunction

from pytest_tritonbench.sandbox import launches
from pytest_tritonbench.sandbox.interpreter import execution
from pytest_tritonbench.sandbox.interpreter.seams import replace
from pytest_tritonbench.sandbox.interpreter.stub_driver import Launcher, StubDriver, interpreted

_FAILED_CONFIG = [float("inf")] * 3
_CHOSEN_CONFIG = [0.0] * 3
_FROM_THE_COMPILER = {"asm", "hash", "kernel", "metadata", "n_max_threads", "n_regs", "n_spills"}


def install(driver: StubDriver, *, compiles: bool) -> None:
    """Send every launch of this process through the interpreter.

    Args:
        driver: Its targets are those that are compiled for.
        compiles: Whether a launch is compiled at all, or only interpreted.
    """
    triton.runtime.driver.set_active(driver)
    _patch_device_functions()
    _patch_autotuner(compiles=compiles)
    if compiles:
        _patch_launch(driver)
    else:
        _patch_compile()


def _patch_device_functions() -> None:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not execution.language.depth:
            raise RuntimeError("Cannot call @triton.jit'd outside of the scope of a kernel")
        return execution.call_device_function(interpreted(self), *args, **kwargs)

    replace(JITFunction, "__call__", call)


def _patch_launch(driver: StubDriver) -> None:
    original = JITFunction.run

    @functools.wraps(original)
    def run(self: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        hooks = self.pre_run_hooks
        try:
            self.pre_run_hooks = []
            for device in reversed(range(len(driver.targets))):
                driver.device = device
                _load(original(self, *args, grid=grid, warmup=True, **kwargs))
        finally:
            self.pre_run_hooks = hooks
            driver.device = 0
        return original(self, *args, grid=grid, warmup=warmup, **kwargs)

    JITFunction.run = run


def _load(compiled: Any) -> None:
    """Check a compiled kernel against its device's limits and log it.

    Raises:
        OutOfResources: It needs more shared memory or threads than a block may have.
    """
    if compiled is None:  # a jit_cache_hook of the candidate's asked not to compile
        return
    compiled._init_handles()  # noqa: SLF001 - what Triton does before a first launch
    if (log := launches.watched()) is not None:
        log.add(compiled)


def _patch_compile() -> None:
    original = JITFunction._do_compile  # noqa: SLF001 - the one place where a launch compiles

    @functools.wraps(original)
    def compile_later(
        self: Any, key: Any, signature: Any, device: Any, constexprs: Any, options: Any, *rest: Any
    ) -> Any:
        arguments = (self, key, signature, device, constexprs, options, *rest)
        attributes = rest[0] if rest else None
        source = self.ASTSource(self, signature, constexprs, attributes)
        kernel = _Uncompiled(source, options, functools.partial(original, *arguments))
        self.device_caches[device][0][key] = kernel
        return kernel

    JITFunction._do_compile = compile_later  # noqa: SLF001 - as above


class _Uncompiled(CompiledKernel):  # type: ignore[misc]  # Triton has no types
    """A kernel that is compiled only when somebody looks at what the compiler made of it."""

    metadata_group = None

    def __init__(self, source: Any, options: Any, compile_now: Any) -> None:
        # Not the parent's __init__, which reads the compiler's files.
        self.src = source
        self.name = source.name
        self.module = self.function = object()
        self.packed_metadata = None
        self._run = Launcher(source, options)
        self._compile_now = compile_now

    def __getattr__(self, name: str) -> Any:
        if name not in _FROM_THE_COMPILER:
            raise AttributeError(name)
        compiled = self.__dict__.get("_compiled")
        if compiled is None:
            compiled = self.__dict__["_compiled"] = self._compile_now()
            compiled._init_handles()  # noqa: SLF001 - registers are known once it is loaded
        return getattr(compiled, name)


def _patch_autotuner(*, compiles: bool) -> None:
    """Let an autotuner take the first configuration that compiles, and time nothing."""
    original = Autotuner.run

    @functools.wraps(original)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.tritonbench_chosen = False
        return original(self, *args, **kwargs)

    def bench(self: Any, *args: Any, config: Any, **meta: Any) -> list[float]:
        if conflicts := meta.keys() & config.kwargs.keys():
            names = ", ".join(sorted(conflicts))
            raise ValueError(f"{names}: given both by the call and by the autotuner")
        if self.tritonbench_chosen:
            return _FAILED_CONFIG
        current = {**meta, **config.all_kwargs()}
        if compiles:
            if config.pre_hook:
                config.pre_hook({**self.nargs, **current})
            try:
                self.fn.run(*args, **{**current, "warmup": True})
            except (OutOfResources, CompileTimeAssertionFailure, PTXASError):
                # If every configuration fails, Triton launches the first and meets its error.
                return _FAILED_CONFIG
        self.tritonbench_chosen = True
        return _CHOSEN_CONFIG

    Autotuner.run = run
    replace(Autotuner, "_bench", bench)
