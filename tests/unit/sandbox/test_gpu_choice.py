"""GPUs are found by asking the driver, and chosen as CUDA_VISIBLE_DEVICES and the user say."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pytest_tritonbench.sandbox.devices import DeviceError, Gpu, choose, inventory

GPUS = tuple(
    Gpu(n, f"GPU-{c}{c}{c}{c}-0000", "NVIDIA H200", 150 << 30, "9.0", "580.1")
    for n, c in enumerate("abc")
)


class Driver(ModuleType):
    """NVML of a machine with three GPUs, as old and new versions of its package answer."""

    NVMLError = type("NVMLError", (Exception,), {})

    def __init__(self, *, works: bool = True, binary: bool = False) -> None:
        super().__init__("pynvml")
        self.works, self.binary, self.open = works, binary, 0

    def text(self, value: str) -> Any:
        """Text or bytes."""
        return value.encode() if self.binary else value

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's name, as those below
        """Open, or fail as without a driver."""
        if not self.works:
            raise self.NVMLError
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        """Close."""
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> Any:  # noqa: N802
        """Version of the driver."""
        return self.text("580.1")

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        """Three."""
        return len(GPUS)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        """The index serves as handle."""
        return index

    def nvmlDeviceGetCudaComputeCapability(self, _: int) -> tuple[int, int]:  # noqa: N802
        """Hopper."""
        return 9, 0

    def nvmlDeviceGetUUID(self, handle: int) -> Any:  # noqa: N802
        """As listed above."""
        return self.text(GPUS[handle].uuid)

    def nvmlDeviceGetName(self, _: int) -> Any:  # noqa: N802
        """As listed above."""
        return self.text("NVIDIA H200")

    def nvmlDeviceGetMemoryInfo(self, _: int) -> SimpleNamespace:  # noqa: N802
        """As listed above."""
        return SimpleNamespace(total=150 << 30)


@pytest.mark.parametrize("binary", [False, True])
def test_the_driver_lists_the_gpus(monkeypatch: pytest.MonkeyPatch, *, binary: bool) -> None:
    """Every field is read, whether NVML's package gives text or bytes, and NVML is closed."""
    driver = Driver(binary=binary)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    assert inventory({}) == GPUS
    assert driver.open == 0


def test_no_driver_means_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU is a normal state, not an error."""
    monkeypatch.setitem(sys.modules, "pynvml", Driver(works=False))
    assert inventory({}) == ()


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("2,0", [2, 0]),
        ("GPU-bbbb", [1]),
        ("GPU-bbbb-0000, 2", [1, 2]),
        ("1,9,2", [1]),
        ("-1", []),
        ("", []),
    ],
)
def test_visible_devices_are_obeyed(
    monkeypatch: pytest.MonkeyPatch, visible: str, expected: list[int]
) -> None:
    """In CUDA's order, by index or by the start of a UUID, and up to the first unknown name."""
    monkeypatch.setitem(sys.modules, "pynvml", Driver())
    found = inventory({"CUDA_VISIBLE_DEVICES": visible})
    assert [gpu.index for gpu in found] == expected


def test_indices_count_the_visible_ones() -> None:
    """`--tb-gpu 0` is the first GPU that is visible, as it is for CUDA."""
    assert choose("0", GPUS[1:]) == (GPUS[1],)
    assert choose("1, 0", GPUS[1:]) == (GPUS[2], GPUS[1])
    assert choose("GPU-cccc", GPUS) == (GPUS[2],)


@pytest.mark.parametrize(
    ("ids", "gpus", "told"),
    [
        ("3", GPUS, r"there is no GPU '3' here \(GPUs: 0, 1, 2\)"),
        ("0,GPU-dddd", GPUS, r"there is no GPU 'GPU-dddd' here \(GPUs: 0, 1, 2\)"),
        ("0", (), r"there is no GPU '0' here \(GPUs: none\)"),
    ],
)
def test_a_gpu_that_is_not_there(ids: str, gpus: tuple[Gpu, ...], told: str) -> None:
    """The message names it and lists what there is."""
    with pytest.raises(DeviceError, match=told):
        choose(ids, gpus)
