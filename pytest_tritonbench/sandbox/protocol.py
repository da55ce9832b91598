"""The wire between two processes: bounded, length-prefixed JSON, with file descriptors beside it.

A frame is four bytes of length (big-endian) and that many bytes of JSON, always an object. Nothing
that arrives is ever unpickled or evaluated, and a frame longer than `MAX_FRAME` is refused before
it is read.
"""

import array
import contextlib
import json
import select
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

MAX_FRAME = 1 << 20
"""Bytes of JSON in one frame."""
MAX_DESCRIPTORS = 8
_HEADER = struct.Struct(">I")


class ProtocolError(Exception):
    """The other side sent what the protocol does not have."""


class ConnectionLostError(Exception):
    """The other side is gone."""


class FrameTooLongError(ValueError):
    """The message to be sent does not fit one frame."""


class Connection:
    """One end of a stream of frames.

    Args:
        endpoint: a connected `AF_UNIX` stream socket; the connection owns it.
    """

    def __init__(self, endpoint: socket.socket) -> None:
        self._socket = endpoint
        self._socket.settimeout(None)
        self._buffer = bytearray()
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        """The socket's descriptor, for `select` and `poll`."""
        return self._socket.fileno()

    def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send one message.

        Raises:
            FrameTooLongError: the message does not fit a frame.
            ConnectionLostError: nobody reads any more.
        """
        body = json.dumps(message, separators=(",", ":")).encode()
        if len(body) > MAX_FRAME:
            raise FrameTooLongError(f"a message of {len(body)} bytes; {MAX_FRAME} are allowed")
        frame = memoryview(_HEADER.pack(len(body)) + body)
        try:
            if descriptors:
                packed = array.array("i", descriptors)
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed.tobytes())]
                frame = frame[self._socket.sendmsg([frame], rights, socket.MSG_NOSIGNAL) :]
            while frame:
                frame = frame[self._socket.send(frame, socket.MSG_NOSIGNAL) :]
        except OSError as error:
            raise ConnectionLostError(str(error)) from error

    def recv(self, timeout: float | None = None) -> dict[str, Any]:
        """The next message.

        Args:
            timeout: seconds to wait; `None` waits for ever.

        Raises:
            TimeoutError: no whole message arrived in time.
            ConnectionLostError: the other side closed.
            ProtocolError: what arrived is no frame.
        """
        message = self._parse()
        deadline = None if timeout is None else time.monotonic() + timeout
        while message is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not self.readable(left):
                raise TimeoutError("no message in time")
            self.fill()
            message = self._parse()
        return message

    def pending(self) -> bool:
        """Whether a part of a message lies here or in the socket already."""
        return bool(self._buffer) or self.readable(0)

    def take(self) -> dict[str, Any] | None:
        """The next message if it has arrived whole, without waiting."""
        return self._parse()

    def readable(self, timeout: float | None) -> bool:
        """Whether the socket has something to read (or is closed) within `timeout` seconds."""
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        return bool(poller.poll(None if timeout is None else timeout * 1000))

    def fill(self) -> None:
        """Read what is there; blocks while nothing is.

        Raises:
            ConnectionLostError: the other side closed.
        """
        space = socket.CMSG_SPACE(MAX_DESCRIPTORS * 4)
        try:
            data, ancillary, _, _ = self._socket.recvmsg(1 << 16, space)
        except OSError as error:
            raise ConnectionLostError(str(error)) from error
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received = array.array("i")
                received.frombytes(payload[: len(payload) - len(payload) % 4])
                self._descriptors.extend(received)
        if not data:
            raise ConnectionLostError("the other side closed the connection")
        self._buffer += data

    def descriptors(self) -> list[int]:
        """File descriptors that came with the messages so far; the caller owns them now."""
        taken, self._descriptors = self._descriptors, []
        return taken

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _parse(self) -> dict[str, Any] | None:
        if len(self._buffer) < _HEADER.size:
            return None
        (length,) = _HEADER.unpack_from(self._buffer)
        if length > MAX_FRAME:
            raise ProtocolError(f"a frame of {length} bytes; {MAX_FRAME} are allowed")
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_HEADER.size : end])
        del self._buffer[:end]
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"a frame that is not JSON: {error}") from error
        if not isinstance(message, dict):
            raise ProtocolError("a frame that is not an object")
        return message


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected stream sockets, neither inherited over exec."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
