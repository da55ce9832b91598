"""Turns at a GPU: many processes may compute on it, and one may time on it alone.

The lock is the kernel's (``flock``), on a file in the machine's folder for temporary files: it is
free the moment its holder is gone, however that ended. Processes that do not share this folder, as
in two containers, do not see each other's locks.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import tempfile
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from .devices import Gpu

FOLDER = "pytest-tritonbench-gpus"
_LONGEST_NAP = 0.05


class LockError(RuntimeError):
    """A turn could not be had; the message says why and what to do."""


class GpuLock:
    """The turns of one process at one GPU.

    Instances of a partitioned GPU share the lock of the GPU: they share its clocks and its power.
    A process may ask for a turn that it has; one that computes and asks to be alone gives up its
    share until it was. Not for several threads.

    Args:
        gpu: The GPU, or its UUID.
        folder: Where the lock's files lie; all processes that use the GPU must agree on it.
    """

    def __init__(self, gpu: Gpu | str, folder: Path | None = None) -> None:
        name = gpu if isinstance(gpu, str) else gpu.body
        folder = folder or Path(tempfile.gettempdir()) / FOLDER
        safe = re.sub(r"[^\w.-]", "_", name)
        self._door = folder / f"{safe}.turn"
        self._room = folder / f"{safe}.lock"
        self._held: int | None = None
        self._alone = False

    @contextlib.contextmanager
    def shared(self, timeout: float | None = None) -> Iterator[float]:
        """Compute on the GPU while others may as well.

        Args:
            timeout: Seconds to wait for one that is alone on it; ``None`` for as long as it takes.

        Yields:
            Seconds that were waited.

        Raises:
            LockError: If time is up, or the lock's files cannot be opened.
        """
        with self._having(timeout, alone=False) as waited:
            yield waited

    @contextlib.contextmanager
    def alone(self, timeout: float | None = None) -> Iterator[float]:
        """Time on the GPU while nobody else uses it; as :meth:`shared`.

        Who waits to be alone is not overtaken by those who come later.
        """
        with self._having(timeout, alone=True) as waited:
            yield waited

    def give_way(self) -> float:
        """Let those go first who wait to be alone, where this process computes beside others.

        For long turns, between two things that are done in them, when nothing of this process is at
        work on the GPU. Does nothing without a turn, when alone, and when nobody waits.

        Returns:
            Seconds that were waited.

        Raises:
            LockError: If the lock's files cannot be opened any more.
        """
        if self._held is None or self._alone or not self._awaited():
            return 0.0
        began = time.monotonic()
        self._leave()
        self._enter(None, alone=False)
        return time.monotonic() - began

    def _awaited(self) -> bool:
        """Whether someone is in the door: it waits there for those in the room to leave."""
        door = _opened(self._door)
        try:
            fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            _close(door)
        return False

    @contextlib.contextmanager
    def _having(self, timeout: float | None, *, alone: bool) -> Iterator[float]:
        if self._held is not None and (self._alone or not alone):
            yield 0.0
            return
        shared = self._held is not None
        began = time.monotonic()
        until = None if timeout is None else began + timeout
        self._leave()
        try:
            self._enter(until, alone=alone)
            yield time.monotonic() - began
        finally:
            self._leave()
            if shared:
                self._enter(None, alone=False)

    def _enter(self, until: float | None, *, alone: bool) -> None:
        how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        # Everyone passes the door one by one. Who waits to be alone waits in it, and so holds up
        # those who come later instead of being passed by them for ever.
        door = _opened(self._door)
        try:
            _take(door, fcntl.LOCK_EX, until)
            room = _opened(self._room)
            try:
                _take(room, how, until)
            except BaseException:
                _close(room)
                raise
        finally:
            _close(door)
        self._held, self._alone = room, alone
        _LOCKS.add(self)

    def _leave(self) -> None:
        if self._held is not None:
            _close(self._held)
        self._held, self._alone = None, False

    def _forget(self) -> None:
        """In a process that was forked off: what its parent holds is the parent's."""
        self._held, self._alone = None, False


_LOCKS: weakref.WeakSet[GpuLock] = weakref.WeakSet()
_OPEN: set[int] = set()


def _after_fork() -> None:
    # A copy of the descriptor would keep the lock after the holder's death. Closing it here does
    # not unlock it there.
    for descriptor in tuple(_OPEN):
        _close(descriptor)
    for lock in tuple(_LOCKS):
        lock._forget()  # noqa: SLF001 - the same module


os.register_at_fork(after_in_child=_after_fork)


def _opened(path: Path) -> int:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            # Only now: kernels refuse to create over another user's file in such a folder.
            descriptor = _created(path, flags)
    except OSError as e:
        raise LockError(
            f"cannot take turns at the GPU by {path}: {e.strerror}; remove the file or its folder, "
            f"or set TMPDIR to a folder that all users of the GPU share"
        ) from None
    _OPEN.add(descriptor)
    return descriptor


def _created(path: Path, flags: int) -> int:
    with contextlib.suppress(FileExistsError):
        path.parent.mkdir()
        # Every user of the machine takes turns, whatever the umask of the first; so below.
        path.parent.chmod(0o1777)
    descriptor = os.open(path, flags | os.O_CREAT, 0o644)
    with contextlib.suppress(PermissionError):
        # Another user's by now, who has seen to it.
        os.fchmod(descriptor, 0o644)
    return descriptor


def _close(descriptor: int) -> None:
    _OPEN.discard(descriptor)
    os.close(descriptor)


def _take(descriptor: int, how: int, until: float | None) -> None:
    if until is None:
        fcntl.flock(descriptor, how)
        return
    nap = 0.001
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            left = until - time.monotonic()
            if left <= 0:
                raise LockError(
                    "another process has been timing on this GPU for longer than was to be waited"
                ) from None
            time.sleep(min(nap, left))
            nap = min(nap * 2, _LONGEST_NAP)
        else:
            return
