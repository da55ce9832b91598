"""What is installed, and what the driver says of itself: neither torch nor a GPU is opened."""

from __future__ import annotations

import contextlib
import platform
import re
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path

from packaging.requirements import Requirement


def system() -> str:
    """Kernel, distribution, processor and C library."""
    name = f"{platform.system()} {platform.release()}"
    with contextlib.suppress(OSError, KeyError):
        # A system other than Linux, or one that does not say which it is.
        name += f", {platform.freedesktop_os_release()['PRETTY_NAME']}"
    library = "-".join(part for part in platform.libc_ver() if part)
    return f"{name}, {platform.machine()}" + (f", {library}" if library else "")


def of(package: str) -> str | None:
    """Version of a package; ``None`` where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def needs(package: str, name: str) -> Requirement | None:
    """What an installed package asks for of another one, on this system."""
    try:
        stated = requires(package) or []
    except PackageNotFoundError:
        return None
    for text in stated:
        found = Requirement(text)
        if found.name == name and (found.marker is None or found.marker.evaluate({"extra": ""})):
            return found
    return None


def torch_needs_triton() -> str | None:
    """The Triton that torch asks for, such as ``==3.6.0``; ``None`` where it asks for none."""
    # Builds for AMD and nightly builds bring Triton under a name of their own.
    for name in ("triton", "pytorch-triton", "pytorch-triton-rocm", "triton-rocm"):
        found = needs("torch", name)
        if found is not None:
            return f"{found.specifier}"
    return None


def torch_built_for() -> tuple[str | None, str | None]:
    """CUDA and ROCm of the torch that is installed, out of the file in which its build notes them.

    Importing torch takes seconds, and asking it more would initialise a GPU.
    """
    try:
        path = Path(str(distribution("torch").locate_file("torch/version.py")))
        text = path.read_text(encoding="utf-8")
    except (PackageNotFoundError, OSError):
        return None, None
    found = {
        name: match[1]
        if (match := re.search(rf"^{name}\b[^=\n]*= *'([^']+)'", text, re.MULTILINE))
        else None
        for name in ("cuda", "hip")
    }
    return found["cuda"], found["hip"]


def driver_cuda() -> str | None:
    """The newest CUDA that the driver has, such as ``13.0``; ``None`` without a driver."""
    import pynvml  # noqa: PLC0415 - loads the driver's library, which few runs need

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        number = int(pynvml.nvmlSystemGetCudaDriverVersion())
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()
    return f"{number // 1000}.{number % 1000 // 10}"


def why_no_driver() -> str:
    """What NVML says where no GPU was found."""
    import pynvml  # noqa: PLC0415 - as above

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as e:
        return f"{e}; no AMD GPU either"
    pynvml.nvmlShutdown()
    return "NVML lists none; no AMD GPU either"


def major(number: str | None) -> int:
    """The first part of a version; 0 where there is none."""
    head = (number or "").partition(".")[0]
    return int(head) if head.isdecimal() else 0
