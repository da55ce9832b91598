"""Partitioned GPUs, GPUs that answer little, and lists of GPUs that are odd."""

import sys

import pytest

from pytest_tritonbench.sandbox.devices import DeviceError, choose, inventory, visible
from tests.unit.sandbox.nvml import Chip, Nvml

PARTS = [
    Chip("MIG-1111-aa", "NVIDIA H200 MIG 3g.71gb", 71 << 30),
    None,
    Chip("MIG-2222-bb", "NVIDIA H200 MIG 1g.18gb", 18 << 30),
]


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Nvml:
    """A whole GPU, a partitioned one, and a whole one."""
    made = Nvml(Chip("GPU-aaaa-00"), Chip("GPU-bbbb-00", instances=PARTS), Chip("GPU-abba-00"))
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


@pytest.mark.usefixtures("nvml")
def test_instances_stand_for_a_partitioned_gpu() -> None:
    """They have their own name and memory, and its index and capability; empty slots are none."""
    found = inventory({})
    assert [gpu.uuid for gpu in found] == [
        *("GPU-aaaa-00", "MIG-1111-aa", "MIG-2222-bb", "GPU-abba-00")
    ]
    assert [gpu.index for gpu in found] == [0, 1, 1, 2]
    assert [gpu.parent for gpu in found] == [None, "GPU-bbbb-00", "GPU-bbbb-00", None]
    assert found[1].name == "NVIDIA H200 MIG 3g.71gb"
    assert (found[1].memory, found[1].capability) == (71 << 30, "9.0")


@pytest.mark.usefixtures("nvml")
def test_instances_share_a_body() -> None:
    """What is locked for timing is the GPU whose clocks and power they share."""
    whole, one, two, _ = inventory({})
    assert one.body == two.body == "GPU-bbbb-00"
    assert whole.body == whole.uuid


@pytest.mark.usefixtures("nvml")
@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("MIG-2222-bb", ["MIG-2222-bb"]),
        ("MIG-2", ["MIG-2222-bb"]),
        ("1", ["MIG-1111-aa"]),
        ("GPU-bbbb", ["MIG-1111-aa"]),
        ("2,0", ["GPU-abba-00", "GPU-aaaa-00"]),
        # The start of several names is no name.
        ("GPU-a", []),
        ("0,GPU-a,2", ["GPU-aaaa-00"]),
        # A GPU that comes twice leaves none, under one name or two.
        ("0,2,0", []),
        ("0,GPU-aaaa", []),
        ("NoDevFiles", []),
        ("", []),
    ],
)
def test_the_variable_is_read_as_cuda_reads_it(variable: str, expected: list[str]) -> None:
    """Indices of GPUs, UUIDs and their starts, up to the first that names nothing, none twice."""
    found = inventory({"CUDA_VISIBLE_DEVICES": variable})
    assert [gpu.uuid for gpu in found] == expected


@pytest.mark.usefixtures("nvml")
def test_all_of_them() -> None:
    """`all` is every GPU and instance that is visible, in their order."""
    assert choose("all", inventory({})) == inventory({})
    some = inventory({"CUDA_VISIBLE_DEVICES": "2,0"})
    assert choose("all", some) == some
    with pytest.raises(DeviceError, match="no GPU here to use all of"):
        choose("all", ())


@pytest.mark.usefixtures("nvml")
def test_a_partitioned_gpu_stands_for_its_instances() -> None:
    """Asked for by UUID it gives all its instances; an index counts what is visible."""
    gpus = inventory({})
    assert choose("GPU-bbbb", gpus) == gpus[1:3]
    assert choose("2,MIG-1111-aa", gpus) == (gpus[2], gpus[1])


@pytest.mark.usefixtures("nvml")
@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ("GPU-a", "'GPU-a' is the start of several GPUs' names: GPU-aaaa-00, GPU-abba-00"),
        ("0,GPU-aaaa", "GPU 'GPU-aaaa' is named twice"),
        ("GPU-bbbb,2", "GPU '2' is named twice"),
        ("MIG-9", r"there is no GPU 'MIG-9' here \(GPUs: 0, 1, 2, 3\)"),
        ("all,0", "there is no GPU 'all' here"),
    ],
)
def test_what_cannot_be_chosen(ids: str, told: str) -> None:
    """The message says which name is wrong and why."""
    with pytest.raises(DeviceError, match=told):
        choose(ids, inventory({}))


def test_gpus_that_answer_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot be opened is left out; one without memory of its own has 0 bytes."""
    made = Nvml(Chip("GPU-aaaa", lost=True), Chip("GPU-cccc", memory=None))
    monkeypatch.setitem(sys.modules, "pynvml", made)
    [gpu] = inventory({})
    assert (gpu.uuid, gpu.index, gpu.memory) == ("GPU-cccc", 1, 0)
    assert made.open == 0


def test_an_older_package_knows_no_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its functions every GPU is a whole one."""
    made = Nvml(Chip("GPU-aaaa", instances=PARTS))
    monkeypatch.setattr(made, "nvmlDeviceGetMigMode", None)
    monkeypatch.setitem(sys.modules, "pynvml", made)
    assert [gpu.uuid for gpu in inventory({})] == ["GPU-aaaa"]


def test_without_the_variable_all_are_visible() -> None:
    """Not set is everything; empty is nothing."""
    assert visible((), None) == ()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pynvml", Nvml(Chip("GPU-aaaa"), Chip("GPU-bbbb")))
        assert len(inventory({})) == 2
        assert inventory({"CUDA_VISIBLE_DEVICES": ""}) == ()
