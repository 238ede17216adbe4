"""Decides whether a handshake may become a socket now.

Called by the two wire protocols. Combines the rules for what the client sent (handshake.py) with the state of
the gateway: draining, full.
"""

from server.gateway.sockets.connection_handler import ConnectionHandler
from server.gateway.sockets.handshake import (
    BAD_HOST,
    DRAINING,
    FOREIGN_ORIGIN,
    FULL,
    NO_ROOM,
    Handshake,
    Refusal,
    has_good_host,
    is_from,
)


def refusal_of(
    handshake: Handshake, room: str | None, handler: ConnectionHandler, peer: str
) -> Refusal | None:
    """Return why the handshake is refused, or None. `peer`: the address that the connection comes from, which
    is a proxy's where there is one."""
    if not has_good_host(handshake):
        return BAD_HOST
    if room is None:
        return NO_ROOM
    by_proxy = bool(handshake.origins) and handler.proxies.trusts(peer)
    if not is_from(handshake, handler.allowed_origins, by_proxy=by_proxy):
        return FOREIGN_ORIGIN
    if handler.is_draining:
        return DRAINING
    return FULL if handler.connection_limiter.is_full else None
