"""Memory that two processes share, and the copies that only one of them has.

An `Arena` is an anonymous file (memfd) mapped by both sides; it only grows. It is sealed against
shrinking, so that the other side cannot pull the pages from under a reader. A `SnapshotPool` hands
out private buffers and takes a buffer back once no view of it is alive, so that a steady stream of
calls causes no page faults.
"""

import contextlib
import ctypes
import fcntl
import mmap
import os
import sys

PAGE = mmap.PAGESIZE
_FIRST = 1 << 20
_POPULATE = getattr(mmap, "MAP_POPULATE", 0)


class ArenaBoundsError(ValueError):
    """A range that the arena does not have."""


class Arena:
    """Growable memory shared by two processes.

    Args:
        descriptor: the memfd received from the other side; `None` makes a new one.
        limit: bytes beyond which the arena refuses to grow.
    """

    def __init__(self, descriptor: int | None = None, limit: int = 1 << 36) -> None:
        self.limit = limit
        self._next = 0
        if descriptor is None:
            descriptor = os.memfd_create("arena", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(descriptor, _FIRST)
            # Some sandboxes that host us (gVisor) know memfd but not every seal.
            with contextlib.suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
        self.descriptor = descriptor
        self._map = self._mapped(os.fstat(descriptor).st_size)

    def _mapped(self, size: int) -> mmap.mmap:
        """Map `size` bytes, with the pages there already: faults cost more than the copy."""
        return mmap.mmap(self.descriptor, size, mmap.MAP_SHARED | _POPULATE)

    @property
    def size(self) -> int:
        """Bytes mapped here now."""
        return len(self._map)

    def reserve(self, nbytes: int) -> None:
        """Make the arena at least `nbytes` long, on this side and so on the other.

        Views made before stay valid: they keep the older mapping of the same pages.

        Raises:
            ArenaBoundsError: more than the arena's limit.
            OSError: the machine has no such memory.
        """
        if nbytes <= self.size:
            return
        if nbytes > self.limit:
            raise ArenaBoundsError(f"{nbytes} bytes asked for, at most {self.limit} are allowed")
        wanted = max(nbytes, min(2 * self.size, self.limit))
        wanted = -(-wanted // PAGE) * PAGE
        if os.fstat(self.descriptor).st_size < wanted:
            os.ftruncate(self.descriptor, wanted)
        self._map = self._mapped(wanted)

    def view(self, start: int, nbytes: int) -> memoryview:
        """A writable view of `nbytes` bytes from `start`, mapping what the other side has grown.

        Raises:
            ArenaBoundsError: the arena does not reach so far.
        """
        self._reach(start, nbytes)
        return memoryview(self._map)[start : start + nbytes]

    def _reach(self, start: int, nbytes: int) -> None:
        end = start + nbytes
        if start < 0 or nbytes < 0:
            raise ArenaBoundsError(f"{nbytes} bytes from {start}")
        if end > self.size:
            actual = os.fstat(self.descriptor).st_size
            if end > min(actual, self.limit):
                raise ArenaBoundsError(f"bytes {start}..{end} of an arena of {actual}")
            self._map = self._mapped(actual)

    def allocate(self, nbytes: int, alignment: int = 256) -> int:
        """Take the next `nbytes` bytes and say where they start; `clear` gives all back."""
        start = -(-self._next // alignment) * alignment
        self.reserve(start + nbytes)
        self._next = start + nbytes
        return start

    @property
    def used(self) -> int:
        """Bytes up to the end of the last allocation."""
        return self._next

    def clear(self, beyond: int = 0) -> None:
        """Forget every allocation that starts at `beyond` bytes or later; the memory stays."""
        self._next = min(self._next, beyond)

    def write(self, start: int, data: bytes | bytearray | memoryview) -> None:
        """Copy `data` (contiguous) to `start`, growing as needed."""
        source = memoryview(data).cast("B")
        self.reserve(start + source.nbytes)
        copy(memoryview(self._map)[start : start + source.nbytes], source)

    def close(self) -> None:
        """Give the descriptor back; the pages go when the last view does."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
        with contextlib.suppress(BufferError):
            self._map.close()


def copy(target: memoryview, source: memoryview) -> None:
    """Copy bytes between two contiguous views of one length."""
    target[:] = source


class SnapshotPool:
    """Private buffers that are used again once nobody looks at them.

    Args:
        keep: bytes of idle buffers that are kept for later.
    """

    def __init__(self, keep: int = 1 << 28) -> None:
        self.keep = keep
        self._buffers: list[mmap.mmap] = []

    def take(self, nbytes: int) -> memoryview:
        """A writable private buffer of `nbytes` bytes; its content is undefined."""
        best = -1
        for index in range(len(self._buffers)):
            size = len(self._buffers[index])
            fits = size >= nbytes and (best < 0 or size < len(self._buffers[best]))
            # Two references: the list's and the argument of getrefcount. A view adds one.
            if fits and sys.getrefcount(self._buffers[index]) <= 2:
                best = index
        buffer = self._buffers[best] if best >= 0 else self._fresh(nbytes)
        return memoryview(buffer)[:nbytes]

    def _fresh(self, nbytes: int) -> mmap.mmap:
        size = 1 << max(16, (max(nbytes, 1) - 1).bit_length())
        buffer = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if size >= 1 << 22:
            with contextlib.suppress(OSError, AttributeError):
                buffer.madvise(mmap.MADV_HUGEPAGE)
        self._buffers.append(buffer)
        while len(self._buffers) > 1 and sum(map(len, self._buffers)) > max(self.keep, size):
            # A buffer in use lives on with its views.
            self._buffers.pop(0)
        return buffer


def address_of(view: memoryview) -> int:
    """Where a writable view's bytes lie in this process."""
    return ctypes.addressof(ctypes.c_char.from_buffer(view))
