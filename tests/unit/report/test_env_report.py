"""What `--tb-env` prints, on machines that are made up."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tritonbench.report import gpu_facts, installed
from pytest_tritonbench.report.env_report import report
from pytest_tritonbench.sandbox import rocm
from pytest_tritonbench.sandbox.devices import Gpu
from tests.unit.sandbox.nvml import Chip, Nvml

CLOCKS = {
    "ClockInfo/1": 345,
    "MaxClockInfo/1": 1980,
    "ClockInfo/2": 3201,
    "MaxClockInfo/2": 3201,
    "CurrentClocksEventReasons": 0x1 | 0x4,
}
H200 = Chip("GPU-aaaa-00", answers=CLOCKS)


class Broken(Nvml):
    """A machine without a driver."""

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's name
        """Fail as NVML does."""
        raise self.NVMLError("NVML Shared Library Not Found")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Make the machine: its NVML, and what is installed."""
    state: dict[str, Any] = {"versions": {}, "requires": {"pytest-tritonbench": ["triton>=3.6"]}}
    built = tmp_path / "version.py"

    def make(
        nvml: Nvml, *, torch: str = "2.11.0+cu130", cuda: str = "'13.0'", hip: str = "None"
    ) -> dict[str, Any]:
        monkeypatch.setitem(sys.modules, "pynvml", nvml)
        built.write_text(
            f"from typing import Optional\n__version__ = '{torch}'\n"
            f"cuda: Optional[str] = {cuda}\nhip: Optional[str] = {hip}\nxpu = None\n"
        )
        state["versions"] |= {"torch": torch, "triton": "3.6.0"}
        return state

    def version(name: str) -> str:
        found: str = state["versions"].get(name, "1.0")
        return found

    monkeypatch.setattr(installed, "version", version)
    monkeypatch.setattr(installed, "requires", state["requires"].get)
    there = SimpleNamespace(locate_file=lambda _: built)
    monkeypatch.setattr(installed, "distribution", lambda _: there)
    monkeypatch.setattr(rocm, "SYSTEM", tmp_path / "sys")
    monkeypatch.setattr(rocm, "ROCM", tmp_path / "rocm")
    return make


def _text(**options: Any) -> str:
    return "\n".join(report(**{"environment": {}, **options}).lines())


def test_a_gpu_with_all_that_is_asked_first(machine: Any) -> None:
    """Model, memory, capability, clocks and what holds them back, formats, driver and versions."""
    made = Nvml(H200, driver="580.159.04", cuda=13010)
    machine(made)
    text = _text()
    for line in (
        "torch     2.11.0+cu130, built for CUDA 13.0",
        "triton    3.6.0 (this plugin asks for >=3.6)",
        "driver    580.159.04, CUDA up to 13.1",
        "gpu 0     NVIDIA H200, 150.0 GiB, compute capability 9.0",
        "          GPU-aaaa-00",
        "          clock 345 of 1980 MHz, memory 3201 of 3201 MHz (idle, power limit)",
        "          dtypes of its matrix units: fp16, bf16, tf32, fp8",
        "kernels   run on the GPU",
    ):
        assert line in text.splitlines()
    assert "warning" not in text
    assert made.open == 0


def test_it_fits_the_terminal(machine: Any) -> None:
    """No line has more than 80 columns, however long the names are."""
    parts: list[Chip | None] = [
        Chip(f"MIG-{n * 4}-" + "0" * 28, "NVIDIA H200 MIG 1g.18gb" * 3) for n in "ab"
    ]
    machine(Nvml(Chip("GPU-" + "1" * 32, instances=parts, answers=CLOCKS)))
    lines = report(environment={"CUDA_VISIBLE_DEVICES": "MIG-aaaa," + "x" * 99}).lines()
    assert max(map(len, lines)) <= 80
    assert any(f"GPU-{'1' * 32}" in line for line in lines)


