"""What a worker does after the fork: shut itself in, then serve one candidate or the reference.

Everything a candidate will need is imported by the zygote before; what is imported here at the top
is plain Python.
"""

import contextlib
import faulthandler
import importlib
import os
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from . import confine, stubs, system
from .limits import Limits
from .memory import Arena
from .page import Page
from .protocol import Connection, ConnectionLostError
from .watch import Watch


def import_libraries(setup: Mapping[str, Any], *, for_many: bool = False) -> None:
    """Import, in the zygote, all that workers need; what is there already costs nothing.

    Args:
        setup: `device` (`"cpu"` or `"cuda"`), `targets` to compile for, `root` for files.
        for_many: for several sandboxes, which have a `root` each and make their files there.
    """
    for name in ("torch", "triton", "triton.language", "serving", "timed", "profiling", "sizing"):
        ours = name in {"serving", "timed", "profiling", "sizing"}
        importlib.import_module(f"{__package__}.{name}" if ours else name)
    from . import interpreter  # noqa: PLC0415 - imports torch
    from .interpreter import locate  # noqa: F401, PLC0415 - as above

    if setup["device"] == "cpu":
        targets = [interpreter.Target.parse(name) for name in setup["targets"]]
        interpreter.prepare(targets, warm=True)
    elif not for_many:
        stubs.build(stub_folder(setup))


def stub_folder(setup: Mapping[str, Any]) -> Path:
    """Where the sandbox keeps what `stubs` has built."""
    return Path(setup["root"], "stubs")


def run(
    spec: Mapping[str, Any], tiers: Mapping[str, Any], *, channel: int, trace: int, page: int
) -> NoReturn:
    """Be a worker until the parent closes the channel."""
    code = 70
    try:
        connection = Connection(socket.socket(fileno=channel))
        scratch = _settle(spec["scratch"])
        stubs.copy(stub_folder(spec), scratch / "triton")
        faulthandler.enable(trace, all_threads=False)
        faulthandler.register(signal.SIGUSR1, trace, all_threads=False, chain=False)
        if spec["role"] == "candidate":
            _serve_candidate(connection, spec, tiers, scratch, Page(page))
        else:
            _serve_reference(connection, spec)
        code = 0
    except ConnectionLostError:
        code = 0
    except BaseException:  # noqa: BLE001 - the last frame of the process: say what happened and end
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _settle(scratch: str) -> Path:
    """Make the worker's folders and point everything that writes at them."""
    home = Path(scratch)
    folders = {
        "HOME": "home",
        "TMPDIR": "tmp",
        "TRITON_HOME": "home",
        "TRITON_CACHE_DIR": "triton",
        "TORCHINDUCTOR_CACHE_DIR": "inductor",
        "XDG_CACHE_HOME": "cache",
        "CUDA_CACHE_PATH": "cuda",
    }
    for variable, name in folders.items():
        folder = home / name
        folder.mkdir(parents=True, exist_ok=True)
        os.environ[variable] = str(folder)
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    tempfile.tempdir = None
    os.chdir(home / "tmp")
    sys.argv = ["candidate"]
    sys.dont_write_bytecode = True
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - lives as long as we do
    sys.stdout = open(1, "w", 1, closefd=False, encoding="utf-8", errors="replace")  # noqa: SIM115
    sys.stderr = open(2, "w", 1, closefd=False, encoding="utf-8", errors="replace")  # noqa: SIM115
    return home


def _serve_reference(connection: Connection, spec: Mapping[str, Any]) -> None:
    module, _, name = spec["entry"].partition(":")
    connection.recv()
    (descriptor,) = connection.descriptors()
    function = getattr(importlib.import_module(module), name)
    connection.send({"op": "ready"})
    function(connection, Arena(descriptor))


def _serve_candidate(
    connection: Connection,
    spec: Mapping[str, Any],
    tiers: Mapping[str, Any],
    scratch: Path,
    page: Page,
) -> None:
    from .serving import Service  # noqa: PLC0415 - imports torch, which the parent must not

    limits = Limits(**spec["limits"])
    readable = list(spec["readable"])
    sys.path = [entry for entry in sys.path if entry and _beneath(entry, readable)]
    shut_in(tiers, limits, readable, scratch)
    kept_files = bool(tiers["landlock"])
    watch = Watch(
        str(scratch / "home" / spec["name"]) if "name" in spec else "",
        str(scratch),
        forbid_files=not kept_files,
        forbid_network="net" not in tiers["namespaces"],
        readable=() if kept_files else tuple(readable),
    )
    watch.install()
    connection.send({"op": "ready"})
    service = Service(connection, spec, limits, watch, page, scratch)
    service.warm_up(context=spec["warm"], times=spec["times"])
    service.serve()


def shut_in(tiers: Mapping[str, Any], limits: Limits, readable: list[str], scratch: Path) -> None:
    """Put the borders of `confine` around this process, as far as the machine has them."""
    system.no_new_privileges()
    if tiers["landlock"]:
        confine.landlock(int(tiers["landlock"]), readable, [str(scratch)])
    confine.limit_resources(limits, own_user="user" in tiers["namespaces"])
    with contextlib.suppress(OSError):
        system.drop_capabilities()


def _beneath(path: str, allowed: list[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in allowed)
