"""The interface of the two protocols that turn the bytes of a socket into messages.

`Connection` has one `WireProtocol` at a time. `CommonProtocol` keeps no state, so all sockets share one
object. `LibraryProtocol` belongs to one socket.
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from server.gateway.sockets.connection import Connection
    from server.gateway.sockets.connection_handler import ConnectionHandler


class WireProtocol(Protocol):
    """The connection is an argument and not an attribute: two objects that refer to each other would wait
    for the garbage collector when ten thousand sockets close."""

    def receive(self, connection: "Connection", handler: "ConnectionHandler", data: bytes) -> None:
        """Take one read. Calls `connection.accept` for a good handshake and `connection.receive_text` for
        each whole message."""
        ...

    def receive_eof(self, connection: "Connection", handler: "ConnectionHandler") -> None:
        """Take the end of what the client sends."""
        ...
