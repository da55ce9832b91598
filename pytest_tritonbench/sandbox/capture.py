"""What a script prints, from Python and from below, up to a cap."""

from __future__ import annotations

import io
import os
import sys
from types import TracebackType
from typing import Any, Self

CAP = 1 << 16
"""Bytes that are kept; what comes later goes where the warden counts it."""


class Capture:
    """Keeps what is written to descriptor 1 while it is entered."""

    def __init__(self) -> None:
        self.text = ""
        """What was printed, once left."""
        self._kept = os.memfd_create("stdout", os.MFD_CLOEXEC)
        self._own = os.dup(1)
        self._stdout = sys.stdout
        self._full = False

    def __enter__(self) -> Self:
        sys.stdout.flush()
        os.dup2(self._kept, 1)
        raw: Any = _Descriptor(self)
        buffered = io.BufferedWriter(raw, buffer_size=1 << 13)
        sys.stdout = io.TextIOWrapper(buffered, "utf-8", "replace", line_buffering=True)
        return self

    def make_room(self) -> None:
        """Once the cap is reached, let the rest go where it would have gone."""
        if not self._full and os.fstat(self._kept).st_size >= CAP:
            self._full = True
            os.dup2(self._own, 1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            sys.stdout.flush()
        except (OSError, ValueError, AttributeError):  # replaced or closed by the script
            pass
        finally:
            sys.stdout = self._stdout
            os.dup2(self._own, 1)
            self.text = os.pread(self._kept, CAP, 0).decode("utf-8", "replace")
            os.close(self._own)
            os.close(self._kept)


class _Descriptor(io.RawIOBase):
    """Descriptor 1, seen by Python."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def write(self, data: bytes | memoryview, /) -> int:  # type: ignore[override]  # any buffer
        self._capture.make_room()
        return os.write(1, data)
