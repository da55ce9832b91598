"""Imports torch once, and forks a process for each request."""

import array
import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from typing import Any

import execnet.gateway_io
import pytest  # noqa: F401 - pytest's own modules, which depend on nothing of a run
import torch  # noqa: F401 - the point of this process

SPACE = socket.CMSG_SPACE(3 * 4)
# What to run instead of Python; this process starts in the folder that has it.
STAND_IN = os.path.abspath("bin/python")  # noqa: PTH100 - a string all along

_popen_args = execnet.gateway_io.popen_args


def _worker_args(spec: Any) -> list[str]:
    """The command of a worker of pytest-xdist: one that has torch, unless it names its Python."""
    command: list[str] = _popen_args(spec)
    return command if spec.python else [STAND_IN, *command[1:]]


def main() -> None:
    """Serve until whoever has started this process is gone."""
    listener, life = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    born: dict[int, tuple[int, socket.socket]] = {}
    # What is here already is no garbage: no process has to go through torch's modules for it.
    gc.collect()
    gc.freeze()
    while True:
        ready, _, _ = select.select([listener.fileno(), life.fileno(), *born], [], [])
        if life.fileno() in ready:
            return
        for handle in set(ready) & set(born):
            _bury(handle, *born.pop(handle))
        if listener.fileno() not in ready:
            continue
        endpoint, _ = listener.accept()
        request, descriptors = _received(endpoint)
        pid = os.fork()
        if pid == 0:
            for other in (listener, life, endpoint, *(one for _, one in born.values())):
                other.close()
            for handle in born:
                os.close(handle)
            _become(request, descriptors)
            return
        for number in descriptors:
            os.close(number)
        with contextlib.suppress(OSError):
            endpoint.sendall(f"{pid}\n".encode())
        born[os.pidfd_open(pid)] = (pid, endpoint)


def _bury(handle: int, pid: int, endpoint: socket.socket) -> None:
    os.close(handle)
    _, status = os.waitpid(pid, 0)
    # Whoever has asked for it may be gone.
    with contextlib.suppress(OSError), endpoint:
        endpoint.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _received(endpoint: socket.socket) -> tuple[dict[str, Any], list[int]]:
    header, ancillary, _, _ = endpoint.recvmsg(8, SPACE)
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    length, body = int.from_bytes(header, "big"), b""
    while len(body) < length:
        body += endpoint.recv(length - len(body))
    return json.loads(body), list(descriptors)


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Be what a fresh interpreter with these arguments would be."""
    os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    encoding = "utf-8"
    sys.stdin = open(0, encoding=encoding, closefd=False)  # noqa: SIM115 - lives as long as we do
    sys.stdout = open(1, "w", 1, encoding=encoding, closefd=False)  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", 1, encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, f"__{name}__", getattr(sys, name))
    paths = [entry for entry in request["env"].get("PYTHONPATH", "").split(os.pathsep) if entry]
    # The first entry was this file's folder; `python -m` has the current one, a script its own.
    first = request["script"] or request["cwd"]
    sys.path[:] = [first, *paths, *sys.path[1:]]
    sys.dont_write_bytecode = bool(request["env"].get("PYTHONDONTWRITEBYTECODE"))
    # torch imports it where it is there; a test may have put another one on the path.
    for name in [name for name in sys.modules if name.partition(".")[0] == "pynvml"]:
        del sys.modules[name]
    execnet.gateway_io.popen_args = _worker_args
    flag, *rest = request["arguments"]
    if flag == "-u":
        sys.argv = ["-c"]
        global _code  # noqa: PLW0603 - as below
        _code = rest[1]
        return
    module, *rest = (rest[0], *rest[1:]) if flag == "-m" else (flag.removeprefix("-m"), *rest)
    sys.argv = [module, *rest]
    global _module  # noqa: PLW0603 - what is to be run once nothing of this is on the stack
    _module = module


_module: str | None = None
_code: str | None = None

if __name__ == "__main__":
    main()
    if _module is not None:
        runpy.run_module(_module, run_name="__main__", alter_sys=True)
    if _code is not None:
        exec(_code, {"__name__": "__main__"})  # noqa: S102 - what `python -c` does
