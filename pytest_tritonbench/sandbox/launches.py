"""What a candidate launches: how often, which kernels, and what happens without them.

Every launch of a Triton kernel ends in ``CompiledKernel.run``: through ``@triton.jit``, through
autotuners and heuristics, and through a handle that was compiled earlier (``compiled[grid](...)``).
That is where the log listens, on a real GPU and in the interpreter alike.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import triton
from triton.compiler.compiler import CompiledKernel
from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import JITFunction


@dataclass(frozen=True)
class KernelReport:
    """What the compiler made of one specialisation of a kernel."""

    kernel: str
    """The name of the ``@triton.jit`` function."""
    target: str
    """The architecture that it was compiled for: ``sm_90``, ``gfx942``."""
    num_warps: int
    """Warps of a block."""
    num_stages: int
    """Stages of software pipelining."""
    shared: int
    """Shared memory of a block, in bytes."""
    registers: int | None
    """32-bit registers of a thread; ``None`` when not known."""
    spills: int | None
    """32-bit words that a thread spills to local memory; ``None`` when not known."""
    compile_ms: float | None
    """Compilation time in milliseconds; ``None`` when the kernel came from Triton's cache."""
    signature: str
    """Types of the arguments and values of the constants, to tell specialisations apart."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class TuningReport:
    """What an autotuner chose."""

    kernel: str
    """The name of the ``@triton.jit`` function."""
    configs: int
    """Configurations that it could choose from."""
    config: str
    """The one that it chose."""
    seconds: float | None
    """How long it took to choose; ``None`` where it did not look."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)


