"""Names what a candidate tries beyond its borders, even where it swallows the error.

The borders themselves are the kernel's (`confine`). Where a machine has none, the audit hook here
raises instead; that stops honest mistakes and lazy cheats, not a determined one.
"""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .reasons import Reason

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_ENVIRON = re.compile(r"/proc/(?!self/|thread-self/)\d+/environ$")
_HARMLESS = ("/dev/", "/proc/self/", "/proc/thread-self/", "/sys/")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_MOVES: Mapping[str, tuple[int, ...]] = {
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.utime": (0,),
    "os.setxattr": (0,),
}
_NETWORK = {
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "socket.sendmsg",
    "socket.getaddrinfo",
}
_NETWORK |= {"socket.gethostbyname", "socket.gethostbyaddr"}
_MOST = 16


@dataclass(frozen=True)
class Incident:
    """Something tried beyond the borders."""

    reason: Reason
    message: str
    line: int | None


class Watch:
    """Records attempts; one for each worker.

    Args:
        filename: the candidate's file as its frames carry it.
        scratch: the folder that may be written to.
        forbid_files: raise at a write outside, for the kernel would not.
        forbid_network: raise at a connection, for the kernel would not.
        readable: with `forbid_files`, the only paths that may be read; empty: any.
    """

    def __init__(
        self,
        filename: str,
        scratch: str,
        *,
        forbid_files: bool,
        forbid_network: bool,
        readable: tuple[str, ...] = (),
    ) -> None:
        self.filename = filename
        self._allowed = (os.path.realpath(scratch) + "/", *_HARMLESS)
        self._forbid_files = forbid_files
        self._forbid_network = forbid_network
        self._readable = (*self._allowed, *readable) if forbid_files else ()
        self._incidents: list[Incident] = []
        self._busy = False

    def install(self) -> None:
        """Start watching; there is no way to stop."""
        sys.addaudithook(self._hook)
        _watch_environment(self)

    def take(self) -> list[Incident]:
        """What was tried since the last time."""
        taken, self._incidents = self._incidents, []
        return taken

    def record(self, reason: Reason, message: str) -> None:
        """Note one attempt with the candidate's line."""
        if len(self._incidents) < _MOST:
            self._incidents.append(Incident(reason, message, self._line()))

    def asked_for(self, name: str) -> None:
        """Note a look at an environment variable, if it is the candidate that looks at a secret."""
        if _SECRET.search(name) and self._asks():
            self.record(Reason.SECRETS, f"looked for {name} in the environment")

    def _asks(self) -> bool:
        frame = sys._getframe(1)  # noqa: SLF001 - the only way to the caller's frame
        here = {__file__, os.__file__, "<frozen os>", "<frozen _collections_abc>"}
        while frame.f_back and (
            frame.f_code.co_filename in here
            or frame.f_code.co_filename.endswith("_collections_abc.py")
        ):
            frame = frame.f_back
        return frame.f_code.co_filename == self.filename

    def _line(self) -> int | None:
        frame = sys._getframe(1)  # noqa: SLF001 - the only way to the caller's frame
        while frame.f_back:
            if frame.f_code.co_filename == self.filename:
                return frame.f_lineno
            frame = frame.f_back
        return None

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            check: Callable[[], None] = lambda: self._opened(*args)  # noqa: E731 - one of three
        elif event in _MOVES:
            check = lambda: self._moved(event, args)  # noqa: E731 - one of three
        elif event in _NETWORK:
            check = lambda: self._connected(event, args)  # noqa: E731 - one of three
        else:
            return
        if not self._busy:
            self._busy = True
            try:
                check()
            finally:
                self._busy = False

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        full = _full_path(path)
        if full is None:
            return
        if _ENVIRON.search(full) and full != f"/proc/{os.getpid()}/environ":
            self.record(Reason.SECRETS, f"opened another process's environment, {full}")
        letters = mode if isinstance(mode, str) else ""
        bits = flags if isinstance(flags, int) else 0
        if set(letters) & set("wax+") or bits & _WRITING:
            self._written(full, "opened for writing")
        elif self._readable and not full.startswith(self._readable) and not Path(full).is_dir():
            raise PermissionError(13, "not readable in the sandbox", full)

    def _moved(self, event: str, args: tuple[Any, ...]) -> None:
        for index in _MOVES[event]:
            full = _full_path(args[index])
            if full is not None:
                self._written(full, event)

    def _written(self, full: str, how: str) -> None:
        if full.startswith(self._allowed) or f"{full}/" == self._allowed[0]:
            return
        self.record(Reason.WROTE_OUTSIDE, f"{how}: {full}")
        if self._forbid_files:
            raise PermissionError(13, "not writable in the sandbox", full)

    def _connected(self, event: str, args: tuple[Any, ...]) -> None:
        target = (
            args[1]
            if event.startswith(("socket.connect", "socket.bind", "socket.send"))
            else args[0]
        )
        self.record(Reason.NETWORK, f"{event}: {str(target)[:200]}")
        if self._forbid_network:
            raise PermissionError(13, "no network in the sandbox")


def _full_path(path: Any) -> str | None:
    """The path with links resolved; `None` for a descriptor and for what is no path."""
    if isinstance(path, int) or path is None:
        return None
    with contextlib.suppress(TypeError, ValueError, OSError):
        return os.path.realpath(os.fsdecode(path))
    return None


def _watch_environment(watch: Watch) -> None:
    """Make the one `os.environ` that everybody holds tell of look-ups."""
    kind: Any = type(os.environ)

    class Environment(kind):  # type: ignore[misc]  # the class is private to os
        """The process's environment; tells the watch what is looked for."""

        def __getitem__(self, key: str) -> str:
            if isinstance(key, str):
                watch.asked_for(key)
            return str(super().__getitem__(key))

        def __contains__(self, key: object) -> bool:
            if isinstance(key, str):
                watch.asked_for(key)
            return bool(super().__contains__(key))

    os.environ.__class__ = Environment
