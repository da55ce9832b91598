"""What ``--tb-env`` prints: what one asks first when a kernel behaves otherwise elsewhere.

Nothing here imports torch or triton or opens a GPU: versions are those that are installed, and the
driver is asked by NVML.
"""

from __future__ import annotations

import os
import platform
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import Requirement

from pytest_tritonbench.sandbox import rocm
from pytest_tritonbench.sandbox.devices import DeviceError, Gpu, choose, inventory

from . import installed
from .gpu_facts import TRITON_FLOOR, Clocks, clocks, formats, too_old

UNKNOWN = "unknown"
WIDTH = 80
_INDENT = 10
_PLUGIN = "pytest-tritonbench"
_BESIDE = ("pytest", "pytest-benchmark", "pytest-xdist", "hypothesis", "numpy")
_VISIBLE = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


@dataclass(frozen=True)
class Described:
    """One GPU."""

    gpu: Gpu
    clocks: Clocks
    number: int | None
    """As ``--tb-gpu`` counts it; ``None`` for one that is not visible to this process."""

    used: bool
    """Whether this run uses it."""

    def as_json(self) -> dict[str, Any]:
        """Plain data; ``None`` where something cannot be asked."""
        found = formats(self.gpu)
        return {
            "number": self.number,
            "name": self.gpu.name,
            "uuid": self.gpu.uuid,
            "part_of": self.gpu.parent,
            "memory": self.gpu.memory or None,
            "capability": self.gpu.capability,
            "dtypes": None if found is None else list(found),
            "clocks": self.clocks.as_json(),
            "used": self.used,
        }


@dataclass(frozen=True)
class Report:
    """The environment of a run."""

    os: str
    python: str
    versions: Mapping[str, str | None]
    """Of packages by name; ``None`` for one that is not installed."""

    torch_cuda: str | None
    """Version of CUDA that torch was built with; ``None`` where it was built without."""

    torch_rocm: str | None
    needs_triton: str | None
    """What this plugin asks for, such as ``>=3.6``."""

    torch_needs_triton: str | None
    """What torch asks for, such as ``==3.6.0``; ``None`` where it asks for none."""

    driver: str | None
    driver_cuda: str | None
    """The newest version of CUDA that the driver has."""

    rocm: str | None
    gpus: tuple[Described, ...]
    interpreter: str | None
    """Why kernels would run in Triton's interpreter; ``None`` where they run on a GPU."""

    warnings: tuple[str, ...]
    """What does not fit together, one sentence each."""

    variables: Mapping[str, str]
    """Those of the environment that choose among GPUs."""

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "os": self.os,
            "python": self.python,
            "versions": dict(self.versions),
            "torch_cuda": self.torch_cuda,
            "torch_rocm": self.torch_rocm,
            "needs_triton": self.needs_triton,
            "torch_needs_triton": self.torch_needs_triton,
            "driver": self.driver,
            "driver_cuda": self.driver_cuda,
            "rocm": self.rocm,
            "gpus": [gpu.as_json() for gpu in self.gpus],
            "interpreter": self.interpreter,
            "warnings": list(self.warnings),
            "variables": dict(self.variables),
        }

    def lines(self) -> list[str]:
        """As text, in lines of at most 80 columns."""
        return [line for label, text in self._entries() for line in _entry(label, text)]

    def for_record(self, gpu: Gpu | None) -> dict[str, Any]:
        """The part of it that explains a record: what does not change, and the record's own GPU."""
        mine = next((one.as_json() for one in self.gpus if one.gpu == gpu), None)
        if mine is not None:
            # What the clocks are when a run begins says nothing of a later moment.
            most = {name: mine["clocks"][name] for name in ("sm_max", "memory_max")}
            mine = {**mine, "clocks": most}
        return {
            "torch_cuda": self.torch_cuda,
            "torch_rocm": self.torch_rocm,
            "driver_cuda": self.driver_cuda,
            "rocm": self.rocm,
            "gpu_facts": mine,
        }

    def _entries(self) -> Iterator[tuple[str, str]]:
        yield "plugin", f"{_PLUGIN} {self.versions[_PLUGIN] or UNKNOWN}"
        yield "os", self.os
        yield "python", self.python
        yield "beside", ", ".join(f"{name} {self.versions[name] or 'not here'}" for name in _BESIDE)
        built = f"CUDA {self.torch_cuda}" if self.torch_cuda else "the CPU alone"
        built = f"ROCm {self.torch_rocm}" if self.torch_rocm else built
        torch = self.versions["torch"]
        yield "torch", f"{torch}, built for {built}" if torch else "not installed"
        asked = f"this plugin asks for {self.needs_triton or UNKNOWN}"
        if self.torch_needs_triton:
            asked += f", torch for {self.torch_needs_triton}"
        yield "triton", f"{self.versions['triton'] or 'not installed'} ({asked})"
        if self.rocm or self.torch_rocm:
            yield "rocm", self.rocm or UNKNOWN
        driver = "none found" if self.driver is None else self.driver
        yield "driver", driver + (f", CUDA up to {self.driver_cuda}" if self.driver_cuda else "")
        for name, value in self.variables.items():
            yield "set", f"{name}={value}"
        for one in self.gpus:
            yield from _gpu_entries(one)
        where = "on the GPU" if self.interpreter is None else "in Triton's interpreter"
        yield "kernels", f"run {where}" + (f": {self.interpreter}" if self.interpreter else "")
        for warning in self.warnings:
            yield "warning", warning


