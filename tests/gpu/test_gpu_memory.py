"""Workers that share a GPU share its memory."""

import json

import pytest

from tests.integration.project import Project

TASK = '''
import time
from pathlib import Path

import torch

from pytest_tritonbench import dim, task, tensor

HERE = Path(__file__).parent


@task(
    inputs={"x": tensor("m", "n")},
    dtypes=("float32",),
    dims={"m": dim(1, 4), "n": dim(1, 40)},
    cases=[{"m": 2, "n": 5}],
    sweep=[{"m": 64, "n": 1024}],
)
def NAME(x: torch.Tensor) -> torch.Tensor:
    """Twice x, by way of more than half of the memory; at first when OTHER is at it as well."""
    mine, others = HERE / "NAME.here", HERE / "OTHER.here"
    first, until = not mine.exists(), time.monotonic() + 60
    mine.touch()
    while first and not others.exists() and time.monotonic() < until:
        time.sleep(0.01)
    size = int(0.6 * torch.cuda.get_device_properties(0).total_memory)
    try:
        much = torch.empty(size, dtype=torch.uint8, device=x.device)
    except torch.OutOfMemoryError:
        (HERE / "NAME.exhausted").touch()
        raise
    time.sleep(0.5 * first)
    del much
    return x * 2
'''
# The plugin's entry point exists only where the package is installed.
LOADED = ("-p", "pytest_tritonbench.plugin")


@pytest.mark.parametrize("phase", ["exec", "bench"])
def test_two_that_do_not_fit_at_once_are_judged_one_after_the_other(
    project: Project, pytester: pytest.Pytester, phase: str
) -> None:
    """What another worker has of the memory fails no kernel."""
    for name, other in (("left", "right"), ("right", "left")):
        project.write(f"references/{name}.py", TASK.replace("NAME", name).replace("OTHER", other))
        project.kernel(name)
    done = pytester.runpytest_subprocess(
        *LOADED, "-n", "2", "--tb-gpu=0", "--tb-results=out", f"-ktest_{phase} and not double"
    )
    done.assert_outcomes(passed=2)
    assert [*(pytester.path / "references").glob("*.exhausted")], "there was memory for both"
    lines = (pytester.path / "out" / "records.jsonl").read_text().splitlines()
    assert {json.loads(line)["outcome"] for line in lines} == {"passed"}
