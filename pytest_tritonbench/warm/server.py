"""Imports what workers need once, and forks a process for each stand-in that asks.

Run as ``python server.py LISTENER LIFE``, two descriptors: the socket that stand-ins come to, and
one that is closed when whoever has started this process is gone. It imports nothing of its package
before pytest does, which rewrites the modules of its plugins and warns of those that came first.
"""

from __future__ import annotations

import array
import ast
import atexit
import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import struct
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import pytest

_SPACE = socket.CMSG_SPACE(3 * 4)
# What the tests of imported tasks need besides.
_NEEDED = ("torch", "execnet.gateway_base", "pytest_tritonbench.imported.workshop")


@dataclass(frozen=True)
class Asked:
    """What a stand-in was started as."""

    arguments: Sequence[str]
    folder: str
    environment: Mapping[str, str]
    descriptors: Sequence[int]
    """Its input, output and errors."""


@dataclass(frozen=True)
class Fork:
    """A process that was forked, and the stand-in that waits for its end."""

    pid: int
    handle: int
    endpoint: socket.socket

    def goes_on(self, ready: set[int]) -> bool:
        """See to what has happened to either, and say whether the fork is still there."""
        if self.handle in ready:
            _, status = os.waitpid(self.pid, 0)
            # Whoever has asked for it may be gone.
            with contextlib.suppress(OSError):
                self.endpoint.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            self.forget()
            return False
        if self.endpoint.fileno() in ready:
            # Whoever has killed the stand-in means the process that it stands for.
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        return True

    def forget(self) -> None:
        """Let go of both."""
        os.close(self.handle)
        self.endpoint.close()


def main() -> str | None:
    """Serve until whoever has started this process is gone.

    Returns:
        In a fork: the code that it is to run. ``None`` in the server, at its end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The folder that this was started in is no place to import from.
    del sys.path[0]
    # A run without tests imports pytest's own modules and those of every plugin that is installed.
    os.environ.pop("PYTEST_ADDOPTS", None)
    alone = ("-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", ".")
    pytest.main(["--collect-only", *alone, "."])
    for name in _NEEDED:
        importlib.import_module(name)
    listener, life = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    asked = serve(listener, life, parent=os.getppid())
    if asked is None:
        return None
    become(asked)
    flag, code = asked.arguments[-2:]
    assert flag == "-c"  # noqa: S101 - the only form in which execnet starts a worker
    sys.argv = ["-c"]
    return code


def serve(listener: socket.socket, life: socket.socket, parent: int | None) -> Asked | None:
    """Fork for everybody who asks.

    Args:
        listener: Where stand-ins connect.
        life: Readable once this process is to end.
        parent: The process whose children alone are served: nobody else, a candidate least of
            all, is to have a process forked. ``None``: everybody is.

    Returns:
        In a fork, what it is to become; ``None`` in the server, at its end.
    """
    forks: list[Fork] = []
    # What is here already is no garbage: no process has to go through torch's modules for it.
    gc.collect()
    gc.freeze()
    while True:
        both = [number for one in forks for number in (one.handle, one.endpoint.fileno())]
        ready = set(select.select([listener.fileno(), life.fileno(), *both], [], [])[0])
        if life.fileno() in ready:
            return None
        forks = [one for one in forks if one.goes_on(ready)]
        if listener.fileno() not in ready:
            continue
        endpoint, _ = listener.accept()
        if parent is not None and _parent_of(_peer(endpoint)) != parent:
            endpoint.close()
            continue
        try:
            asked = _received(endpoint)
        except OSError:
            endpoint.close()
            continue
        with warnings.catch_warnings():
            # OpenBLAS may have threads; it sees to them itself where a process forks.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            for other in (listener, life, endpoint):
                other.close()
            for one in forks:
                one.forget()
            return asked
        for number in asked.descriptors:
            os.close(number)
        with contextlib.suppress(OSError):
            endpoint.sendall(f"{pid}\n".encode())
        forks.append(Fork(pid, os.pidfd_open(pid), endpoint))


def become(asked: Asked) -> None:
    """Be what a fresh interpreter would be where a stand-in was started."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, descriptor in enumerate(asked.descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(asked.folder)
    os.environ.clear()
    os.environ.update(asked.environment)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as we do
    sys.stdout = open(1, "w", 1, encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, f"__{name}__", getattr(sys, name))
    sys.dont_write_bytecode = bool(asked.environment.get("PYTHONDONTWRITEBYTECODE"))
    if numpy := sys.modules.get("numpy"):
        # Each process has random numbers of its own, as after an import of its own.
        numpy.random.seed()


def _received(endpoint: socket.socket) -> Asked:
    header, ancillary, _, _ = endpoint.recvmsg(8, _SPACE)
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    length, body = int.from_bytes(header, "big"), b""
    while len(body) < length:
        more = endpoint.recv(length - len(body))
        if not more:
            raise ConnectionResetError("the stand-in ended before it had asked")
        body += more
    arguments, folder, environment = ast.literal_eval(body.decode())
    return Asked(arguments, folder, environment, descriptors.tolist())


def _peer(endpoint: socket.socket) -> int:
    """The number of the process at the other end, as the kernel knows it."""
    credentials = struct.Struct("3i")
    told = endpoint.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    return int(credentials.unpack(told)[0])


def _parent_of(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:  # noqa: PTH123 - one line
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return None


def end(code: int) -> NoReturn:
    """End a fork as multiprocessing ends its own: all that was registered for the end is run.

    To take down the modules that it shares with the server takes longer, and is of no use.
    """
    last = (
        threading._shutdown,  # type: ignore[attr-defined]  # noqa: SLF001 - as there
        atexit._run_exitfuncs,  # noqa: SLF001 - as there
        *(sys.stdout.flush, sys.stderr.flush),
    )
    for finish in last:
        with contextlib.suppress(Exception):
            finish()
    os._exit(code)


if __name__ == "__main__":
    _code = main()
    if _code is None:
        # It has nothing to tidy up, and somebody waits for its end.
        os._exit(0)
    # What is run is the main module of its process, with nothing of this one below it.
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        exec(_code, vars(sys.modules["__main__"]))  # noqa: S102 - what `python -c` does
    except SystemExit as e:
        end(e.code if isinstance(e.code, int) else int(e.code is not None))
    except BaseException:  # noqa: BLE001 - the last frame of the process
        traceback.print_exc()
        end(1)
    end(0)
