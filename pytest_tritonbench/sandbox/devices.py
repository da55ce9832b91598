"""The GPUs of this machine, found without initialising any of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NAME = r"\d+|(?:GPU|MIG)-[0-9a-fA-F-]+(?:/\d+/\d+)?"
"""How one GPU is named: an index, a UUID or the start of one, an instance of a GPU."""


class DeviceError(ValueError):
    """A GPU that was asked for is not here."""


@dataclass(frozen=True)
class Gpu:
    """One GPU, or one instance of a partitioned GPU, as the driver lists it."""

    index: int
    """Number of the GPU in the driver's list; instances have that of their GPU."""

    uuid: str
    name: str
    memory: int
    """Bytes; 0 where the driver does not say."""

    capability: str
    """Compute capability, such as ``9.0``; of AMD's the architecture, such as ``gfx942``."""

    driver: str
    """Version of the driver."""

    parent: str | None = None
    """UUID of the GPU that this is an instance (MIG) of."""

    maker: str = "nvidia"
    """``nvidia`` or ``amd``."""

    @property
    def body(self) -> str:
        """UUID of the GPU itself: instances share its clocks and its power."""
        return self.parent or self.uuid

    @property
    def selector(self) -> str:
        """What ``CUDA_VISIBLE_DEVICES``, or ROCr's variable on AMD's, takes for it."""
        return self.uuid if self.uuid.startswith(("GPU-", "MIG-")) else str(self.index)

    @property
    def variables(self) -> dict[str, str]:
        """What has a process see this GPU and no other, whatever it would inherit."""
        if self.maker == "nvidia":
            return {"CUDA_VISIBLE_DEVICES": self.selector}
        # HIP's, and CUDA's in its place, count within what ROCr leaves, and that is one. Not every
        # release of HIP takes a UUID there.
        inner = dict.fromkeys(("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"), "0")
        return {"ROCR_VISIBLE_DEVICES": self.selector, **inner}


def inventory(environment: Mapping[str, str] = os.environ) -> tuple[Gpu, ...]:
    """The GPUs that this process may use, in the order in which CUDA or HIP would number them.

    NVML is asked, not CUDA: a CUDA context in this process would poison every fork. AMD's GPUs are
    read from the kernel's own list. An existing ``CUDA_VISIBLE_DEVICES`` is obeyed, as are
    ``ROCR_VISIBLE_DEVICES`` and ``HIP_VISIBLE_DEVICES`` on AMD's. A number in the first is one of
    NVML's, the order of the bus: where a machine mixes models, set ``CUDA_DEVICE_ORDER=PCI_BUS_ID``
    or name GPUs by UUID, so that CUDA means the same.
    """
    found = _listed()
    if found:
        return visible(found, environment.get("CUDA_VISIBLE_DEVICES"))
    from . import rocm  # noqa: PLC0415 - only where there is no NVIDIA GPU

    found = visible(rocm.listed(), environment.get("ROCR_VISIBLE_DEVICES"))
    # HIP numbers what ROCr left, and reads CUDA's variable only where its own is not set.
    inner = environment.get("HIP_VISIBLE_DEVICES", environment.get("CUDA_VISIBLE_DEVICES"))
    return visible(found, inner, renumbered=True)


def visible(
    gpus: tuple[Gpu, ...], variable: str | None, *, renumbered: bool = False
) -> tuple[Gpu, ...]:
    """Those that a variable such as ``CUDA_VISIBLE_DEVICES`` leaves, in its order.

    Args:
        gpus: All GPUs.
        variable: Its value: indices, UUIDs or their starts, by commas. ``None`` leaves all; the
            first name that is none, or stands for several, ends the list; a name that comes twice
            empties it.
        renumbered: Whether an index counts within ``gpus``, not in the driver's list.
    """
    if variable is None:
        return gpus
    chosen: list[Gpu] = []
    for wanted in variable.split(","):
        match = _matching(gpus, wanted.strip(), renumbered=renumbered)
        if len(match) != 1:
            break
        if match[0] in chosen:
            return ()
        chosen += match
    return tuple(chosen)


