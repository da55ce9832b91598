"""Triton without a GPU: launches are compiled for real targets and run in the interpreter."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

# The rest imports torch and triton, which whoever only checks a target's name must not pay for.
from pytest_tritonbench.sandbox.interpreter.targets import Target

__all__ = ["Target", "activate", "prepare"]

DEFAULT_TARGET = "sm_90"

_WARMED: set[Target] = set()


def prepare(targets: Sequence[Target] = (), *, warm: bool = True) -> None:
    """Mend the interpreter and warm the compiler, once, in the process that forks children.

    Args:
        targets: What children will compile for; the first is warmed.
        warm: Whether to run the compiler once, which costs about a second here and saves it in
            every child.

    Raises:
        RuntimeError: The process has more than one thread, so that it cannot be forked safely.
    """
    from pytest_tritonbench.sandbox.interpreter import mends, warming  # noqa: PLC0415 - heavy

    mends.apply_all()
    if warm and targets and targets[0] not in _WARMED:
        _WARMED.add(targets[0])
        with tempfile.TemporaryDirectory() as cache:
            warming.warm(targets[0], cache)
    threads = len(list(Path("/proc/self/task").iterdir())) if os.path.exists("/proc/self") else 1  # noqa: PTH110
    if threads > 1:
        raise RuntimeError(
            f"the process has {threads} threads and cannot be forked safely; set OMP_NUM_THREADS, "
            "OPENBLAS_NUM_THREADS and MKL_NUM_THREADS to 1 before importing torch"
        )


def activate(
    *, compile_for: Sequence[Target], device: Target | None = None, bounds: bool = True
) -> None:
    """Make this process a GPU of its own, once, before the candidate is imported.

    Args:
        compile_for: Every launch is compiled for these; none means that it is only interpreted.
        device: The GPU to imitate (``torch.cuda``'s answers, TF32); by default the first of
            ``compile_for``, else ``sm_90``.
        bounds: Whether loads and stores outside a tensor's storage raise
            :class:`~.bounds.OutOfBoundsError`.
    """
    from pytest_tritonbench.sandbox.interpreter import (  # noqa: PLC0415 - heavy
        bounds as _bounds,
    )
    from pytest_tritonbench.sandbox.interpreter import (  # noqa: PLC0415 - heavy
        compilation,
        cuda_shim,
        mends,
    )
    from pytest_tritonbench.sandbox.interpreter.mends import dot  # noqa: PLC0415 - heavy
    from pytest_tritonbench.sandbox.interpreter.stub_driver import (  # noqa: PLC0415 - heavy
        StubDriver,
    )

    first = device or next(iter(compile_for), None) or Target.parse(DEFAULT_TARGET)
    targets = tuple(compile_for) or (first,)
    mends.apply_all()
    cuda_shim.install(first)
    dot.model_tf32(enabled=isinstance(first.arch, int) and first.arch >= 80)
    compilation.install(StubDriver(targets), compiles=bool(compile_for))
    if bounds:
        _bounds.install()
