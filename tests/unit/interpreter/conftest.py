"""Runs the faults and the scenarios, each once a session, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent

Found = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def run_apart(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Found]:
    """Run a script of this folder with one thread and a cache of its own; return its JSON."""

    def run(script: str, *arguments: str, interpret: bool = False) -> Found:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment = {
            **os.environ,
            **threads,
            "TRITON_INTERPRET": "1" if interpret else "0",
            "TRITON_CACHE_DIR": str(tmp_path_factory.mktemp("triton")),
            "PYTHONWARNINGS": "ignore",
        }
        done = subprocess.run(
            [sys.executable, str(HERE / script), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        found: Found = json.loads(done.stdout.splitlines()[-1])
        return found

    return run


@pytest.fixture(scope="session")
def raw(run_apart: Callable[..., Found]) -> Found:
    """What each fault gives in the interpreter as Triton ships it."""
    return run_apart("faults.py", "raw", interpret=True)


@pytest.fixture(scope="session")
def mended(run_apart: Callable[..., Found]) -> Found:
    """What each fault gives in the sandbox's interpreter."""
    return run_apart("faults.py", "mended")


@pytest.fixture(scope="session")
def outcome(run_apart: Callable[..., Found]) -> Found:
    """What each scenario gave in a child of a prepared process."""
    return run_apart("scenarios.py")