def choose(ids: str, gpus: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    """Those of ``gpus`` that a list of indices or UUIDs by commas names, or ``all`` of them.

    Args:
        ids: An index counts within ``gpus``; a UUID may be shortened. The UUID of a GPU that is
            partitioned names its instances.
        gpus: What there is.

    Raises:
        DeviceError: If one of them is not there, stands for several, or comes twice.
    """
    known = ", ".join(str(n) for n in range(len(gpus))) or "none"
    if ids.strip() == "all":
        if not gpus:
            raise DeviceError("there is no GPU here to use all of")
        return gpus
    chosen: list[Gpu] = []
    for wanted in ids.split(","):
        text = wanted.strip()
        match = _matching(gpus, text, renumbered=True, instances=True)
        if not match:
            raise DeviceError(f"there is no GPU {text!r} here (GPUs: {known})")
        if len({gpu.body for gpu in match}) > 1:
            full = ", ".join(gpu.uuid for gpu in match)
            raise DeviceError(f"{text!r} is the start of several GPUs' names: {full}")
        if any(gpu in chosen for gpu in match):
            raise DeviceError(f"GPU {text!r} is named twice")
        chosen += match
    return tuple(chosen)


def _matching(
    gpus: tuple[Gpu, ...], wanted: str, *, renumbered: bool, instances: bool = False
) -> tuple[Gpu, ...]:
    """The GPUs that a name stands for: one, none, or several that its start fits."""
    if wanted.isdecimal():
        if renumbered:
            return gpus[int(wanted) : int(wanted) + 1]
        # Of a partitioned GPU, CUDA takes the first instance.
        return tuple(gpu for gpu in gpus if gpu.index == int(wanted))[:1]
    if not re.fullmatch(NAME, wanted):
        return ()
    own = tuple(gpu for gpu in gpus if _begins(gpu.uuid, wanted))
    parts = tuple(gpu for gpu in gpus if gpu.parent is not None and _begins(gpu.parent, wanted))
    bodies = {gpu.body for gpu in parts}
    return own or (parts if instances or len(bodies) > 1 else parts[:1])


def _begins(uuid: str, wanted: str) -> bool:
    # Hexadecimal digits; ROCm's documentation writes them large, the kernel's list small.
    return uuid.lower().startswith(wanted.lower())


def _listed() -> tuple[Gpu, ...]:
    import pynvml  # noqa: PLC0415 - loads the driver's library, which few runs need

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
        count = int(pynvml.nvmlDeviceGetCount())
        return tuple(gpu for index in range(count) for gpu in _described(index, driver))
    finally:
        pynvml.nvmlShutdown()


def _described(index: int, driver: str) -> Iterator[Gpu]:
    """A GPU, or the instances of one that is partitioned: it cannot be used as a whole then."""
    import pynvml  # noqa: PLC0415 - as above

    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    except pynvml.NVMLError:
        # Another user's, or fallen off the bus: listed, and not to be used.
        return
    whole = Gpu(
        index=index,
        uuid=_text(pynvml.nvmlDeviceGetUUID(handle)),
        name=_text(pynvml.nvmlDeviceGetName(handle)),
        memory=_memory(handle),
        capability=f"{major}.{minor}",
        driver=driver,
    )
    instances = instance_handles(handle)
    if instances is None:
        yield whole
        return
    for instance in instances:
        yield Gpu(
            index=index,
            uuid=_text(pynvml.nvmlDeviceGetUUID(instance)),
            name=_text(pynvml.nvmlDeviceGetName(instance)),
            memory=_memory(instance),
            capability=whole.capability,
            driver=driver,
            parent=whole.uuid,
        )


def instance_handles(handle: Any) -> list[Any] | None:
    """NVML's handles of a GPU's instances; ``None`` where it is not partitioned."""
    import pynvml  # noqa: PLC0415 - as above

    mode = asked(pynvml, "nvmlDeviceGetMigMode", handle)
    if mode is None or not mode[0]:
        return None
    slots = range(asked(pynvml, "nvmlDeviceGetMaxMigDeviceCount", handle) or 0)
    found = [asked(pynvml, "nvmlDeviceGetMigDeviceHandleByIndex", handle, slot) for slot in slots]
    return [instance for instance in found if instance is not None]


def asked(pynvml: Any, question: str, *arguments: Any) -> Any:
    """NVML's answer, or ``None`` where this driver, this GPU or this package has none."""
    function: Callable[..., Any] | None = getattr(pynvml, question, None)
    if function is None:
        return None
    try:
        return function(*arguments)
    except pynvml.NVMLError:
        return None


def _memory(handle: Any) -> int:
    import pynvml  # noqa: PLC0415 - as above

    # Where the GPU shares the host's memory, NVML has no number.
    found = asked(pynvml, "nvmlDeviceGetMemoryInfo", handle)
    return 0 if found is None else int(found.total)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