class LaunchLog:
    """Counts launches and remembers the kernels that were compiled.

    Args:
        on_enter: Called with a kernel's name when its compilation or launch begins.
        on_exit: Called when it has ended, in error as well. On a GPU the launch has been queued by
            then, not finished: read :attr:`last` to name the kernel that a later
            synchronisation hangs in.
    """

    def __init__(
        self,
        on_enter: Callable[[str], None] | None = None,
        on_exit: Callable[[], None] | None = None,
    ) -> None:
        self.enabled = True
        """Whether launches do their work. When false they are counted, and compiled on demand."""
        self.count = 0
        """Launches so far; on a GPU those of an autotuner's trials too."""
        self.current: str | None = None
        """The kernel that is being compiled or launched."""
        self.last: str | None = None
        """The kernel that was launched last."""
        self._on_enter = on_enter
        self._on_exit = on_exit
        self._reports: dict[str, KernelReport] = {}
        self.tunings: dict[str, TuningReport] = {}
        """What autotuners chose last, by the kernel's name."""

    @property
    def reports(self) -> list[KernelReport]:
        """One report for each compiled specialisation, in the order of compilation."""
        return sorted(self._reports.values(), key=lambda r: (r.kernel, r.target, r.signature))

    @property
    def kernels(self) -> list[str]:
        """The names of the kernels that were compiled, each once."""
        return list(dict.fromkeys(report.kernel for report in self._reports.values()))

    def add(self, compiled: Any) -> None:
        """Remember the report of a compiled kernel, once."""
        if compiled.hash not in self._reports:
            self._reports[compiled.hash] = describe(compiled)

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Mark a kernel as current; an inner mark of the same launch changes nothing."""
        if self.current is not None:
            yield
            return
        self.current = name
        if self._on_enter is not None:
            self._on_enter(name)
        try:
            yield
        finally:
            self.current = None
            if self._on_exit is not None:
                self._on_exit()


_log: LaunchLog | None = None
_measure: Callable[..., Any] | None = None
_tuned: dict[int, Any] = {}
_compile_ms: dict[str, float] = {}


def watched() -> LaunchLog | None:
    """Return the log that is being written, if there is one."""
    return _log


def watch(log: LaunchLog | None) -> None:
    """Write every further launch of this process to a log; ``None`` stops.

    Triton is patched by the first call and stays so; without a log a launch passes straight on.
    """
    global _log  # noqa: PLW0603 - a process has one Triton and one log
    _log = log
    _patch()


@functools.cache
def _patch() -> None:
    ready_run = CompiledKernel.run

    def run(self: Any) -> Callable[..., Any]:
        start: Callable[..., Any] = ready_run.fget(self)
        log = _log
        if log is None:
            return start
        if getattr(self, "metadata_group", None) is not None:
            log.add(self)
        return functools.partial(_launch, log, self.src.name, start)

    CompiledKernel.run = property(run)
    ready_jit = JITFunction.run

    @functools.wraps(ready_jit)
    def jit_run(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _log is None:
            return ready_jit(self, *args, **kwargs)
        if not _log.enabled and not kwargs.get("warmup"):
            _log.count += 1
            _log.last = self.__name__
            return _NotLaunched(lambda: jit_run(self, *args, **{**kwargs, "warmup": True}))
        with _log.inside(self.__name__):
            return ready_jit(self, *args, **kwargs)

    JITFunction.run = jit_run
    _patch_autotuner()
    knobs = triton.knobs.compilation
    ready_listener = knobs.listener

    def listen(**event: Any) -> None:
        if not event["cache_hit"]:
            times = event["times"]
            stages = sum(duration for _, duration in times.lowering_stages)
            total = times.ir_initialization + stages + times.store_results
            _compile_ms[event["metadata"]["hash"]] = total / 1000
        if ready_listener is not None:
            ready_listener(**event)

    knobs.listener = listen


class _NotLaunched:
    """What a launch returns that was left out: the compiled kernel, once something is asked of it.

    Compiling takes seconds, and hardly any wrapper looks at what a launch returns.
    """

    def __init__(self, compiled: Callable[[], Any]) -> None:
        self._compiled = compiled

    def __getattr__(self, name: str) -> Any:
        compiled = self._compiled()
        # What is known of a kernel once it is loaded, such as its registers.
        getattr(compiled, "_init_handles", lambda: None)()
        return getattr(compiled, name)


def tune_with(measure: Callable[..., Any]) -> None:
    """Have autotuners measure with this, where they do not say themselves with what.

    Args:
        measure: called as ``triton.testing.do_bench`` is, with a call and quantiles.
    """
    global _measure  # noqa: PLW0603 - one process serves one candidate
    _measure = measure


def forget_tunings() -> bool:
    """Have autotuners choose anew at their next call; whether there are any."""
    for tuner in _tuned.values():
        tuner.cache.clear()
    return bool(_tuned)


def _patch_autotuner() -> None:
    ready_tune = Autotuner.run

    @functools.wraps(ready_tune)
    def tune(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _measure is not None and getattr(self, "_do_bench", _measure) is None:
            self._do_bench = _measure
        _tuned[id(self)] = self
        found = ready_tune(self, *args, **kwargs)
        if _log is not None:
            report = _tuning(self)
            _log.tunings[report.kernel] = report
        return found

    Autotuner.run = tune


def _launch(log: LaunchLog, name: str, start: Callable[..., Any], *args: Any) -> None:
    log.count += 1
    log.last = name
    if not log.enabled:
        return
    with log.inside(name):
        start(*args)


def _tuning(tuner: Any) -> TuningReport:
    return TuningReport(
        kernel=str(getattr(tuner.base_fn, "__name__", "")),
        configs=len(tuner.configs),
        config=str(getattr(tuner, "best_config", "")),
        seconds=getattr(tuner, "bench_time", None),
    )


def describe(compiled: Any) -> KernelReport:
    """Return the report of a compiled kernel.

    Args:
        compiled: A ``CompiledKernel`` whose binary has been loaded, so that its registers are
            known.
    """
    metadata = compiled.metadata
    arch = metadata.target.arch
    return KernelReport(
        kernel=compiled.src.name,
        target=f"sm_{arch}" if metadata.target.backend == "cuda" else str(arch),
        num_warps=metadata.num_warps,
        num_stages=metadata.num_stages,
        shared=metadata.shared,
        registers=getattr(compiled, "n_regs", None),
        spills=getattr(compiled, "n_spills", None),
        compile_ms=_compile_ms.get(compiled.hash),
        signature=_signature(compiled.src),
    )


def _signature(source: Any) -> str:
    constants = {path[0]: value for path, value in getattr(source, "constants", {}).items()}
    parts = []
    for index, (name, kind) in enumerate(getattr(source, "signature", {}).items()):
        constant = constants.get(index)
        parts.append(f"{name}={constant}" if kind == "constexpr" else f"{name}: {kind}")
    return ", ".join(parts)
