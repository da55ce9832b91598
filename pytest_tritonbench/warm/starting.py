"""Start a server, and give pytest-xdist the stand-in that asks it."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

_END_S = 10.0


class Warm:
    """A server as the process that has started it holds it; it ends with that process.

    Args:
        server: Path of the script that is run.
        stand_ins: Source of each stand-in, by name.

    Raises:
        OSError: If no socket can be made, as in a folder whose name is too long for one.
    """

    def __init__(self, server: Path, stand_ins: dict[str, str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tritonbench-warm-"))
        # It listens before it is there: who comes too early waits, and nobody is turned away.
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        ours, theirs = socket.socketpair()
        try:
            listener.bind(str(self.folder / "socket"))
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        listener.listen(128)
        numbers = (listener.fileno(), theirs.fileno())
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        # One thread at a fork, where the environment does not ask for more.
        env = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
        env["PYTHONPATH"] = os.pathsep.join(str(Path(one).absolute()) for one in paths if one)
        with listener, theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module and interpreter
                [sys.executable, str(server), *map(str, numbers)],
                pass_fds=numbers,
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._life = ours
        for name, source in stand_ins.items():
            path = self.folder / name
            path.write_text(f"#!{sys.executable} -ISs\n{source}", encoding="utf-8")
            path.chmod(0o700)

    def close(self) -> None:
        """End it; what was forked goes on."""
        self._life.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def warm_workers(config: pytest.Config, specs: Sequence[Any]) -> None:
    """Have workers forked from one process, before they are started.

    Args:
        config: Of the controller; the server ends with it.
        specs: Specifications of execnet, of all workers. One on another machine, and one that
            names its own Python, is left as it is.
    """
    here = [spec for spec in specs if spec.popen and not spec.via and not spec.python]
    if len(here) < 2 or sys.platform != "linux":
        return
    room = Path(__file__).parent
    source = (room / "stand_in.py").read_text(encoding="utf-8")
    try:
        warm = Warm(room / "server.py", {"python": source})
    except OSError:
        return
    config.add_cleanup(warm.close)
    for spec in here:
        spec.python = shlex.quote(str(warm.folder / "python"))
