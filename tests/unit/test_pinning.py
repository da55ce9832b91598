"""Which worker gets which GPU, and how many workers there are."""

import sys
from typing import Any

import execnet
import pytest

from pytest_tritonbench import pinning
from pytest_tritonbench.sandbox import rocm
from pytest_tritonbench.sandbox.devices import DeviceError, Gpu
from tests.unit.sandbox.nvml import Chip, Nvml

GPUS = tuple(Gpu(n, f"GPU-{c * 4}", "NVIDIA H200", 1, "9.0", "580") for n, c in enumerate("abc"))
AMD = Gpu(0, "GPU-00000000deadbeef", "MI300X", 1, "gfx942", "6.16", maker="amd")


@pytest.fixture
def _three(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with three GPUs."""
    chips = (Chip(gpu.uuid) for gpu in GPUS)
    monkeypatch.setitem(sys.modules, "pynvml", Nvml(*chips, driver="580"))


def _specs(*texts: str) -> list[Any]:
    return [execnet.XSpec(text) for text in texts]


def test_workers_take_gpus_in_turn() -> None:
    """Surplus workers are spread evenly; surplus GPUs have none."""
    assert [pinning.assigned(n, GPUS).index for n in range(5)] == [0, 1, 2, 0, 1]


def test_a_worker_sees_its_gpu_alone() -> None:
    """Each specification carries one GPU, and its name for the plugin."""
    specs = _specs("popen", "popen", "popen", "popen")
    pinning.pin(specs, GPUS[:2])
    assert [spec.env["CUDA_VISIBLE_DEVICES"] for spec in specs] == [
        *("GPU-aaaa", "GPU-bbbb", "GPU-aaaa", "GPU-bbbb")
    ]
    assert all(spec.env[pinning.VARIABLE] == spec.env["CUDA_VISIBLE_DEVICES"] for spec in specs)


def test_what_the_user_set_for_a_worker_stays() -> None:
    """A worker with a GPU of the user's and those on another machine are left alone."""
    elsewhere = ("ssh=other", "popen//via=other")
    specs = _specs("popen//env:CUDA_VISIBLE_DEVICES=2", *elsewhere, "popen")
    pinning.pin(specs, GPUS)
    assert [spec.env for spec in specs] == [
        {"CUDA_VISIBLE_DEVICES": "2"},
        {},
        {},
        {"CUDA_VISIBLE_DEVICES": "GPU-aaaa", pinning.VARIABLE: "GPU-aaaa"},
    ]


def test_without_gpus_nothing_is_set() -> None:
    """Workers of a run on the CPU have the environment that they would have anyway."""
    specs = _specs("popen")
    pinning.pin(specs, ())
    assert specs[0].env == {}


def test_amds_variables() -> None:
    """ROCr's narrows; HIP's and CUDA's, whatever they were, count the one GPU that is left."""
    assert pinning.variables(AMD) == {
        pinning.VARIABLE: AMD.uuid,
        "ROCR_VISIBLE_DEVICES": AMD.uuid,
        "HIP_VISIBLE_DEVICES": "0",
        "CUDA_VISIBLE_DEVICES": "0",
    }


@pytest.mark.usefixtures("_three")
def test_a_pinned_worker_does_not_choose_again() -> None:
    """Of `--tb-gpu=2,1` the second worker has GPU 1, though it sees one GPU and its name is 7."""
    outer = {"PYTEST_XDIST_WORKER": "gw7", **pinning.variables(GPUS[1])}
    found = pinning.gpu_of_process("2,1", outer)
    assert found is not None
    assert found.uuid == "GPU-bbbb"


@pytest.mark.usefixtures("_three")
def test_a_pinned_gpu_that_is_gone() -> None:
    """A GPU that fell off the bus is not replaced by another one silently."""
    outer = {"PYTEST_XDIST_WORKER": "gw0", pinning.VARIABLE: "GPU-dddd"}
    with pytest.raises(DeviceError, match="GPU-dddd"):
        pinning.gpu_of_process(None, outer)


@pytest.mark.usefixtures("_three")
@pytest.mark.parametrize(
    ("wanted", "outer", "index"),
    [
        (None, {}, 0),
        ("2", {}, 2),
        ("all", {"CUDA_VISIBLE_DEVICES": "1,2"}, 1),
        (None, {"PYTEST_XDIST_WORKER": "gw4"}, 1),
        ("2,0", {"PYTEST_XDIST_WORKER": "gw1"}, 0),
        (None, {"CUDA_VISIBLE_DEVICES": ""}, None),
        ("cpu", {}, None),
        # What a run within a worker of another run inherits binds nobody.
        ("2", {pinning.VARIABLE: "GPU-aaaa"}, 2),
    ],
)
def test_the_gpu_of_a_process_that_is_not_pinned(
    wanted: str | None, outer: dict[str, str], index: int | None
) -> None:
    """The first of what was asked for; a worker that nobody pinned goes by its name."""
    found = pinning.gpu_of_process(wanted, outer)
    assert (None if found is None else found.index) == index


@pytest.mark.usefixtures("_three")
@pytest.mark.parametrize(
    ("wanted", "outer", "count"),
    [
        (None, {}, 3),
        ("all", {}, 3),
        ("0,2", {}, 2),
        (None, {"CUDA_VISIBLE_DEVICES": "1"}, 1),
        ("cpu", {}, None),
        (None, {"CUDA_VISIBLE_DEVICES": ""}, None),
        (None, {"PYTEST_XDIST_AUTO_NUM_WORKERS": "8"}, None),
        ("9", {}, None),
    ],
)
def test_auto_is_the_number_of_gpus(
    wanted: str | None, outer: dict[str, str], count: int | None
) -> None:
    """One worker a GPU; pytest-xdist decides where there is none, or where it was told."""
    assert pinning.auto_workers(wanted, outer) == count


def test_auto_without_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A machine without one has as many workers as pytest-xdist likes."""
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    monkeypatch.setattr(rocm, "SYSTEM", tmp_path)
    assert pinning.auto_workers(None, {}) is None
