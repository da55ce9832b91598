"""Start the process that others are forked from, and say what to run instead of Python."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
VARIABLE = "TRITONBENCH_WARM_PYTHON"
"""Holds what to run; a test that is to start real interpreters takes it away."""


def python() -> str:
    """What to run instead of ``sys.executable``, with the same arguments."""
    return os.environ.get(VARIABLE, sys.executable)


class Warm:
    """The process that others are forked from; it ends with the one that has started it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="warm-"))
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self._folder / "socket"))
        listener.listen(64)
        ours, theirs = socket.socketpair()
        numbers = (listener.fileno(), theirs.fileno())
        with listener, theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "server.py"), *map(str, numbers)],
                pass_fds=numbers,
                cwd=self._folder,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        self._life = ours
        client = (HERE / "client.py").read_text(encoding="utf-8")
        for name in ("python", "python3", "pytest"):
            path = self._folder / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!{sys.executable} -ISs\n{client}", encoding="utf-8")
            path.chmod(0o755)
        os.environ[VARIABLE] = str(self._folder / "bin" / "python")

    def close(self) -> None:
        """End it; what was forked goes on."""
        del os.environ[VARIABLE]
        self._life.close()
        self._process.wait(20)
        shutil.rmtree(self._folder, ignore_errors=True)
