"""Workers that share a GPU share its memory."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.project import Project

# Its first call finds too little memory, for a neighbour has more than half of it. The second one
# comes when nobody else has a turn at the GPU, and there is nothing of the neighbour left.
TASK = '''
from pathlib import Path

import torch

from pytest_tritonbench import dim, task, tensor
from pytest_tritonbench.sandbox.gpu_lock import FOLDER, GpuLock, LockError

HERE = Path(__file__).parent
# A reference's process has a folder of its own for temporary files.
LOCKS = Path("TEMPORARY") / FOLDER


def _alone() -> bool:
    uuid = torch.cuda.get_device_properties(0).uuid
    try:
        with GpuLock(f"GPU-{uuid}", LOCKS).shared(timeout=0.1):
            return False
    except LockError:
        return True


@task(
    inputs={"x": tensor("m", "n")},
    dtypes=("float32",),
    dims={"m": dim(1, 4), "n": dim(1, 40)},
    cases=[{"m": 2, "n": 5}],
    sweep=[{"m": 64, "n": 1024}],
)
def greedy(x: torch.Tensor) -> torch.Tensor:
    """Twice x, by way of more than half of the memory."""
    size = int(0.6 * torch.cuda.get_device_properties(0).total_memory)
    try:
        much = torch.empty(size, dtype=torch.uint8, device=x.device)
    except torch.OutOfMemoryError:
        (HERE / "exhausted").touch()
        raise
    if (HERE / "exhausted").exists() and not (HERE / "again").exists():
        (HERE / "again").write_text("alone" if _alone() else "beside others")
    del much
    return x * 2
'''
NEIGHBOUR = """
import sys
import time
from pathlib import Path

import torch

from pytest_tritonbench.sandbox.gpu_lock import GpuLock

here = Path(sys.argv[1])
device = torch.cuda.get_device_properties(0)
with GpuLock(f"GPU-{device.uuid}").shared():
    much = torch.empty(int(0.6 * device.total_memory), dtype=torch.uint8, device="cuda")
    (here / "held").touch()
    until = time.monotonic() + 120
    while not (here / "exhausted").exists() and time.monotonic() < until:
        time.sleep(0.01)
    del much
    torch.cuda.empty_cache()
"""
# The plugin's entry point exists only where the package is installed.
LOADED = ("-p", "pytest_tritonbench.plugin")


@contextmanager
def neighbour(here: Path) -> Iterator[None]:
    """Somebody who has more than half of the memory until the reference has missed it."""
    with subprocess.Popen([sys.executable, "-c", NEIGHBOUR, str(here)]) as process:
        try:
            until = time.monotonic() + 120
            while not (here / "held").exists():
                assert process.poll() is None, "the neighbour ended"
                assert time.monotonic() < until, "the neighbour did not begin"
                time.sleep(0.01)
            yield
        finally:
            process.kill()


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Turns of this test's own: nobody who waits to be alone in another holds it up."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield folder


def test_a_reference_that_misses_memory_beside_others_is_tried_again_alone(
    project: Project, pytester: pytest.Pytester, temporary: str
) -> None:
    """What another worker has of the memory fails no kernel, whether it is judged or timed."""
    references = pytester.path / "references"
    for phase in ("exec", "bench"):
        project.write("references/greedy.py", TASK.replace("TEMPORARY", temporary))
        project.kernel("greedy")
        for name in ("held", "exhausted", "again"):
            (references / name).unlink(missing_ok=True)
        with neighbour(references):
            done = pytester.runpytest_subprocess(
                *LOADED, "--tb-gpu=0", f"--tb-results={phase}", f"-ktest_{phase} and not double"
            )
        done.assert_outcomes(passed=1)
        assert (references / "exhausted").exists(), "there was memory for both"
        assert (references / "again").read_text() == "alone"
        lines = (pytester.path / phase / "records.jsonl").read_text().splitlines()
        assert {json.loads(line)["outcome"] for line in lines} == {"passed"}
