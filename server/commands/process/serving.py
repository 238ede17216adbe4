"""Run uvicorn on the listening socket, and drain it at the end.

Called by `web`. Knows nothing of what is served.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import structlog
import uvicorn

from server.configuration.settings import Settings
from server.gateway.sockets.connection_limiter import ConnectionLimiter
from server.gateway.sockets.http_protocol import GuardedHttpProtocol
from server.gateway.sockets.protocol_switch import ProtocolSwitch

# For a class that joins at once: with 100, asyncio's default, 3,500 joins a second became 270.
BACKLOG = 4096
DRAIN_SECONDS = 2.0
_RESPONSES_IN_FLIGHT_SECONDS = 1


class Service(uvicorn.Server):
    """uvicorn without its signal handling: we drain first, then stop it."""

    def stop_listening(self, listening: socket.socket) -> None:
        """Close the socket at once. The queue survives where another process holds the socket too."""
        if self.started:
            for server in self.servers:
                server.close()
            listening.close()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def service(
    settings: Settings,
    app: Any,
    ws_class: Callable[..., asyncio.Protocol],
    connection_limiter: ConnectionLimiter,
) -> Service:
    """Return the server of an ASGI `app`; `ws_class` makes the protocol of each socket."""

    def http_protocol_factory(**uvicorn_parts: Any) -> ProtocolSwitch:
        return ProtocolSwitch(
            ws_class,
            lambda: GuardedHttpProtocol(connection_limiter, **uvicorn_parts),
            connection_limiter,
        )

    config = uvicorn.Config(
        app,
        ws=ws_class,  # type: ignore[arg-type]
        http=http_protocol_factory,  # type: ignore[arg-type]
        loop="none",  # run in the current event loop
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=_RESPONSES_IN_FLIGHT_SECONDS,
    )
    return Service(config)


async def serve(
    server: Service, listening: socket.socket, drain: Callable[[], Awaitable[None]]
) -> None:
    """Serve until cancelled, then close the port, drain, and wait for the responses in flight.

    `drain` makes /readyz fail and asks the clients of open sockets to reconnect elsewhere.
    """
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    finally:
        # Close the port before draining: new connections belong to the next process, and a client that
        # was asked to reconnect must not reach this one again.
        server.stop_listening(listening)
        await _drain(drain)
        server.should_exit = True
        await serving


async def _drain(drain: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await drain()
    except TimeoutError:
        structlog.get_logger().warning("drain_cut_short", seconds=DRAIN_SECONDS)
