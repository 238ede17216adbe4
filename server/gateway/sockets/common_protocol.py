"""The fast way of reading a socket: the handshake and the frames that browsers and our SDKs send.

Used by `connection.py` until a socket sends anything of another form; then the `websockets` library reads
that and all that follows. A handshake takes 10 us of Python where the library takes 51, a frame a
fifth of the library's time (decisions/0011). Refuses nothing: refusals are written by the library.
"""

from typing import TYPE_CHECKING, Final

from server.core.room_names import room_of
from server.frames import client_frames
from server.gateway.sockets.admission import refusal_of
from server.gateway.sockets.connection_handler import ConnectionHandler
from server.gateway.sockets.connection_state import OPEN
from server.gateway.sockets.frames import parse_common_text
from server.gateway.sockets.handshake import parse_common_handshake

if TYPE_CHECKING:
    from server.gateway.sockets.connection import Connection


class CommonProtocol:
    """A `WireProtocol` without state."""

    __slots__ = ()

    def receive(self, connection: "Connection", handler: ConnectionHandler, data: bytes) -> None:
        session = connection.session
        if session is None:
            if not self._open(connection, handler, data):
                connection.use_library().receive(connection, handler, data)
            return
        text = parse_common_text(data, client_frames.MAX_FRAME_BYTES)
        if connection.state is not OPEN:
            if text is None and connection.transport is not None:
                connection.transport.close()  # no text frame: the client's answer to our close
        elif text is not None:
            connection.receive_text(session, text)
        else:
            connection.use_library().receive(connection, handler, data)

    def receive_eof(self, connection: "Connection", handler: ConnectionHandler) -> None:
        """Do nothing: there is no half-read message, and no close to answer."""

    def _open(self, connection: "Connection", handler: ConnectionHandler, data: bytes) -> bool:
        """Answer a handshake. Return False, with nothing done, for any that is not common or not good."""
        handshake = parse_common_handshake(data)
        room = room_of(handshake.path) if handshake is not None else None
        transport = connection.transport
        if handshake is None or room is None or transport is None or transport.is_closing():
            return False
        if refusal_of(handshake, room, handler, connection.address) is not None:
            return False
        transport.write(handshake.response())
        connection.accept(handshake, room)
        return True


COMMON: Final = CommonProtocol()
