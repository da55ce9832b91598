"""How long a request may take and how much may come: measured while it comes.

A client's read limit ends a silence only; a server that sends a byte now and then, or an answer
without an end, needs a watch of its own. A body that is past a limit is cut off by closing
its connection for both directions, which wakes the thread that waits for it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

# A character of an answer takes at most six in JSON; what wraps it takes its share.
_BYTES_PER_CHARACTER = 8

Cut = Literal["timeout", "stall"]


@dataclass(frozen=True)
class Limits:
    """What one answer may take."""

    timeout: float = 600.0
    """Seconds for one request, from sending it to the last byte."""

    stall: float = 120.0
    """Seconds between two pieces of an answer that has begun."""

    connect: float = 15.0
    """Seconds for a connection."""

    characters: int = 2_000_000
    """Of an answer, its reasoning included."""

    retries: int = 5
    """How often a request that failed is sent again, and how often an answer that broke off
    is asked for again."""


class TooMuchError(Exception):
    """More came than an answer may have."""


class OverdueError(Exception):
    """A request took longer than it may."""

    def __init__(self, cut: Cut) -> None:
        super().__init__(cut)
        self.cut = cut


class Meter:
    """The requests of one question, and the limits that each of them has."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.requests = 0
        self._sent = 0.0
        self._answered = True

    def begin(self) -> None:
        """A request is about to be sent.

        Raises:
            OverdueError: It would repeat one that was not answered in all its time.
        """
        if not self._answered and self._elapsed() >= self.limits.timeout:
            raise OverdueError("timeout")
        self.requests += 1
        self._sent = time.monotonic()
        self._answered = False

    def answered(self) -> None:
        """Its response has begun."""
        self._answered = True

    def left(self) -> float:
        """Seconds that the request still has."""
        return self.limits.timeout - self._elapsed()

    def _elapsed(self) -> float:
        return time.monotonic() - self._sent


def metered(base: type[Any], response: Any, meter: Meter) -> Any:
    """The body of a response, within the limits.

    Args:
        base: The HTTP library's class of bodies.
        response: Its response, nothing of it read yet.
        meter: The limits, and when the request was sent.

    Raises:
        OverdueError: While it is read, when the time is over.
        TooMuchError: While it is read, when it is too long.
    """
    events = "text/event-stream" in response.headers.get("content-type", "")
    network = response.extensions.get("network_stream")
    connection = network.get_extra_info("socket") if network is not None else None

    def cut() -> None:
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    body = type("MeteredBody", (_Body, base), {})
    return body(response.stream, meter, cut, events=events)


class _Body:
    def __init__(self, stream: Any, meter: Meter, cut: Callable[[], None], *, events: bool) -> None:
        self._stream = stream
        self._limits = meter.limits
        self._events = events
        self._cut = cut
        self._look = meter.limits.stall / 4
        self._due = time.monotonic() + meter.left()
        self._last: float | None = None
        self._reason: Cut | None = None
        self._done = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        watch = threading.Thread(target=self._watch, name="tb-model-watch", daemon=True)
        watch.start()
        try:
            yield from self._pieces()
        except Exception:
            # What the cut connection is told as is not what happened.
            if self._reason is not None:
                raise OverdueError(self._reason) from None
            raise
        finally:
            self._done.set()
            watch.join()

    def _pieces(self) -> Iterator[bytes]:
        most = self._limits.characters * _BYTES_PER_CHARACTER
        length = 0
        for piece in self._stream:
            self._last = time.monotonic()
            # Events are read one by one, so what counts there is the length of a line.
            at = piece.rfind(b"\n") if self._events else -1
            length = len(piece) - at - 1 if at >= 0 else length + len(piece)
            if length > most:
                raise TooMuchError
            yield piece
        if self._reason is not None:
            raise OverdueError(self._reason)

    def close(self) -> None:
        self._done.set()
        self._stream.close()

    def _watch(self) -> None:
        # Whether a pause is one is known only once a piece has come: look up now and then.
        while not self._done.wait(min(max(self._limit()[0] - time.monotonic(), 0.0), self._look)):
            due, reason = self._limit()
            if time.monotonic() >= due:
                self._reason = reason
                self._cut()
                return

    def _limit(self) -> tuple[float, Cut]:
        if self._last is not None and self._last + self._limits.stall < self._due:
            return self._last + self._limits.stall, "stall"
        return self._due, "timeout"
