"""uvicorn on the listening socket: served, drained, and left to others.

Called by `web`. Knows nothing of what is served.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import structlog
import uvicorn

from server.gateway.connection_limiter import ConnectionLimiter
from server.gateway.http_protocol import GuardedHttpProtocol
from server.gateway.protocol_switch import ProtocolSwitch
from server.settings import Settings

# A class that comes in at once: 100 (asyncio's own) cuts a burst of 3,500 joins a second to 270.
BACKLOG = 4096
DRAIN_SECONDS = 2.0
_ANSWERS_IN_FLIGHT_SECONDS = 1


class Service(uvicorn.Server):
    """uvicorn without signal handling of its own: we drain first, then it stops."""

    def stop_listening(self, listening: socket.socket) -> None:
        """At once. A socket that somebody else holds as well keeps its queue."""
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
    """`app` is an ASGI application, `ws_class` makes what takes over a socket."""

    def front_door(**uvicorn_parts: Any) -> ProtocolSwitch:
        return ProtocolSwitch(
            ws_class,
            lambda: GuardedHttpProtocol(connection_limiter, **uvicorn_parts),
            connection_limiter,
        )

    config = uvicorn.Config(
        app,
        ws=ws_class,  # type: ignore[arg-type]
        http=front_door,  # type: ignore[arg-type]
        loop="none",  # runs on the loop that is there
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=_ANSWERS_IN_FLIGHT_SECONDS,
    )
    return Service(config)


async def serve(
    server: Service, listening: socket.socket, drain: Callable[[], Awaitable[None]]
) -> None:
    """Serves until it is cancelled; then leaves the port to others, drains (readiness gone, sockets
    told to come back elsewhere) and waits for the answers in flight."""
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    finally:
        # First of all: who knocks from now on is the next one's, and who was sent away must not
        # find us again.
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
