"""The first bytes of a connection decide: a socket's handshake goes straight to the gateway, all else to
uvicorn's HTTP.

Given to uvicorn as its `http` class (commands/process/serving.py). A handshake through uvicorn is parsed,
made into an ASGI scope, written out again and parsed once more; a class that comes in at once notices. A
handshake that does not arrive in one piece takes that longer way, and ends up at the same protocol.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from server.gateway.connection_limiter import ConnectionLimiter

_PATH = b"GET /v1/rooms/"
_UPGRADE = b"\r\nupgrade: websocket\r\n"
FIRST_BYTES_SECONDS = 10.0  # who connects and says nothing is cut off
MAX_HEAD_BYTES = 16 * 1024  # of a request: its line and its headers


class ProtocolSwitch(asyncio.Protocol):
    """Becomes one of the two with the first data."""

    __slots__ = ("_deadline", "_doorkeeper", "_make_http", "_make_socket", "_transport")

    def __init__(
        self,
        make_socket: Callable[[], asyncio.Protocol],
        make_http: Callable[[], asyncio.Protocol],
        connection_limiter: ConnectionLimiter,
    ) -> None:
        self._make_socket = make_socket
        self._make_http = make_http
        self._doorkeeper = connection_limiter
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(FIRST_BYTES_SECONDS, self._transport.abort)
        self._doorkeeper.came(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if self._transport is not None:
            self._doorkeeper.left(self._transport)

    def data_received(self, data: bytes) -> None:
        transport = self._transport
        assert transport is not None
        assert self._deadline is not None
        self._deadline.cancel()
        protocol = self._make_socket() if is_handshake(data) else self._make_http()
        protocol.connection_made(transport)
        transport.set_protocol(protocol)
        protocol.data_received(data)


def is_handshake(data: bytes) -> bool:
    """A whole request for a room's socket."""
    return (
        data.startswith(_PATH)
        and data.endswith(b"\r\n\r\n")
        and len(data) <= MAX_HEAD_BYTES
        and _UPGRADE in data.lower()
    )
