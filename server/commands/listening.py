"""The port: whether it is free, the listening socket, and uvicorn on it.

Called by `web` and `run`. Knows nothing of what is served.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import structlog
import uvicorn

from server.commands import CommandError
from server.gateway.doorkeeper import Doorkeeper
from server.gateway.front_door import FrontDoor
from server.gateway.http_door import HttpDoor
from server.settings import Settings

# A class that comes in at once: 100 (asyncio's own) cuts a burst of 3,500 joins a second to 270.
BACKLOG = 4096
# What a client that never reads can make the kernel keep for it, before we notice: with the
# default, 13,000 frames. Accepted sockets inherit it from the listening one.
SEND_BUFFER_BYTES = 32 * 1024
DRAIN_SECONDS = 2.0
_ANSWERS_IN_FLIGHT_SECONDS = 1


def refuse_taken_port(settings: Settings) -> None:
    """Before anything is started. With SO_REUSEPORT a second service would not fail, it would
    quietly take half of the first one's students."""
    listen(settings, shared=False).close()


def listen(settings: Settings, *, shared: bool) -> socket.socket:
    """Bound, with SO_REUSEPORT where several processes share the port. Raises CommandError."""
    family, address = _address_of(settings)
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise CommandError(_why_not_bound(settings, error)) from error
    return bound


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
    doorkeeper: Doorkeeper,
) -> Service:
    """`app` is an ASGI application, `ws_class` makes what takes over a socket."""

    def front_door(**uvicorn_parts: Any) -> FrontDoor:
        return FrontDoor(ws_class, lambda: HttpDoor(doorkeeper, **uvicorn_parts), doorkeeper)

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


def _address_of(settings: Settings) -> tuple[int, Any]:
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise CommandError(f"CLASSDROP_HOST {settings.host} cannot be resolved: {error}") from error
    return found[0][0], found[0][4]


def _why_not_bound(settings: Settings, error: OSError) -> str:
    where = f"{settings.host}, port {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"CLASSDROP_PORT: {where} is taken by another program; set another port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"CLASSDROP_HOST: {settings.host} is no address of this machine."
    return f"CLASSDROP_HOST, CLASSDROP_PORT: cannot listen on {where}: {error.strerror}."
