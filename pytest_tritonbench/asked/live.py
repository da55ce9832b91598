"""The live line: how far the answers are, below what pytest prints."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from pytest_tritonbench.candidate.model.progress import line

LIVE_S, PLAIN_S = 0.5, 10.0
# Make room below the cursor, clear what is there, write, and go back to where pytest writes on.
_BELOW = "\x1bD\x1b[A\x1b[J\x1b7\x1b[B\r{text}\x1b8"
_CLEAR = "\x1b[J"


class LiveLine:
    """Writes how far the answers are: below the output on a terminal, else now and then.

    Made before pytest captures the output of tests, from which it is kept apart.

    Args:
        folder: Where every process of the run notes its share.
        descriptor: Where to write.
    """

    def __init__(self, folder: Path, descriptor: int = 1) -> None:
        self._folder = folder
        self._out: int | None = None
        with contextlib.suppress(OSError):
            self._out = os.dup(descriptor)
        self._live = self._out is not None and os.isatty(self._out)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._shown = ""

    def start(self) -> None:
        """Begin; a second call changes nothing."""
        if self._thread is None and self._out is not None:
            self._thread = threading.Thread(target=self._watch, name="live-line", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Write no more."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(2.0)
            self._thread = None
        if self._out is not None:
            os.close(self._out)
            self._out = None

    def _watch(self) -> None:
        while not self._stopped.wait(LIVE_S if self._live else PLAIN_S):
            text = line(self._folder)
            if text and text != self._shown:
                self._shown = text
                self._write(_BELOW.format(text=text) if self._live else f"\n{text}\n")
        if self._live and self._shown:
            self._write(_CLEAR)

    def _write(self, text: str) -> None:
        # A terminal that went away is no reason to end a run.
        with contextlib.suppress(OSError):
            if self._out is not None:
                os.write(self._out, text.encode())
