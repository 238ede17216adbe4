"""Bind the service's port, and check that it is free. serving.py serves on the socket.

Called by `web` and `run`. Knows nothing of what is served.
"""

import errno
import socket
from typing import Any

from server.commands import CommandError
from server.configuration.settings import Settings

# The kernel buffers this much for a client that never reads before we notice it; with the default size,
# 13,000 frames. Accepted sockets inherit the size from the listening one.
SEND_BUFFER_BYTES = 32 * 1024
EVERY_ADDRESS = ("0.0.0.0", "::")


def check_port_is_free(settings: Settings) -> None:
    """Raise CommandError where the port is taken. Call before anything is started.

    With SO_REUSEPORT a second service would not fail to bind: it would silently accept half of the first
    one's connections.
    """
    listen(settings, shared=False).close()


def listen(settings: Settings, *, shared: bool) -> socket.socket:
    """Return a bound socket, with SO_REUSEPORT if `shared`. Raises CommandError where that fails."""
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


def local_url(settings: Settings) -> str:
    """Return the URL at which this machine reaches the service."""
    host = "127.0.0.1" if settings.host in EVERY_ADDRESS else settings.host
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


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