def test_what_cannot_be_asked_is_unknown(machine: Any) -> None:
    """A driver that answers little gives no made-up number, in the text nor in the data."""
    machine(Nvml(Chip("GPU-aaaa", memory=None, capability=(7, 0))))
    text = _text()
    assert "NVIDIA H200, memory unknown, compute capability 7.0" in text
    assert "clock unknown, memory unknown\n" in text
    [gpu] = report(environment={}).as_json()["gpus"]
    assert gpu["memory"] is None
    assert set(gpu["clocks"].values()) == {None}


def test_no_gpu(machine: Any) -> None:
    """The interpreter would run, and the reason is what NVML said."""
    machine(Broken(), torch="2.11.0+cpu", cuda="None")
    text = " ".join(_text().split())
    assert "built for the CPU alone" in text
    assert "driver none found" in text
    assert (
        "run in Triton's interpreter: no GPU was found (NVML Shared Library Not Found; no AMD GPU"
    ) in text
    assert "warning" not in text


@pytest.mark.parametrize(
    ("wanted", "environment", "why"),
    [
        ("cpu", {}, "--tb-gpu=cpu"),
        (None, {"CUDA_VISIBLE_DEVICES": ""}, "CUDA_VISIBLE_DEVICES='' leaves none of 2 visible"),
        ("5", {}, "--tb-gpu: there is no GPU '5' here (GPUs: 0, 1)"),
        (None, {}, None),
        ("all", {}, None),
    ],
)
def test_why_the_interpreter(
    machine: Any, wanted: str | None, environment: dict[str, str], why: str | None
) -> None:
    """Asked for, hidden, or not there; None where kernels run on a GPU."""
    machine(Nvml(H200, Chip("GPU-bbbb")))
    assert report(wanted, environment).interpreter == why


def test_gpus_are_counted_as_the_option_counts_them(machine: Any) -> None:
    """Of two with the second visible, that is 0; the other has no number and is not used."""
    machine(Nvml(H200, Chip("GPU-bbbb")))
    found = report(environment={"CUDA_VISIBLE_DEVICES": "1"})
    assert [(one.number, one.used) for one in found.gpus] == [(None, False), (0, True)]
    text = "\n".join(found.lines())
    assert "gpu -     NVIDIA H200, 150.0 GiB, compute capability 9.0, not used" in text
    assert "set       CUDA_VISIBLE_DEVICES=1" in text


@pytest.mark.parametrize(
    ("built", "told"),
    [
        ({"torch": "2.11.0+cpu", "cuda": "None"}, "torch was built without CUDA"),
        ({"cuda": "'14.0'"}, "torch was built for CUDA 14.0, and the driver has 13.0: update"),
        ({"cuda": "'13.2'"}, None),
        ({"cuda": "'12.8'"}, None),
    ],
)
def test_torch_and_driver_that_do_not_fit(machine: Any, built: Any, told: str | None) -> None:
    """A build without CUDA beside a GPU, and one for a newer CUDA than the driver has."""
    machine(Nvml(H200), **built)
    warnings = report(environment={}).warnings
    assert len(warnings) == (told is not None)
    assert (told or "") in "".join(warnings)


def test_triton_that_does_not_fit(machine: Any) -> None:
    """A version that the plugin does not take, and what torch asks for beside it."""
    state = machine(Nvml(H200))
    state["versions"]["triton"] = "3.1.0"
    state["requires"]["torch"] = [
        'triton==3.6.0; platform_system == "Linux"',
        'triton-windows==9; platform_system == "Windows"',
    ]
    found = report(environment={})
    assert found.warnings == ("triton 3.1.0 is not what this plugin asks for: >=3.6",)
    assert "(this plugin asks for >=3.6, torch for ==3.6.0)" in "\n".join(found.lines())


def test_a_gpu_that_triton_does_not_take(machine: Any) -> None:
    """It has matrix units for fp16, and Triton does not support it."""
    machine(Nvml(Chip("GPU-aaaa", "Tesla V100", capability=(7, 0))))
    found = report(environment={})
    assert found.warnings == ("Tesla V100 has compute capability 7.0; Triton asks for 8.0",)


