"""The GPUs of this machine, found without initialising any of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


class DeviceError(ValueError):
    """A GPU that was asked for is not here."""


@dataclass(frozen=True)
class Gpu:
    """One GPU as the driver lists it."""

    index: int
    uuid: str
    name: str
    memory: int
    """Bytes."""

    capability: str
    """Compute capability, such as ``9.0``."""

    driver: str
    """Version of the driver."""


def inventory(environment: Mapping[str, str] = os.environ) -> tuple[Gpu, ...]:
    """The GPUs that this process may use, in the order in which CUDA would number them.

    NVML is asked, not CUDA: a CUDA context in this process would poison every fork. An existing
    ``CUDA_VISIBLE_DEVICES`` is obeyed.
    """
    found = _listed()
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return found
    chosen = []
    for wanted in visible.split(","):
        match = _matching(found, wanted.strip())
        if match is None:
            # CUDA stops at the first name that it does not know.
            break
        chosen.append(match)
    return tuple(chosen)


def choose(ids: str, gpus: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    """Those of ``gpus`` that a comma-separated list of indices or UUIDs names.

    Raises:
        DeviceError: If one of them is not there.
    """
    chosen = []
    for wanted in ids.split(","):
        text = wanted.strip()
        match = gpus[int(text)] if text.isdecimal() and int(text) < len(gpus) else None
        match = match or (None if text.isdecimal() else _matching(gpus, text))
        if match is None:
            known = ", ".join(str(n) for n in range(len(gpus))) or "none"
            raise DeviceError(f"there is no GPU {text!r} here (GPUs: {known})")
        chosen.append(match)
    return tuple(chosen)


def _matching(gpus: tuple[Gpu, ...], wanted: str) -> Gpu | None:
    for gpu in gpus:
        if wanted == str(gpu.index) or (wanted.startswith("GPU-") and gpu.uuid.startswith(wanted)):
            return gpu
    return None


def _listed() -> tuple[Gpu, ...]:
    import pynvml  # noqa: PLC0415 - loads the driver's library, which few runs need

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
        return tuple(_described(index, driver) for index in range(int(pynvml.nvmlDeviceGetCount())))
    finally:
        pynvml.nvmlShutdown()


def _described(index: int, driver: str) -> Gpu:
    import pynvml  # noqa: PLC0415 - as above

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    return Gpu(
        index=index,
        uuid=_text(pynvml.nvmlDeviceGetUUID(handle)),
        name=_text(pynvml.nvmlDeviceGetName(handle)),
        memory=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
        capability=f"{major}.{minor}",
        driver=driver,
    )


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
