"""What is known of a GPU without touching it: number formats, clocks, whether Triton takes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pytest_tritonbench.sandbox.devices import Gpu, asked

TRITON_FLOOR = (8, 0)
"""Least compute capability that Triton supports, by its own README."""

_SM, _MEMORY = 1, 2
_IDLE = 0x1
# NVML's bits of what holds the clocks back, in words.
_REASONS = {
    0x2: "set by the user",
    0x4: "power limit",
    0x8: "hardware slowdown",
    0x20: "software, temperature",
    0x40: "hardware, temperature",
    0x80: "power brake",
}
# Formats of the matrix units. NVIDIA: CUDA C++ Programming Guide, "Compute Capabilities". AMD: the
# instruction set guides of CDNA 1 to 4 and of RDNA 3 and 4.
_CUDA_FORMATS = (
    ("fp16", (7, 0)),
    ("bf16", (8, 0)),
    ("tf32", (8, 0)),
    ("fp8", (8, 9)),
    ("fp4", (10, 0)),
)
_HIP_FORMATS = {
    "gfx908": ("fp16", "bf16"),
    "gfx90a": ("fp16", "bf16"),
    # Its fp8 has another zero and no infinity (fnuz); torch has types of their own for it.
    "gfx942": ("fp16", "bf16", "tf32", "fp8 (fnuz)"),
    "gfx950": ("fp16", "bf16", "fp8", "fp4"),
    "gfx1100": ("fp16", "bf16"),
    "gfx1101": ("fp16", "bf16"),
    "gfx1102": ("fp16", "bf16"),
    "gfx1200": ("fp16", "bf16", "fp8"),
    "gfx1201": ("fp16", "bf16", "fp8"),
}


@dataclass(frozen=True)
class Clocks:
    """Megahertz, each now and at most; ``None`` where the driver does not say."""

    sm: int | None = None
    sm_max: int | None = None
    memory: int | None = None
    memory_max: int | None = None
    held_back: tuple[str, ...] | None = None
    """What keeps them below the most."""

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def formats(gpu: Gpu) -> tuple[str, ...] | None:
    """Number formats that its matrix units take; ``None`` for an architecture that is not known.

    What a GPU lacks it may still store and convert: bfloat16 runs on any, by way of float32.
    """
    if gpu.maker == "amd":
        return _HIP_FORMATS.get(gpu.capability)
    capability = _capability(gpu)
    if capability is None:
        return None
    return tuple(name for name, least in _CUDA_FORMATS if capability >= least)


def too_old(gpu: Gpu) -> bool:
    """Whether Triton does not support it."""
    capability = _capability(gpu)
    return gpu.maker == "nvidia" and capability is not None and capability < TRITON_FLOOR


def clocks(gpu: Gpu) -> Clocks:
    """Its clocks now; of an instance, those of its GPU. NVML is opened and closed."""
    if gpu.maker != "nvidia":
        return Clocks()
    import pynvml  # noqa: PLC0415 - loads the driver's library, which few runs need

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return Clocks()
    try:
        handle = asked(pynvml, "nvmlDeviceGetHandleByIndex", gpu.index)
        if handle is None:
            return Clocks()
        return Clocks(
            asked(pynvml, "nvmlDeviceGetClockInfo", handle, _SM),
            asked(pynvml, "nvmlDeviceGetMaxClockInfo", handle, _SM),
            asked(pynvml, "nvmlDeviceGetClockInfo", handle, _MEMORY),
            asked(pynvml, "nvmlDeviceGetMaxClockInfo", handle, _MEMORY),
            _held_back(pynvml, handle),
        )
    finally:
        pynvml.nvmlShutdown()


def _held_back(pynvml: Any, handle: Any) -> tuple[str, ...] | None:
    # The first is the newer name of the second.
    bits = asked(pynvml, "nvmlDeviceGetCurrentClocksEventReasons", handle)
    if bits is None:
        bits = asked(pynvml, "nvmlDeviceGetCurrentClocksThrottleReasons", handle)
    return None if bits is None else tuple(_named(int(bits)))


def _named(bits: int) -> Iterator[str]:
    if bits & _IDLE:
        yield "idle"
    yield from (name for bit, name in _REASONS.items() if bits & bit)


def _capability(gpu: Gpu) -> tuple[int, int] | None:
    major, dot, minor = gpu.capability.partition(".")
    return (int(major), int(minor)) if dot and (major + minor).isdecimal() else None
