"""NVML of machines that are not here."""

from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any


@dataclass
class Chip:
    """A GPU of a made-up machine; a question that is not among ``answers`` is not supported."""

    uuid: str
    name: str = "NVIDIA H200"
    memory: int | None = 150 << 30
    capability: tuple[int, int] = (9, 0)
    instances: "list[Chip | None] | None" = None
    """What fills the slots of a partitioned GPU."""

    lost: bool = False
    answers: dict[str, Any] = field(default_factory=dict)


class Nvml(ModuleType):
    """Answers for the given GPUs as the package of NVML does."""

    NVMLError = type("NVMLError", (Exception,), {})

    def __init__(self, *chips: Chip, driver: str = "580.1", cuda: int = 13000) -> None:
        super().__init__("pynvml")
        self.chips, self.driver, self.cuda, self.open = chips, driver, cuda, 0

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("nvmlDeviceGet"):
            raise AttributeError(name)
        return lambda chip, *arguments: self._answer(chip, name, arguments)

    def _answer(self, chip: Chip, name: str, arguments: tuple[Any, ...]) -> Any:
        key = name.removeprefix("nvmlDeviceGet") + "".join(f"/{one}" for one in arguments)
        if key not in chip.answers:
            raise self.NVMLError
        return chip.answers[key]

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's name, as those below
        """Open."""
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        """Close."""
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        """Version of the driver."""
        return self.driver

    def nvmlSystemGetCudaDriverVersion(self) -> int:  # noqa: N802
        """Version of CUDA that the driver has: 13000 is 13.0."""
        return self.cuda

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        """Number of GPUs."""
        return len(self.chips)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Chip:  # noqa: N802
        """The GPU serves as handle."""
        if self.chips[index].lost:
            raise self.NVMLError
        return self.chips[index]

    def nvmlDeviceGetCudaComputeCapability(self, chip: Chip) -> tuple[int, int]:  # noqa: N802
        """Compute capability."""
        return chip.capability

    def nvmlDeviceGetUUID(self, chip: Chip) -> str:  # noqa: N802
        """UUID."""
        return chip.uuid

    def nvmlDeviceGetName(self, chip: Chip) -> str:  # noqa: N802
        """Model."""
        return chip.name

    def nvmlDeviceGetMemoryInfo(self, chip: Chip) -> SimpleNamespace:  # noqa: N802
        """Memory, where the GPU has its own."""
        if chip.memory is None:
            raise self.NVMLError
        return SimpleNamespace(total=chip.memory)

    def nvmlDeviceGetMigMode(self, chip: Chip) -> list[int]:  # noqa: N802
        """Whether it is partitioned, now and after the next reset."""
        on = chip.instances is not None
        return [int(on), int(on)]

    def nvmlDeviceGetMaxMigDeviceCount(self, chip: Chip) -> int:  # noqa: N802
        """Number of slots."""
        return len(chip.instances or ())

    def nvmlDeviceGetMigDeviceHandleByIndex(self, chip: Chip, slot: int) -> Chip:  # noqa: N802
        """The instance in a slot."""
        found = (chip.instances or [])[slot]
        if found is None:
            raise self.NVMLError
        return found
