"""Where the time of a measurement goes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager


class Spent:
    """Seconds by what they went into, from now on."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._seconds: defaultdict[str, float] = defaultdict(float)

    @property
    def all(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def __getitem__(self, what: str) -> float:
        """Seconds that went into something."""
        return self._seconds[what]

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Count what is done inside, whether it fails or not."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds[what] += time.monotonic() - began

    @contextmanager
    def until(self, turn: AbstractContextManager[object], what: str) -> Iterator[None]:
        """Enter a context and leave it, and count how long either takes."""
        with ExitStack() as stack:
            with self.on(what):
                stack.enter_context(turn)
            try:
                yield
            finally:
                with self.on(what):
                    stack.close()
