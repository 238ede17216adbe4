"""The interface through which a connection uses its gateway.

Implemented by gateway.py and, for tests, by tests/support/sockets.py; called by connection.py and the two
wire protocols.
"""

from typing import TYPE_CHECKING, Protocol

from websockets.typing import LoggerLike

from server.core.addresses import TrustedProxies
from server.frames import client_frames
from server.frames.client_frames import ClaimFrame
from server.gateway.sockets.connection_limiter import ConnectionLimiter
from server.gateway.sockets.refusals import Refusals
from server.gateway.sockets.socket_closer import SocketCloser
from server.tokens import TokenKeys

if TYPE_CHECKING:
    from server.gateway.sockets.allowances import Allowances
    from server.gateway.sockets.connection import Connection


class ConnectionHandler(Protocol):
    """Shared objects of the gateway, and the events of one connection."""

    keys: TokenKeys
    connection_limiter: ConnectionLimiter
    socket_closer: SocketCloser
    allowances: "Allowances"
    refusals: Refusals
    allowed_origins: frozenset[str]  # scheme://host[:port]
    proxies: TrustedProxies
    is_draining: bool
    close_timeout_s: float
    protocol_log: LoggerLike

    def join(self, connection: "Connection") -> None:
        """Welcome a client whose hello was good."""
        ...

    def claim(self, connection: "Connection", frame: ClaimFrame) -> None: ...
    def seen(self, connection: "Connection", drop_id: str) -> None: ...
    def answer(self, connection: "Connection", frame: client_frames.AnswerFrame) -> None: ...
    def connection_opened(self, connection: "Connection") -> None: ...

    def connection_closing(self, connection: "Connection") -> None:
        """Forget a connection to which no frame may be written any more."""
        ...

    def connection_closed(self, connection: "Connection", reason: str) -> None:
        """Forget a connection whose transport is gone. `reason` is the label of the metric."""
        ...