def report(wanted: str | None = None, environment: Mapping[str, str] = os.environ) -> Report:
    """Ask for everything.

    Args:
        wanted: What ``--tb-gpu`` says.
        environment: Of this process.
    """
    everything = inventory({})
    visible = inventory(environment)
    chosen, why = _chosen(wanted, everything, visible, environment)
    torch_cuda, torch_rocm = installed.torch_built_for()
    needs = installed.needs(_PLUGIN, "triton")
    made = Report(
        os=installed.system(),
        python=f"{platform.python_version()} ({platform.python_implementation()})",
        versions={name: installed.of(name) for name in (_PLUGIN, "torch", "triton", *_BESIDE)},
        torch_cuda=torch_cuda,
        torch_rocm=torch_rocm,
        needs_triton=None if needs is None else str(needs.specifier),
        torch_needs_triton=installed.torch_needs_triton(),
        driver=everything[0].driver if everything else None,
        driver_cuda=installed.driver_cuda(),
        rocm=rocm.release(),
        gpus=tuple(
            Described(
                gpu,
                clocks(gpu),
                visible.index(gpu) if gpu in visible else None,
                used=gpu in chosen,
            )
            for gpu in everything
        ),
        interpreter=why,
        warnings=(),
        variables={name: environment[name] for name in _VISIBLE if name in environment},
    )
    told = tuple(_warnings(made, chosen, needs, environment))
    return Report(**{**vars(made), "warnings": told})


def _chosen(
    wanted: str | None,
    everything: tuple[Gpu, ...],
    visible: tuple[Gpu, ...],
    environment: Mapping[str, str],
) -> tuple[tuple[Gpu, ...], str | None]:
    """The GPUs that a run uses, or why it uses the interpreter."""
    if wanted == "cpu":
        return (), "--tb-gpu=cpu"
    if not everything:
        return (), f"no GPU was found ({installed.why_no_driver()})"
    if not visible:
        hiding = [f"{name}={environment[name]!r}" for name in _VISIBLE if name in environment]
        return (), f"{' and '.join(hiding)} leaves none of {len(everything)} visible"
    if wanted is None:
        return visible, None
    try:
        return choose(wanted, visible), None
    except DeviceError as e:
        return (), f"--tb-gpu: {e}"


def _warnings(
    found: Report,
    chosen: tuple[Gpu, ...],
    needs: Requirement | None,
    environment: Mapping[str, str],
) -> Iterator[str]:
    triton = found.versions["triton"]
    if triton and needs is not None and not needs.specifier.contains(triton, prereleases=True):
        yield f"triton {triton} is not what this plugin asks for: {needs.specifier}"
    nvidia = [gpu for gpu in chosen if gpu.maker == "nvidia"]
    if nvidia and found.versions["torch"] and found.torch_cuda is None:
        yield "there is a GPU, and torch was built without CUDA: install a build of torch with it"
    if [gpu for gpu in chosen if gpu.maker == "amd"] and found.torch_rocm is None:
        yield "there is an AMD GPU, and torch was built without ROCm: install a build with it"
    if nvidia and installed.major(found.torch_cuda) > installed.major(found.driver_cuda) > 0:
        yield (
            f"torch was built for CUDA {found.torch_cuda}, and the driver has {found.driver_cuda}: "
            f"update the driver, or install torch for CUDA {installed.major(found.driver_cuda)}"
        )
    for gpu in chosen:
        if too_old(gpu):
            floor = ".".join(map(str, TRITON_FLOOR))
            yield f"{gpu.name} has compute capability {gpu.capability}; Triton asks for {floor}"
    if environment.get("TRITON_INTERPRET", "0") not in ("", "0"):
        yield "TRITON_INTERPRET is set and changes nothing here: --tb-gpu=cpu is what does"


def _gpu_entries(one: Described) -> Iterator[tuple[str, str]]:
    gpu, now = one.gpu, one.clocks
    memory = f"{gpu.memory / (1 << 30):.1f} GiB" if gpu.memory else f"memory {UNKNOWN}"
    kind = "compute capability " if gpu.maker == "nvidia" else ""
    unused = "" if one.used else ", not used"
    number = "-" if one.number is None else one.number
    yield f"gpu {number}", f"{gpu.name}, {memory}, {kind}{gpu.capability}{unused}"
    yield "", gpu.uuid + (f", of {gpu.parent}" if gpu.parent else "")
    held = "" if not now.held_back else f" ({', '.join(now.held_back)})"
    yield "", f"clock {_pair(now.sm, now.sm_max)}, memory {_pair(now.memory, now.memory_max)}{held}"
    found = formats(gpu)
    yield "", f"dtypes of its matrix units: {', '.join(found) if found else UNKNOWN}"


def _pair(now: int | None, most: int | None) -> str:
    if now is None and most is None:
        return UNKNOWN
    return f"{UNKNOWN if now is None else now} of {UNKNOWN if most is None else most} MHz"


def _entry(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{label:<{_INDENT}}",
        subsequent_indent=" " * _INDENT,
        break_on_hyphens=False,
    )
