"""The header: what kernels run on, and which borders the sandbox has on this machine."""

from __future__ import annotations

from pytest_tritonbench.options import Settings
from pytest_tritonbench.sandbox import confine
from pytest_tritonbench.sandbox.devices import Gpu
from pytest_tritonbench.sandbox.limits import Limits


def header(settings: Settings, gpus: tuple[Gpu, ...]) -> list[str]:
    """Two lines for pytest's header."""
    if gpus:
        numbers: dict[str, list[str]] = {}
        for gpu in gpus:
            numbers.setdefault(gpu.name, []).append(str(gpu.index))
        names = (f"{name} ({', '.join(those)})" for name, those in numbers.items())
        device = f"GPU {', '.join(names)}, driver {gpus[0].driver}"
    else:
        device = f"Triton's interpreter, compiling for {', '.join(settings.targets)}"
    return [f"tritonbench: {device}", f"sandbox: {confine.describe(confine.probe(), Limits())}"]
