"""AMD's GPUs, read from the kernel's own list: neither HIP nor a library of AMD's is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .devices import Gpu

SYSTEM = Path("/sys")
ROCM = Path("/opt/rocm")
_DEVICE_HEAPS = ("1", "2")


def listed(system: Path | None = None) -> tuple[Gpu, ...]:
    """The GPUs of the compute driver's topology, in the order in which ROCr numbers them.

    Args:
        system: Where the kernel's files are mounted.
    """
    system = system or SYSTEM
    nodes = system / "class/kfd/kfd/topology/nodes"
    if not nodes.is_dir():
        return ()
    driver = _line(system / "module/amdgpu/version") or "of the kernel"
    found: list[Gpu] = []
    for node in sorted(
        (n for n in nodes.iterdir() if n.name.isdecimal()), key=lambda n: int(n.name)
    ):
        facts = _facts(node / "properties")
        version = int(facts.get("gfx_target_version", "0"))
        # A processor is a node as well; the facts of a GPU that this container lacks are empty.
        if version and facts.get("simd_count", "0") != "0":
            found.append(_gpu(node, facts, len(found), driver, system))
    return tuple(found)


def architecture(version: int) -> str:
    """The compiler's name of an architecture: 90402 is ``gfx942``, 90010 ``gfx90a``."""
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def release(root: Path | None = None) -> str | None:
    """Version of the ROCm that is installed on this machine; ``None`` where there is none."""
    return _line((root or ROCM) / ".info/version") or None


def _gpu(node: Path, facts: Mapping[str, str], index: int, driver: str, system: Path) -> Gpu:
    gfx = architecture(int(facts["gfx_target_version"]))
    unique = int(facts.get("unique_id", "0"))
    # Consumer GPUs may have none; their place on the bus tells them apart.
    place = f"AMD-{facts.get('domain', '0')}-{facts.get('location_id', index)}"
    minor = facts.get("drm_render_minor", "")
    name = _line(system / f"class/drm/renderD{minor}/device/product_name")
    banks = [_facts(bank / "properties") for bank in sorted((node / "mem_banks").glob("*"))]
    return Gpu(
        index=index,
        uuid=f"GPU-{unique:016x}" if unique else place,
        name=name or f"AMD {gfx}",
        memory=sum(
            int(bank.get("size_in_bytes", "0"))
            for bank in banks
            if bank.get("heap_type") in _DEVICE_HEAPS
        ),
        capability=gfx,
        driver=driver,
        maker="amd",
    )


def _facts(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    words = (line.split() for line in lines)
    return {pair[0]: pair[1] for pair in words if len(pair) == 2}


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
