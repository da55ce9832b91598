"""``torch.cuda`` for a process that has no GPU but should behave as if."""

from __future__ import annotations

import contextlib
import time
import types
from collections.abc import Callable
from typing import Any, Self

import torch
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from pytest_tritonbench.sandbox import places
from pytest_tritonbench.sandbox.interpreter.targets import Target


class Event:
    """A CUDA event: work is done when it is recorded, so it keeps the clock's time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        del args, kwargs
        self._time = 0.0

    def record(self, stream: Any = None) -> None:
        """Keep the present time."""
        del stream
        self._time = time.perf_counter()

    def elapsed_time(self, end: Event) -> float:
        """Return the milliseconds until another event."""
        return (end._time - self._time) * 1e3

    def synchronize(self) -> None:
        """Wait: nothing is pending."""

    def wait(self, stream: Any = None) -> None:
        """Wait: nothing is pending."""

    def query(self) -> bool:
        """Return whether all work is done."""
        return True


class Stream(contextlib.ContextDecorator):
    """A CUDA stream, and the context managers that take a stream or a device."""

    cuda_stream = 0
    device_index = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        del args, kwargs
        self.device = torch.device("cuda", 0)
        self.idx = 0
        self.prev_idx = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def synchronize(self) -> None:
        """Wait: nothing is pending."""

    def wait_stream(self, stream: Any) -> None:
        """Wait: nothing is pending."""

    def wait_event(self, event: Any) -> None:
        """Wait: nothing is pending."""

    def record_event(self, event: Event | None = None) -> Event:
        """Record an event."""
        event = event or Event()
        event.record()
        return event

    def query(self) -> bool:
        """Return whether all work is done."""
        return True


class DefaultGenerator(torch.Generator):
    """A GPU's default generator: its state is a seed and an offset, 16 bytes.

    Kernels that draw by Philox take both and put the offset forward; the seed is the process's.
    """

    def __init__(self) -> None:
        self._known = (0, 0)

    @property
    def device(self) -> torch.device:  # type: ignore[override]  # torch's own is read-only too
        """The GPU."""
        return torch.device("cuda", 0)

    def get_state(self) -> torch.Tensor:
        """Return seed and offset as bytes."""
        seed = torch.initial_seed()
        offset = self._known[1] if self._known[0] == seed else 0
        # A seed of 64 bits is signed here.
        signed = seed - (1 << 64) if seed >= 1 << 63 else seed
        return torch.tensor([signed, offset], dtype=torch.int64).view(torch.uint8)

    def set_state(self, state: torch.Tensor) -> DefaultGenerator:
        """Take a state that `get_state` returned."""
        seed, offset = state.view(torch.int64).tolist()
        seed %= 1 << 64
        if seed != torch.initial_seed():
            torch.default_generator.manual_seed(seed)
        self._known = (seed, offset)
        return self


def _properties(target: Target) -> types.SimpleNamespace:
    major, minor = target.capability
    return types.SimpleNamespace(
        name=f"{target.name} (no GPU)",
        major=major,
        minor=minor,
        total_memory=target.memory,
        multi_processor_count=target.processors,
        max_threads_per_multi_processor=2048,
        max_threads_per_block=1024,
        warp_size=target.warp_size,
        regs_per_multiprocessor=65536,
        shared_memory_per_block=49152,
        shared_memory_per_block_optin=target.shared_memory,
        shared_memory_per_multiprocessor=target.shared_memory + 1024,
        L2_cache_size=50 << 20,
        is_integrated=0,
        is_multi_gpu_board=0,
        gcnArchName=target.name if target.backend == "hip" else "",
    )


def _always(value: Any) -> Callable[..., Any]:
    # A new function each time: torch's compiler tells functions of torch.cuda apart by identity.
    return lambda *_args, **_kwargs: value


def _stubs(target: Target) -> dict[str, Any]:
    properties = _properties(target)
    return {
        "is_available": _always(value=True),
        "is_initialized": _always(value=True),
        "init": _always(None),
        "_lazy_init": _always(None),
        "device_count": _always(1),
        "current_device": _always(0),
        "set_device": _always(None),
        "get_device_properties": _always(properties),
        "get_device_capability": _always(target.capability),
        "get_device_name": _always(properties.name),
        "get_arch_list": _always([target.name]),
        "is_bf16_supported": _always(target.arch not in (70, 75)),
        "synchronize": _always(None),
        "empty_cache": _always(None),
        "ipc_collect": _always(None),
        "memory_allocated": _always(0),
        "max_memory_allocated": _always(0),
        "memory_reserved": _always(0),
        "max_memory_reserved": _always(0),
        "reset_peak_memory_stats": _always(None),
        "mem_get_info": _always((target.memory, target.memory)),
        # CUDA's generator is the CPU's here.
        "manual_seed": lambda seed: torch.default_generator.manual_seed(seed) and None,
        "manual_seed_all": lambda seed: torch.default_generator.manual_seed(seed) and None,
        "seed": _always(None),
        "seed_all": _always(None),
        "initial_seed": torch.initial_seed,
        "get_rng_state": lambda *_: torch.get_rng_state(),
        "set_rng_state": lambda state, *_: torch.set_rng_state(state),
        "default_generators": (DefaultGenerator(),),
        "Event": Event,
        "Stream": Stream,
        "ExternalStream": Stream,
        "stream": Stream,
        "current_stream": lambda *_args, **_kwargs: Stream(),
        "default_stream": lambda *_args, **_kwargs: Stream(),
        "set_stream": _always(None),
        "device": Stream,
        "device_of": Stream,
        "_DeviceGuard": Stream,
        "_exchange_device": _always(0),
        "_maybe_exchange_device": _always(0),
    }


_GENERATOR = torch.Generator


class _Generator(_GENERATOR):
    """A generator on the CPU, whichever device was asked for."""

    _device = torch.device("cpu")

    def __new__(cls, device: Any = None) -> Self:
        made: Self = _GENERATOR.__new__(cls, "cpu")  # type: ignore[call-arg]  # a C type
        if device is not None and torch.device(device).type == "cuda":
            made._device = torch.device("cuda", 0)
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]  # torch's own is read-only too
        """The device that was asked for."""
        return self._device


def _empty_strided(size: Any, stride: Any, dtype: torch.dtype) -> torch.Tensor:
    return places.put(torch.empty_strided(size, stride, dtype=dtype), places.CUDA)


def install(target: Target) -> None:
    """Replace what needs a GPU in ``torch`` and ``torch.cuda``, for good.

    Args:
        target: The GPU to report.
    """
    for name, stub in _stubs(target).items():
        setattr(torch.cuda, name, stub)
    setattr(torch._C, "_cuda_getCurrentRawStream", _always(0))  # noqa: B010, SLF001 - Triton asks
    guards = torch._C._dynamo.guards  # noqa: SLF001 - where code made by torch.compile allocates
    setattr(guards, "_empty_strided_cuda", _empty_strided)  # noqa: B010 - not in the type stubs
    torch.Generator = _Generator  # type: ignore[misc]  # a subclass, so isinstance still holds
    _follow_default_device()
    torch.version.cuda = "12.8" if target.backend == "cuda" else None
    torch.version.hip = "6.4" if target.backend == "hip" else None


def _follow_default_device() -> None:
    """Have the default device be a place: a real one works below the redirection."""
    set_default_device, get_default_device = torch.set_default_device, torch.get_default_device
    if set_default_device.__module__ == __name__:
        return

    def set_device(device: Any) -> None:
        is_cuda = device is not None and torch.device(device).type == "cuda"
        places.default = places.CUDA if is_cuda else places.CPU
        set_default_device(None if is_cuda else device)

    def get_device() -> torch.device:
        named = any(isinstance(m, DeviceContext) for m in _get_current_function_mode_stack())
        is_cuda = places.default == places.CUDA and not named
        return torch.device("cuda", 0) if is_cuda else get_default_device()

    torch.set_default_device = set_device
    torch.get_default_device = get_device
