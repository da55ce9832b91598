"""A repository whose kernels have made-up times, so that no GPU is needed to see them shown."""

import json
from typing import Any

from tests.integration.project import Project

MICROSECONDS = {"double": (20.0, 10.0), "twice": (60.0, 20.0)}
"""Of reference and candidate, by task; candidates take ``$SLOWER`` times as long."""

INTERVAL = {"value": 2.0, "low": 1.9, "high": 2.1, "level": 0.95, "samples": 3}

CONFTEST = f"""\
import os

import pytest

from pytest_tritonbench.taskrun import TaskRun
from pytest_tritonbench.timing.benchmark_rows import Rows

MICROSECONDS, INTERVAL = {MICROSECONDS!r}, {INTERVAL!r}


def bench(self, case, table=None):
    name = self.task.name
    if name == os.environ.get("DIES"):
        os._exit(9)
    if name == os.environ.get("FAILS"):
        pytest.fail("a wrong kernel", pytrace=False)
    if table is None:
        return
    reference, candidate = MICROSECONDS[name]
    sides = {{"reference": reference, "candidate": candidate * float(os.environ.get("SLOWER", 1))}}
    rows = Rows(
        task=name,
        group=f"{{name}}[{{case.id}}]",
        rows={{side: [us * 1e-6, us * 1.1e-6, us * 1.2e-6] for side, us in sides.items()}},
        method="made-up",
        extra_info={{"verdict": "faster", "interval": INTERVAL}},
    )
    table.show(rows)
    if "SAVED" in os.environ:
        with open(os.environ["SAVED"], "a") as file:
            file.write(f"{{name}} {{table.saved()}}\\n")


def untimed(self, case):
    with open("untimed", "a") as file:
        file.write(f"{{self.task.name}} {{case.id}}\\n")


def pytest_configure(config):
    patch = pytest.MonkeyPatch()
    patch.setattr(TaskRun, "bench", bench)
    patch.setattr(TaskRun, "untimed", untimed)
    config.add_cleanup(patch.undo)


@pytest.hookimpl(trylast=True, optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info):
    if "GPU" in os.environ:
        machine_info["gpu"] = os.environ["GPU"]
"""

CPU_BENCHMARK = """\
import pathlib


def test_sum(benchmark):
    pathlib.Path("enabled").write_text(str(benchmark.enabled))
    assert benchmark(sum, [1, 2]) == 3
"""

CASE = "float32-m64-n1024"
SIDES = ("candidate", "reference")
ROWS = [f"{task}[{CASE}] {side}" for task in MICROSECONDS for side in SIDES]
FULL = [f"references/{t}.py::test_bench[{CASE}] {side}" for t in MICROSECONDS for side in SIDES]


def timed(project: Project) -> Project:
    """Two tasks with right kernels, times for them, and a benchmark of the CPU."""
    for task in MICROSECONDS:
        project.task(task)
        project.kernel(task)
    project.write("conftest.py", CONFTEST)
    project.write("tests/test_cpu.py", CPU_BENCHMARK)
    return project


def read(project: Project, name: str) -> dict[str, Any]:
    """What pytest-benchmark wrote."""
    found: dict[str, Any] = json.loads((project.path / name).read_text(encoding="utf-8"))
    return found


def saved(project: Project) -> list[str]:
    """The files of ``--benchmark-save`` and ``--benchmark-autosave``, in their order."""
    found = (project.path / ".benchmarks").rglob("*.json")
    return sorted(str(path.relative_to(project.path)) for path in found)
