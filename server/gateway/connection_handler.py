"""What one socket needs of the gateway it belongs to, so that neither has to know the other's inside.

Kept by gateway.py; asked by connection.py; tests have one that only notes (tests/support/sockets.py).
"""

from typing import TYPE_CHECKING, Protocol

from websockets.typing import LoggerLike

from server.core.addresses import TrustedProxies
from server.gateway.connection_limiter import ConnectionLimiter
from server.gateway.refusals import Refusals
from server.gateway.socket_closer import SocketCloser
from server.tokens import TokenKeys

if TYPE_CHECKING:
    from server.gateway.allowances import Allowances
    from server.gateway.connection import Connection


class ConnectionHandler(Protocol):
    """What a connection needs of the gateway."""

    keys: TokenKeys
    connection_limiter: ConnectionLimiter
    leaving: SocketCloser
    allowances: "Allowances"
    refusals: Refusals
    allowed_origins: frozenset[str]
    proxies: TrustedProxies
    is_draining: bool
    protocol_log: LoggerLike  # quiet: a line for each socket costs a quarter of its handshake

    def join(self, connection: "Connection") -> None: ...
    def claim(self, connection: "Connection", drop_id: str, request_id: str) -> None: ...
    def seen(self, connection: "Connection", drop_id: str) -> None: ...
    def opened(self, connection: "Connection") -> None: ...
    def ending(self, connection: "Connection") -> None: ...
    def left(self, connection: "Connection", reason: str) -> None: ...