def test_a_variable_that_changes_nothing(machine: Any) -> None:
    """TRITON_INTERPRET does not reach the sandbox; what does is named."""
    machine(Nvml(H200))
    assert not report(environment={"TRITON_INTERPRET": "0"}).warnings
    [warning] = report(environment={"TRITON_INTERPRET": "1"}).warnings
    assert "--tb-gpu=cpu" in warning


def test_an_amd_gpu(machine: Any, tmp_path: Path) -> None:
    """Architecture, formats and ROCm; clocks are not asked for and not made up."""
    machine(Nvml(), torch="2.11.0+rocm7.1", cuda="None", hip="'7.1.52802'")
    node = tmp_path / "sys/class/kfd/kfd/topology/nodes/1"
    node.mkdir(parents=True)
    (node / "properties").write_text("simd_count 8\ngfx_target_version 90402\nunique_id 7\n")
    (tmp_path / "rocm/.info").mkdir(parents=True)
    (tmp_path / "rocm/.info/version").write_text("7.1.1\n")
    text = _text()
    assert "built for ROCm 7.1.52802" in text
    assert "rocm      7.1.1" in text
    assert "gpu 0     AMD gfx942, memory unknown, gfx942\n" in text
    assert "fp16, bf16, tf32, fp8 (fnuz)" in text
    assert "clock unknown" in text
    assert "kernels   run on the GPU" in text
    assert "warning" not in text


@pytest.mark.parametrize(
    ("capability", "maker", "expected"),
    [
        ("7.5", "nvidia", ("fp16",)),
        ("8.0", "nvidia", ("fp16", "bf16", "tf32")),
        ("8.9", "nvidia", ("fp16", "bf16", "tf32", "fp8")),
        ("9.0", "nvidia", ("fp16", "bf16", "tf32", "fp8")),
        ("12.0", "nvidia", ("fp16", "bf16", "tf32", "fp8", "fp4")),
        ("gfx90a", "amd", ("fp16", "bf16")),
        ("gfx1250", "amd", None),
        ("odd", "nvidia", None),
    ],
)
def test_formats_by_architecture(
    capability: str, maker: str, expected: tuple[str, ...] | None
) -> None:
    """10.0 is newer than 8.9; of an architecture that is not in the tables nothing is said."""
    assert gpu_facts.formats(Gpu(0, "u", "n", 0, capability, "d", maker=maker)) == expected


def test_an_older_driver_names_the_reasons_otherwise(machine: Any) -> None:
    """What holds the clocks back is asked under its older name as well."""
    machine(Nvml(Chip("GPU-a", answers={"CurrentClocksThrottleReasons": 0x40})))
    [gpu] = report(environment={}).gpus
    assert gpu.clocks.held_back == ("hardware, temperature",)


def test_it_is_data_too(machine: Any) -> None:
    """Everything can be written as JSON; a record gets what does not change, and its own GPU."""
    machine(Nvml(H200, Chip("GPU-bbbb")), cuda="'13.0'")
    found = report(environment={})
    data = json.loads(json.dumps(found.as_json()))
    assert data["versions"]["torch"] == "2.11.0+cu130"
    assert data["gpus"][0]["dtypes"] == ["fp16", "bf16", "tf32", "fp8"]
    mine = found.for_record(found.gpus[0].gpu)
    assert mine["gpu_facts"]["uuid"] == "GPU-aaaa-00"
    assert mine["gpu_facts"]["clocks"] == {"sm_max": 1980, "memory_max": 3201}
    assert found.for_record(None)["gpu_facts"] is None


def test_nothing_heavy_is_imported() -> None:
    """On this machine as it is, the report imports neither torch nor triton."""
    program = (
        "import sys\n"
        "from pytest_tritonbench.report.env_report import report\n"
        "lines = report().lines()\n"
        "assert not {'torch', 'triton'} & sys.modules.keys()\n"
        "print('\\n'.join(lines))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("plugin    pytest-tritonbench ")
    assert "\nkernels   run " in done.stdout
