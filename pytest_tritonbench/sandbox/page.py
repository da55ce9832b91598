"""One shared page on which a worker notes where it is, read by the parent when time is up.

The worker may write anything there; it only names a hang that the parent's clock has found.
"""

import enum
import mmap
import os
import struct

_LAYOUT = struct.Struct("=BH")
_NAME_BYTES = 512


class Phase(enum.IntEnum):
    """What a worker is doing."""

    IDLE = 0
    LOADING = 1
    CALLING = 2
    KERNEL = 3
    LAUNCHED = 4
    """Back in the wrapper with work queued on a GPU."""
    SYNCHRONISING = 5
    DELIVERING = 6


class Page:
    """The worker's side: a few bytes written at each step.

    Args:
        descriptor: a memfd of one page.
    """

    def __init__(self, descriptor: int) -> None:
        self._map = mmap.mmap(descriptor, mmap.PAGESIZE, mmap.MAP_SHARED)
        self._kernel = ""

    def note(self, phase: Phase, kernel: str | None = None) -> None:
        """Say what is being done now; the kernel named last is kept."""
        if kernel is not None:
            self._kernel = kernel
        name = self._kernel.encode()[:_NAME_BYTES]
        _LAYOUT.pack_into(self._map, 0, phase, len(name))
        self._map[_LAYOUT.size : _LAYOUT.size + len(name)] = name


def make() -> int:
    """A new page's descriptor."""
    descriptor = os.memfd_create("page", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, mmap.PAGESIZE)
    return descriptor


def read(descriptor: int) -> tuple[Phase, str]:
    """What the worker noted last, and the kernel it named; idle when that makes no sense."""
    data = os.pread(descriptor, _LAYOUT.size + _NAME_BYTES, 0)
    if len(data) < _LAYOUT.size:
        return Phase.IDLE, ""
    phase, length = _LAYOUT.unpack_from(data)
    name = data[_LAYOUT.size : _LAYOUT.size + min(length, _NAME_BYTES)].decode("utf-8", "replace")
    return (Phase(phase), name) if phase in set(Phase) else (Phase.IDLE, "")
