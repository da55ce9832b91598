"""A Triton driver for GPUs that are not there: it compiles for them and launches on the CPU.

Triton's own launch path stays as it is: arguments are specialised, options parsed and limits
checked by Triton. Only what a driver does is different: "loading" a binary reads its resources,
and "launching" it runs the kernel's Python in the interpreter.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import triton.runtime.interpreter as triton_interpreter
from triton.runtime import _allocation

from pytest_tritonbench.sandbox import places
from pytest_tritonbench.sandbox.interpreter import resources
from pytest_tritonbench.sandbox.interpreter.mends import device_assert
from pytest_tritonbench.sandbox.interpreter.seams import inside
from pytest_tritonbench.sandbox.interpreter.targets import Target

_MAX_THREADS = 1024


class StubDriver:
    """Stands for Triton's CUDA or HIP driver; one device for each target."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = tuple(targets)
        self.device = 0
        """The index of the target that is compiled for just now."""
        self.utils = _Utilities(self.targets)
        self.launcher_cls = Launcher

    @classmethod
    def is_active(cls) -> bool:
        """Never chosen by Triton itself."""
        return False

    def get_current_target(self) -> Any:
        """Return Triton's target of the current device."""
        return self.targets[self.device].as_triton()

    def get_current_device(self) -> int:
        """Return the current device, an index into the targets."""
        return self.device

    def set_current_device(self, device: int) -> None:
        """Accept any device: there is one memory."""

    def get_current_stream(self, device: int | None = None) -> int:  # noqa: ARG002 - one stream
        """Return the default stream."""
        return 0

    def get_device_capability(self, device: int | None = None) -> tuple[int, int]:  # noqa: ARG002
        """Return the compute capability of the first target."""
        return self.targets[0].capability

    def get_active_torch_device(self) -> torch.device:
        """Return the device on which a candidate believes its tensors to be."""
        return torch.device("cuda", 0)

    def get_device_interface(self) -> Any:
        """Return ``torch.cuda``, which the shim has made work on the CPU."""
        return torch.cuda

    def get_benchmarker(self) -> Callable[..., Any]:
        """Return Triton's own timing loop, for candidates that call it."""
        from triton.testing import do_bench  # noqa: PLC0415 - only where it is asked for

        return do_bench  # type: ignore[no-any-return]

    def get_empty_cache_for_benchmark(self) -> torch.Tensor:
        """Return what ``do_bench`` clears between calls."""
        return torch.empty(1)

    def clear_cache(self, cache: torch.Tensor) -> None:
        """Clear a GPU's cache: there is none."""

    def assemble_tensormap_to_arg(self, descriptors: Any, args: Any) -> Any:
        """Return the arguments unchanged: descriptors stay Python objects."""
        del descriptors
        return args


class _Utilities:
    """The part of a driver that Triton calls ``utils``."""

    def __init__(self, targets: tuple[Target, ...]) -> None:
        self._targets = targets

    def get_device_properties(self, device: int) -> dict[str, int]:
        """Return what Triton's drivers report of a device; clock rates in kHz."""
        target = self._targets[device if device < len(self._targets) else 0]
        return {
            "max_shared_mem": target.shared_memory,
            "max_num_regs": 65536,
            "multiprocessor_count": target.processors,
            "warpSize": target.warp_size,
            "sm_clock_rate": 1_700_000,
            "mem_clock_rate": 2_600_000,
            "mem_bus_width": 5120,
        }

    def load_binary(
        self, name: str, binary: bytes, shared: int, device: int
    ) -> tuple[object, object, int, int, int]:
        """Return module, function, registers, spills and the most threads of a block."""
        del name, shared, device
        found = resources.of_binary(binary)
        return object(), object(), found.registers or 0, found.spills or 0, _MAX_THREADS


class Launcher:
    """Runs a compiled kernel's source in the interpreter when it is launched."""

    def __init__(self, source: Any, metadata: Any) -> None:
        self._jit = source.fn
        self._debug = bool(getattr(metadata, "debug", False))
        self._scratch = getattr(metadata, "global_scratch_size", 0) or 0
        self._alignment = getattr(metadata, "global_scratch_align", 1)

    def __call__(  # noqa: PLR0913, PLR0917 - the signature of Triton's launchers
        self,
        gx: int,
        gy: int,
        gz: int,
        stream: Any,
        function: Any,
        packed_metadata: Any,
        launch_metadata: Any,
        enter_hook: Callable[[Any], None] | None,
        exit_hook: Callable[[Any], None] | None,
        *arguments: Any,
    ) -> None:
        """Run every program of the grid, between Triton's launch hooks."""
        del function, packed_metadata
        if self._scratch and gx * gy * gz:
            # Without triton.set_allocator this is where a launch on a GPU fails.
            allocate = inside(_allocation, "_allocator").get()
            allocate(gx * gy * gz * self._scratch, self._alignment, stream)
        if enter_hook is not None:
            enter_hook(launch_metadata)
        _require_reachable(arguments)
        interpret(self._jit, (gx, gy, gz), arguments, debug=self._debug)
        if exit_hook is not None:
            exit_hook(launch_metadata)


def _require_reachable(arguments: Sequence[Any]) -> None:
    """See that no argument is a tensor of the CPU, as Triton's launchers do.

    Raises:
        ValueError: One is.
    """
    for position, argument in enumerate(_flat(arguments)):
        tensor = argument if isinstance(argument, torch.Tensor) else getattr(argument, "base", None)
        if not isinstance(tensor, torch.Tensor) or not hasattr(argument, "data_ptr"):
            continue
        # An empty tensor's address is null, which a launcher lets pass.
        if places.of(tensor) == places.CPU and tensor.data_ptr():
            message = f"Pointer argument (at {position}) cannot be accessed from Triton"
            raise ValueError(f"{message} (cpu tensor?)")


def _flat(arguments: Sequence[Any]) -> Iterator[Any]:
    for argument in arguments:
        if isinstance(argument, tuple):
            yield from _flat(argument)
        else:
            yield argument


def interpret(
    jit: Any, grid: tuple[int, int, int], arguments: Sequence[Any], *, debug: bool
) -> None:
    """Run a kernel in the interpreter.

    Args:
        jit: The kernel, a ``JITFunction``.
        grid: Programs along each axis.
        arguments: Every argument in the order of the signature, constants included.
        debug: Whether device assertions fire.
    """
    device_assert.set_debug(debug=debug)
    function = interpreted(jit)
    executor = triton_interpreter.GridExecutor(function.rewrite(), function.arg_names, grid)
    executor(*arguments)


def interpreted(jit: Any) -> Any:
    """Return the interpreter's form of a kernel or device function."""
    return _interpreted(jit.fn)


# By the plain function: the hash of a JITFunction reads all that it calls.
@functools.cache
def _interpreted(function: Callable[..., Any]) -> Any:
    return triton_interpreter.InterpretedFunction(function)
