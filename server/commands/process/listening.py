"""The port: whether it is free, and the listening socket. serving.py serves on it.

Called by `web` and `run`. Knows nothing of what is served.
"""

import errno
import socket
from typing import Any

from server.commands import CommandError
from server.settings import Settings

# What a client that never reads can make the kernel keep for it, before we notice: with the
# default, 13,000 frames. Accepted sockets inherit it from the listening one.
SEND_BUFFER_BYTES = 32 * 1024
EVERY_ADDRESS = ("0.0.0.0", "::")


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


def local_url(settings: Settings) -> str:
    """Where this machine reaches the service."""
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
