"""The GPUs that a kernel can be compiled for on a machine that has none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

# Largest dynamic shared memory of one block, in bytes. NVIDIA: CUDA C++ Programming Guide, table
# "Technical Specifications per Compute Capability", less the 1 KiB that the system reserves.
_CUDA_SHARED = {
    70: 98304,
    75: 65536,
    80: 166912,
    86: 101376,
    87: 166912,
    89: 101376,
    90: 232448,
    100: 232448,
    103: 232448,
    120: 101376,
    121: 101376,
}
# AMD: the size of the LDS (CDNA 3 and CDNA 4 instruction set architecture, RDNA 3 and 4 guides).
_HIP_SHARED = {
    "gfx908": 65536,
    "gfx90a": 65536,
    "gfx942": 65536,
    "gfx950": 163840,
    "gfx1100": 65536,
    "gfx1101": 65536,
    "gfx1102": 65536,
    "gfx1200": 65536,
    "gfx1201": 65536,
}
# Streaming multiprocessors or compute units and bytes of memory of the usual part of each kind:
# only answers to kernels that size a persistent grid by it.
_USUAL_PART = {
    "70": (80, 32),
    "75": (40, 16),
    "80": (108, 80),
    "86": (84, 48),
    "89": (142, 48),
    "90": (132, 80),
    "100": (148, 192),
    "gfx90a": (110, 64),
    "gfx942": (304, 192),
    "gfx950": (256, 288),
}


@dataclass(frozen=True)
class Target:
    """A GPU architecture to compile for."""

    name: str
    """As the user wrote it: ``sm_90``, ``gfx942``."""
    backend: str
    """``cuda`` or ``hip``."""
    arch: int | str
    """Compute capability times ten for ``cuda``, the LLVM processor for ``hip``."""
    warp_size: int
    """Threads of a warp (a wavefront)."""
    shared_memory: int
    """The most shared memory that one block may use, in bytes."""
    processors: int
    """Multiprocessors of the usual part of this architecture."""
    memory: int
    """Device memory of the usual part, in bytes."""

    @classmethod
    def parse(cls, name: str) -> Target:
        """Return the target of that name.

        Args:
            name: ``sm_NN`` for NVIDIA, ``gfxNNN`` for AMD.

        Raises:
            ValueError: No such target; the message lists the known ones.
        """
        text = name.strip().lower()
        if (match := re.fullmatch(r"sm_?(\d+)a?", text)) and int(match[1]) in _CUDA_SHARED:
            arch = int(match[1])
            return cls._of(f"sm_{arch}", "cuda", arch, 32, _CUDA_SHARED[arch])
        if text in _HIP_SHARED:
            warp_size = 64 if text.startswith("gfx9") else 32
            return cls._of(text, "hip", text, warp_size, _HIP_SHARED[text])
        raise ValueError(f"unknown target {name!r}; known are {', '.join(known())}")

    @classmethod
    def _of(cls, name: str, backend: str, arch: int | str, warp_size: int, shared: int) -> Target:
        processors, gigabytes = _USUAL_PART.get(str(arch), (64, 32))
        return cls(name, backend, arch, warp_size, shared, processors, gigabytes << 30)

    @property
    def capability(self) -> tuple[int, int]:
        """Compute capability as ``torch.cuda.get_device_capability`` gives it."""
        if isinstance(self.arch, int):
            return divmod(self.arch, 10)
        return (9, 5) if self.arch == "gfx950" else (9, 4) if self.arch == "gfx942" else (9, 0)

    def as_triton(self) -> Any:
        """Return Triton's ``GPUTarget`` for this target."""
        from triton.backends.compiler import GPUTarget  # noqa: PLC0415 - names need no Triton

        return GPUTarget(self.backend, self.arch, self.warp_size)

    def __str__(self) -> str:
        return self.name


def known() -> list[str]:
    """Return the names of every known target."""
    return [*(f"sm_{arch}" for arch in _CUDA_SHARED), *_HIP_SHARED]
