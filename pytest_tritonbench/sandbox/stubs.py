"""Triton's C stub for the CUDA driver, compiled once per sandbox instead of once per worker.

Triton builds the stub with the C compiler at the first launch of every process whose cache lacks
it. Workers have private caches, so each gets a copy of what was built here.
"""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

_BUILD_ERRORS = (ImportError, AttributeError, AssertionError, OSError, RuntimeError)


def build(folder: Path) -> None:
    """Fill a folder, in the form of a Triton cache, with the stub for CUDA.

    It happens in a process that is thrown away, for it loads the driver's library. Where it fails,
    workers build the stub themselves and say what is wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.environ["TRITON_CACHE_DIR"] = str(folder)
            with contextlib.suppress(*_BUILD_ERRORS, subprocess.CalledProcessError):
                from triton.backends.nvidia.driver import CudaUtils  # noqa: PLC0415 - heavy

                CudaUtils()
                code = 0
        finally:
            os._exit(code)
    _, verdict = os.waitpid(pid, 0)
    if verdict:
        shutil.rmtree(folder, ignore_errors=True)


def copy(folder: Path, cache: Path) -> None:
    """Give a worker's empty Triton cache what was built."""
    if folder.is_dir():
        shutil.copytree(folder, cache, dirs_exist_ok=True)
