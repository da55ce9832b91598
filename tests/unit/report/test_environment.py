"""The environment of a record: what was run where, at which commit."""

import json
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from pytest_tritonbench.report.environment import describe
from pytest_tritonbench.sandbox.devices import Gpu

GPU = Gpu(1, "GPU-1234", "NVIDIA H200", 150 << 30, "9.0", "580.1")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *who, *arguments],  # noqa: S607 - the system's own git
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_versions_are_those_that_run(tmp_path: Path) -> None:
    """Python, torch, triton and the plugin; everything can be written as JSON."""
    found = describe(None, tmp_path)
    assert found.python == platform.python_version()
    assert (found.torch, found.triton) == (version("torch"), version("triton"))
    assert found.plugin == version("pytest-tritonbench")
    assert json.loads(json.dumps(found.as_json()))["device"] == "cpu (interpreter)"
    assert (found.gpu, found.capability, found.driver) == (None, None, None)


def test_a_gpu_is_named(tmp_path: Path) -> None:
    """Name, UUID, compute capability and driver."""
    found = describe(GPU, tmp_path)
    assert (found.device, found.gpu) == ("NVIDIA H200", "GPU-1234")
    assert (found.capability, found.driver) == ("9.0", "580.1")


def test_the_commit_is_that_of_the_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit of the repository of the root folder, marked where files differ from it."""
    # A hook of git may have set these for the outer run.
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    clean, dirty, bare = (tmp_path / name for name in ("clean", "dirty", "bare"))
    for folder in (clean, dirty):
        folder.mkdir()
        git(folder, "init", "-q")
        (folder / "kernel.py").write_text("one\n")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", "One")
    (dirty / "kernel.py").write_text("two\n")
    bare.mkdir()
    head = git(clean, "rev-parse", "--short=12", "HEAD")
    assert describe(None, clean).commit == head
    assert describe(None, dirty).commit == git(dirty, "rev-parse", "--short=12", "HEAD") + "+"
    assert describe(None, bare).commit is None
