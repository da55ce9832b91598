"""A process that has imported torch and triton once, for the zygotes of many pytest processes.

Importing takes seconds of a core, and each worker of pytest-xdist has a zygote. With a nursery,
zygotes are forked from it in milliseconds. It is trusted, reads no candidate and never initialises
CUDA; it is run as `python -P -m pytest_tritonbench.sandbox.nursery DESCRIPTOR`.

Who is to use it has its address in the environment, which no candidate sees. The address has a
secret in it: a candidate that finds the socket is answered nothing.
"""

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Self

from .protocol import Connection, ConnectionLostError, ProtocolError

VARIABLE = "TRITONBENCH_NURSERY"
"""Environment variable that holds the address of the nursery to use."""

_GREETING_S = 5.0
_END_S = 10.0
# What may differ: everything that is read when it is needed, not when torch is imported.
_FREE = frozenset(
    (
        *("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),
        *("CUDA_DEVICE_ORDER", "TMPDIR", "PATH", "PYTHONPATH", "TZ", "LANG", "LC_ALL"),
    )
)


class Nursery:
    """A nursery, as the process that has started it holds it; it ends with that process.

    Args:
        device: `"cpu"` or `"cuda"`.
        targets: what its zygotes compile for, where there is no GPU.
        env: its environment, as `environment.environment` makes it.
    """

    def __init__(self, device: str, targets: Sequence[str], env: Mapping[str, str]) -> None:
        self._folder = tempfile.mkdtemp(prefix="tritonbench-")
        path, token = f"{self._folder}/nursery", secrets.token_hex(16)
        ours, theirs = socket.socketpair()
        # It listens before it is there: who comes too early waits, and nobody is turned away.
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen(128)
        with theirs, listener:
            self._process = subprocess.Popen(  # noqa: S603 - our own module and interpreter
                [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
                env=dict(env),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
            self._control = Connection(ours)
            setup = {"device": device, "targets": list(targets), "token": token}
            self._control.send(setup, [listener.fileno()])
        self.address = json.dumps([path, token, fingerprint(device, env)])
        """What `VARIABLE` is set to for those who are to use it."""

    def close(self) -> None:
        """End it; the zygotes that it has forked go on."""
        self._control.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Born:
    """A zygote that a nursery has forked, as `subprocess.Popen` would hold it.

    Args:
        connection: to the nursery, which tells the zygote's number once it has forked it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pid: int | None = None
        self._handle: int | None = None

    @property
    def pid(self) -> int:
        """Its number; waits until it is there.

        Raises:
            ProcessLookupError: the nursery died before it was born.
        """
        if self._pid is None:
            try:
                self._pid = int(self._connection.recv(_END_S)["pid"])
            except (ConnectionLostError, ProtocolError, TimeoutError, KeyError) as error:
                raise ProcessLookupError(f"the nursery has forked nothing: {error}") from None
            finally:
                self._connection.close()
            with contextlib.suppress(ProcessLookupError):
                self._handle = os.pidfd_open(self._pid)
        return self._pid

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it has ended.

        Raises:
            subprocess.TimeoutExpired: it goes on for longer than that.
        """
        try:
            pid = self.pid
        except ProcessLookupError:
            return
        if self._handle is None:
            return
        ended, _, _ = select.select([self._handle], [], [], timeout)
        if not ended:
            raise subprocess.TimeoutExpired(f"zygote {pid}", timeout or 0.0)
        os.close(self._handle)
        self._handle = None

    def kill(self) -> None:
        """End it at once."""
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)


def fingerprint(device: str, env: Mapping[str, str]) -> str:
    """What must agree for a fork to be as good as a fresh interpreter."""
    fixed = {name: value for name, value in env.items() if name not in _FREE}
    told = [device.partition(":")[0], sys.executable, sys.version, __file__, sorted(fixed.items())]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def born(
    device: str, env: Mapping[str, str], folder: str, control: int, complaints: int
) -> Born | None:
    """Have a zygote forked by the nursery that this process is to use.

    Args:
        device: as for `Sandbox`.
        env: the zygote's environment.
        folder: where it works.
        control: the zygote's end of its connection.
        complaints: what it prints to.

    Returns:
        `None` where there is no nursery, or only one that is not of the same kind.
    """
    try:
        path, token, kind = json.loads(os.environ.get(VARIABLE) or "null")
    except (TypeError, ValueError):
        return None
    if kind != fingerprint(device, env):
        return None
    endpoint = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        endpoint.connect(path)
        connection = Connection(endpoint)
        connection.send({"token": token, "env": dict(env), "cwd": folder}, [control, complaints])
    except (OSError, ConnectionLostError):
        endpoint.close()
        return None
    return Born(connection)


def main() -> None:
    """Be a nursery until whoever has started it is gone."""
    from . import zygote  # noqa: PLC0415 - the other side of this module need not have it

    control = Connection(socket.socket(fileno=int(sys.argv[1])))
    setup = control.recv()
    (descriptor,) = control.descriptors()
    listener = socket.socket(fileno=descriptor)
    # The kernel collects dead zygotes; whoever has asked for one waits for it otherwise.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    zygote.import_beforehand(setup)
    while True:
        ready, _, _ = select.select([control.fileno(), listener.fileno()], [], [])
        if control.fileno() in ready:
            # It has nothing to tidy up, and somebody waits for its end.
            os._exit(0)
        accepted, _ = listener.accept()
        with Connection(accepted) as connection:
            request = _greeted(connection, setup["token"])
            if request is None:
                continue
            descriptors = connection.descriptors()
            pid = os.fork()
            if pid == 0:
                control.close()
                listener.close()
                connection.close()
                _become_zygote(request, descriptors)
            for number in descriptors:
                os.close(number)
            with contextlib.suppress(ConnectionLostError):
                connection.send({"pid": pid})


def _greeted(connection: Connection, token: str) -> dict[str, Any] | None:
    """A request of somebody who knows the secret."""
    try:
        request = connection.recv(_GREETING_S)
    except (ConnectionLostError, ProtocolError, TimeoutError):
        return None
    known = hmac.compare_digest(str(request.get("token")).encode(), token.encode())
    if known:
        return request
    for number in connection.descriptors():
        os.close(number)
    return None


def _become_zygote(request: Mapping[str, Any], descriptors: Sequence[int]) -> NoReturn:
    """Be what a fresh interpreter would be in that environment."""
    from . import zygote  # noqa: PLC0415 - as above

    code = 70
    try:
        control, complaints = descriptors
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.chdir(request["cwd"])
        for number in (1, 2):
            os.dup2(complaints, number)
        os.close(complaints)
        _take_on(request["env"])
        zygote.attend(Connection(socket.socket(fileno=control)))
        code = 0
    except BaseException:  # noqa: BLE001 - the last frame of the process: say what happened and end
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _take_on(env: Mapping[str, str]) -> None:
    own = _entries(os.environ)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:] = [*_entries(env), *(entry for entry in sys.path if entry not in own)]
    tempfile.tempdir = None
    time.tzset()


def _entries(env: Mapping[str, str]) -> list[str]:
    entries = env.get("PYTHONPATH", "").split(os.pathsep)
    return [str(Path(entry).absolute()) for entry in entries if entry]


if __name__ == "__main__":
    main()
