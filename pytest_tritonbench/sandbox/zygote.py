"""The process that workers are forked from: it has imported torch and triton, and nothing more.

Run as `python -P -m pytest_tritonbench.sandbox.zygote DESCRIPTOR`. It never initialises CUDA and
keeps one thread, for a fork copies neither. It reads no candidate and no reference.
"""

import contextlib
import gc
import os
import shutil
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from . import child, confine, proc, system
from .limits import Limits
from .protocol import Connection, ConnectionLostError
from .warden import Warden


def prepare(setup: dict[str, Any]) -> dict[str, Any]:
    """Import what every worker needs and find out what the machine allows.

    Args:
        setup: `device` and `targets` of the sandbox, and the borders it does `without`.

    Returns:
        What the parent is told: the tiers of `confine.probe`. Into `setup` go the paths that
        every candidate may read.

    Raises:
        RuntimeError: something initialised CUDA or left threads.
    """
    tiers = confine.probe(without=setup["without"])
    child.import_libraries(setup)
    import torch  # noqa: PLC0415 - the point of this function

    if torch.cuda.is_initialized():
        raise RuntimeError("importing torch and triton has initialised CUDA: forks would fail")
    threads = len(proc.numbers("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"the zygote has {threads} threads after its imports; it may have one")
    setup["readable"] = [*confine.readable_paths(), *setup["readable"]]
    gc.collect()
    gc.freeze()
    return tiers


def serve(connection: Connection, setup: dict[str, Any], tiers: dict[str, Any]) -> None:
    """Fork a worker for each request until the parent is gone.

    Raises:
        ConnectionLostError: the parent is gone.
    """
    # The kernel collects dead wardens; nobody here waits for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request = connection.recv()
        descriptors = connection.descriptors()
        if os.fork() == 0:
            _become_warden(connection, {**setup, **request}, tiers, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _become_warden(
    control: Connection, spec: dict[str, Any], tiers: dict[str, Any], descriptors: Sequence[int]
) -> NoReturn:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        system.die_with_parent(signal.SIGKILL)
        control.close()
        os.setsid()
        with contextlib.suppress(OSError):
            system.adopt_orphans()
        channel, status, trace, page = descriptors
        warden = Warden(
            Limits(**spec["limits"]), Connection(socket.socket(fileno=status)), spec["scratch"]
        )

        def work() -> NoReturn:
            child.run(spec, tiers, channel=channel, trace=trace, page=page)

        confined = spec["role"] == "candidate"
        warden.start(work, tiers, confined=confined)
        for descriptor in (channel, trace, page):
            os.close(descriptor)
        warden.watch()
        warden.bury()
    except BaseException:  # noqa: BLE001 - the last frame of the process: say what happened and end
        with contextlib.suppress(OSError):
            traceback.print_exc()
    os._exit(0)


def import_beforehand(setup: dict[str, Any]) -> None:
    """Import, in a nursery, what its zygotes will need.

    Args:
        setup: `device` and `targets` of their sandboxes.
    """
    child.import_libraries(setup, for_many=True)
    gc.collect()
    gc.freeze()


def attend(connection: Connection) -> None:
    """Serve a parent: be told what to be ready for, and fork until it is gone."""
    setup = connection.recv()
    try:
        tiers = prepare(setup)
    except Exception:  # noqa: BLE001 - whatever failed, the parent must be told
        connection.send({"event": "broken", "message": traceback.format_exc()[-(1 << 15) :]})
        return
    with contextlib.suppress(ConnectionLostError):
        connection.send({"event": "ready", "tiers": tiers})
        serve(connection, setup, tiers)
    _outlive_wardens()
    shutil.rmtree(setup["root"], ignore_errors=True)


def _outlive_wardens() -> None:
    """Wait until the last warden has buried its worker; each has seen the parent go."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def main() -> None:
    """Serve the parent whose socket's descriptor is the first argument."""
    attend(Connection(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
