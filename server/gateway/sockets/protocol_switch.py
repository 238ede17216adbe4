"""The first bytes of a connection decide its protocol: a WebSocket handshake goes to the gateway, everything
else to uvicorn's HTTP.

Given to uvicorn as its `http` class (commands/process/serving.py). uvicorn would parse a handshake, build an
ASGI scope from it, write it out again and have it parsed once more: too much when a whole class connects at
once. A handshake that does not arrive in one piece does take that way (`GuardedHttpProtocol._upgrade`), and
ends up at the same protocol.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from server.gateway.sockets.connection_limiter import ConnectionLimiter

_PATH = b"GET /v1/rooms/"
_UPGRADE = b"\r\nupgrade: websocket\r\n"
FIRST_BYTES_SECONDS = 10.0  # then a connection that has sent nothing is aborted
MAX_HEAD_BYTES = 16 * 1024  # of a request line and its headers


class ProtocolSwitch(asyncio.Protocol):
    """The transport's protocol until its first data; then one of the other two takes its place."""

    __slots__ = (
        "_deadline",
        "_first_bytes_s",
        "_limiter",
        "_make_http",
        "_make_socket",
        "_transport",
    )

    def __init__(
        self,
        make_socket: Callable[[], asyncio.Protocol],
        make_http: Callable[[], asyncio.Protocol],
        connection_limiter: ConnectionLimiter,
        first_bytes_s: float = FIRST_BYTES_SECONDS,
    ) -> None:
        self._make_socket = make_socket
        self._make_http = make_http
        self._limiter = connection_limiter
        self._first_bytes_s = first_bytes_s
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._first_bytes_s, self._transport.abort)
        self._limiter.opened(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if self._transport is not None:
            self._limiter.closed(self._transport)

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
    """Return whether this is one whole request for a room's socket, with nothing behind it."""
    return (
        data.startswith(_PATH)
        and data.endswith(b"\r\n\r\n")
        and len(data) <= MAX_HEAD_BYTES
        and _UPGRADE in data.lower()
    )
