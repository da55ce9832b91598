"""Where a run took place: versions, device, commit."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pytest_tritonbench.sandbox.devices import Gpu


@dataclass(frozen=True)
class Environment:
    """What a record says of where it was made."""

    device: str
    """``cpu (interpreter)`` or the GPU's name."""

    gpu: str | None
    """UUID of the GPU."""

    capability: str | None
    driver: str | None
    python: str
    torch: str
    triton: str
    plugin: str
    os: str
    commit: str | None
    """Commit of the repository that holds the kernels, with ``+`` where files differ from it."""

    def as_json(self) -> dict[str, str | None]:
        """Plain data."""
        return asdict(self)


def describe(gpu: Gpu | None, rootdir: Path) -> Environment:
    """Describe the environment of a run on ``gpu``, or on the CPU."""
    return Environment(
        device="cpu (interpreter)" if gpu is None else gpu.name,
        gpu=None if gpu is None else gpu.uuid,
        capability=None if gpu is None else gpu.capability,
        driver=None if gpu is None else gpu.driver,
        python=platform.python_version(),
        torch=_version("torch"),
        triton=_version("triton"),
        plugin=_version("pytest-tritonbench"),
        os=f"{platform.system()} {platform.release()}",
        commit=_commit(rootdir),
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


@lru_cache(maxsize=8)
def _commit(rootdir: Path) -> str | None:
    head = _git(rootdir, "rev-parse", "--short=12", "HEAD")
    if head is None:
        return None
    dirty = _git(rootdir, "status", "--porcelain", "--untracked-files=no")
    return head + ("+" if dirty else "")


def _git(rootdir: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program with fixed arguments
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=rootdir,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
