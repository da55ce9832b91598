"""AMD's GPUs, out of the files that the kernel shows."""

import sys
from pathlib import Path

import pytest

from pytest_tritonbench.sandbox import rocm
from pytest_tritonbench.sandbox.devices import choose, inventory
from tests.unit.sandbox.nvml import Nvml


def _node(system: Path, number: int, **facts: int) -> Path:
    node = system / f"class/kfd/kfd/topology/nodes/{number}"
    node.mkdir(parents=True)
    lines = [f"{name} {value}\n" for name, value in facts.items()]
    (node / "properties").write_text("".join(lines))
    return node


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with two processors, an MI300X, an MI250X and a consumer GPU, and no NVML."""
    for number in (0, 1):
        _node(tmp_path, number, cpu_cores_count=64, simd_count=0, gfx_target_version=0)
    unique = 0xDEADBEEFDEADBEEF
    big = _node(tmp_path, 2, simd_count=1216, gfx_target_version=90402, unique_id=unique)
    for bank, (heap, size) in enumerate([(1, 192 << 30), (4, 64 << 10)]):
        (big / f"mem_banks/{bank}").mkdir(parents=True)
        text = f"heap_type {heap}\nsize_in_bytes {size}\n"
        (big / f"mem_banks/{bank}/properties").write_text(text)
    _node(tmp_path, 3, simd_count=440, gfx_target_version=90010, unique_id=0x1234)
    place = {"drm_render_minor": 130, "domain": 0, "location_id": 768}
    _node(tmp_path, 10, simd_count=192, gfx_target_version=110000, unique_id=0, **place)
    for path, text in [
        ("class/drm/renderD130/device/product_name", "AMD Radeon PRO W7900\n"),
        ("module/amdgpu/version", "6.16.6\n"),
    ]:
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    monkeypatch.setattr(rocm, "SYSTEM", tmp_path)
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    return tmp_path


@pytest.mark.usefixtures("system")
def test_the_kernel_lists_them() -> None:
    """In the order of their nodes, with architecture, memory and name; processors are none."""
    one, two, three = inventory({})
    assert (one.uuid, one.capability, one.memory) == ("GPU-deadbeefdeadbeef", "gfx942", 192 << 30)
    assert (one.name, one.driver, one.maker) == ("AMD gfx942", "6.16.6", "amd")
    assert (two.uuid, two.capability) == ("GPU-0000000000001234", "gfx90a")
    assert (three.name, three.capability) == ("AMD Radeon PRO W7900", "gfx1100")
    assert [gpu.index for gpu in (one, two, three)] == [0, 1, 2]


@pytest.mark.usefixtures("system")
def test_one_without_a_name_of_its_own() -> None:
    """Its place on the bus tells it apart, and its number selects it."""
    three = inventory({})[2]
    assert (three.uuid, three.selector) == ("AMD-0-768", "2")
    assert inventory({})[0].selector == "GPU-deadbeefdeadbeef"


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ROCR_VISIBLE_DEVICES": "2,0"}, [2, 0]),
        ({"ROCR_VISIBLE_DEVICES": "GPU-deadbeefdeadbeef"}, [0]),
        ({"HIP_VISIBLE_DEVICES": "1"}, [1]),
        ({"CUDA_VISIBLE_DEVICES": "1"}, [1]),
        ({"HIP_VISIBLE_DEVICES": "1", "CUDA_VISIBLE_DEVICES": "0"}, [1]),
        ({"ROCR_VISIBLE_DEVICES": "2,0", "HIP_VISIBLE_DEVICES": "1"}, [0]),
        ({"ROCR_VISIBLE_DEVICES": "2,0", "HIP_VISIBLE_DEVICES": "2"}, []),
        ({"ROCR_VISIBLE_DEVICES": ""}, []),
    ],
)
def test_the_variables_are_obeyed(environment: dict[str, str], expected: list[int]) -> None:
    """ROCr's numbers all, HIP's numbers what ROCr's left, CUDA's stands in for HIP's."""
    assert [gpu.index for gpu in inventory(environment)] == expected


@pytest.mark.usefixtures("system")
def test_they_are_chosen_alike() -> None:
    """`--tb-gpu` takes numbers and UUIDs of these as well."""
    gpus = inventory({})
    assert choose("GPU-dead", gpus) == gpus[:1]
    assert choose("2,1", gpus) == (gpus[2], gpus[1])


@pytest.mark.parametrize(
    ("version", "name"),
    [(90402, "gfx942"), (90010, "gfx90a"), (110000, "gfx1100"), (120001, "gfx1201")],
)
def test_architectures_are_named_as_the_compiler_does(version: int, name: str) -> None:
    """The step is a hexadecimal digit."""
    assert rocm.architecture(version) == name


def test_a_container_that_lacks_one(system: Path) -> None:
    """A GPU whose facts cannot be read is left out, and the others move up."""
    (system / "class/kfd/kfd/topology/nodes/2/properties").unlink()
    assert [gpu.capability for gpu in rocm.listed()] == ["gfx90a", "gfx1100"]


def test_no_driver(tmp_path: Path) -> None:
    """A machine without AMD's driver has none of them, and no ROCm."""
    assert rocm.listed(tmp_path) == ()
    assert rocm.release(tmp_path) is None
    (tmp_path / ".info").mkdir()
    (tmp_path / ".info/version").write_text("7.1.1-38\n")
    assert rocm.release(tmp_path) == "7.1.1-38"
