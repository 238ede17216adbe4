"""Whether a handshake may become a socket here and now.

Asked by `connection.py`. What the client wrote is judged by `handshake.py`; what the gateway allows at this
moment is its `Host`'s to say.
"""

from server.gateway.connection_handler import ConnectionHandler
from server.gateway.handshake import (
    BAD_HOST,
    DRAINING,
    FOREIGN,
    FULL,
    NO_ROOM,
    Handshake,
    Refusal,
    has_good_host,
    is_from,
)


def refusal_of(
    asked: Handshake, room: str | None, host: ConnectionHandler, peer: str
) -> Refusal | None:
    """`peer`: the address that the connection comes from, of a proxy where there is one."""
    if not has_good_host(asked):
        return BAD_HOST
    if room is None:
        return NO_ROOM
    by_proxy = bool(asked.origins) and host.proxies.trusts(peer)
    if not is_from(asked, host.allowed_origins, by_proxy=by_proxy):
        return FOREIGN
    if host.is_draining:
        return DRAINING
    return FULL if host.connection_limiter.is_full else None
