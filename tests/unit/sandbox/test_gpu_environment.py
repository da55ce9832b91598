"""The sandbox's processes see the GPU that they are to use, and no other, of whichever maker."""

import sys
from pathlib import Path

import pytest

from pytest_tritonbench.sandbox import rocm
from pytest_tritonbench.sandbox.devices import Gpu, inventory
from pytest_tritonbench.sandbox.environment import environment
from tests.unit.sandbox.nvml import Chip, Nvml

PARTS: list[Chip | None] = [Chip("MIG-1111"), Chip("MIG-2222")]
NVIDIA = (Chip("GPU-aaaa"), Chip("GPU-bbbb", instances=PARTS), Chip("GPU-cccc"))
AMD = (
    Gpu(0, "GPU-00000000deadbeef", "MI300X", 1, "gfx942", "6.16", maker="amd"),
    Gpu(1, "AMD-0-768", "W7900", 1, "gfx1100", "6.16", maker="amd"),
    Gpu(2, "GPU-000000000000cafe", "MI300X", 1, "gfx942", "6.16", maker="amd"),
)
OUTER: tuple[dict[str, str], ...] = (
    {},
    {"CUDA_VISIBLE_DEVICES": "2"},
    {"HIP_VISIBLE_DEVICES": "2,1", "ROCR_VISIBLE_DEVICES": "2,0,1", "CUDA_VISIBLE_DEVICES": "7"},
)


@pytest.fixture
def _nvidia(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with two GPUs of NVIDIA's and one in two parts."""
    monkeypatch.setitem(sys.modules, "pynvml", Nvml(*NVIDIA))
    monkeypatch.setattr(rocm, "SYSTEM", tmp_path)


@pytest.fixture
def _amd(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with three of AMD's, one without a name of its own."""
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    monkeypatch.setattr(rocm, "listed", lambda: AMD)


@pytest.mark.usefixtures("_nvidia")
@pytest.mark.parametrize("outer", OUTER)
def test_one_of_nvidias(outer: dict[str, str]) -> None:
    """By UUID, so that neither numbers nor their order matter; an instance is one as well."""
    for gpu in inventory({}):
        inner = environment(outer, gpu)
        assert inner["CUDA_VISIBLE_DEVICES"] == gpu.uuid
        assert inventory(inner) == (gpu,)


@pytest.mark.usefixtures("_amd")
@pytest.mark.parametrize("outer", OUTER)
def test_one_of_amds(outer: dict[str, str]) -> None:
    """ROCr's variable names it; HIP's, which is one of numbers, counts what that leaves."""
    for gpu, named in zip(AMD, ("GPU-00000000deadbeef", "1", "GPU-000000000000cafe"), strict=True):
        inner = environment(outer, gpu)
        assert inner["ROCR_VISIBLE_DEVICES"] == named
        assert (inner["HIP_VISIBLE_DEVICES"], inner["CUDA_VISIBLE_DEVICES"]) == ("0", "0")
        assert inventory(inner) == (gpu,)


@pytest.mark.usefixtures("_amd")
def test_one_of_amds_in_a_worker_that_was_pinned_to_it() -> None:
    """What the worker sees already is not counted a second time."""
    for gpu in AMD:
        [seen] = inventory(gpu.variables)
        assert environment(gpu.variables, seen) | gpu.variables == environment({}, gpu)


@pytest.mark.parametrize("maker", ["_nvidia", "_amd"])
@pytest.mark.parametrize("outer", OUTER)
def test_none_on_the_cpu(request: pytest.FixtureRequest, maker: str, outer: dict[str, str]) -> None:
    """Hidden from every runtime; HIP would take an empty list for none at all, and show all."""
    request.getfixturevalue(maker)
    assert inventory({})
    inner = environment(outer, "cpu")
    assert inventory(inner) == ()
    assert (inner["HIP_VISIBLE_DEVICES"], inner["ROCR_VISIBLE_DEVICES"]) == ("-1", "")


@pytest.mark.usefixtures("_amd")
def test_names_in_capitals() -> None:
    """ROCm's documentation writes them so, and ROCr takes both."""
    assert inventory({"ROCR_VISIBLE_DEVICES": "GPU-00000000DEADBEEF"}) == AMD[:1]
