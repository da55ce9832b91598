"""Connections that can be reset, as a router or a crash does it."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

_open: dict[Any, asyncio.Transport] = {}


class ResettableProtocol(H11Protocol):
    """Uvicorn's own, which remembers its connections by the client's address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        _open[transport.get_extra_info("peername")] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        _open.pop(self.transport.get_extra_info("peername"), None)
        super().connection_lost(exc)


def reset(request: Request) -> None:
    """End the connection of a request with a reset, not in good order."""
    transport = _open[tuple(request.scope["client"])]
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
