"""The full way of reading a socket: the `websockets` library's sans-IO protocol, fed in small chunks.

Used by `connection.py` for a socket that has sent anything but the common form (decisions/0011). The library
reads all that it is given before anybody could stop it: a quarter of a megabyte of empty pings, which is one
read, takes half a second, and every other client waits. So it gets a chunk at a time, and nothing more once
it has sent its close (decisions/0016).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from websockets.exceptions import InvalidMessage
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State as LibraryState
from websockets.server import ServerProtocol
from websockets.typing import LoggerLike, Subprotocol

from server.clock import now_ms
from server.core.room_names import room_of
from server.frames import client_frames, wire
from server.gateway.sockets import close_reasons
from server.gateway.sockets.admission import refusal_of
from server.gateway.sockets.close_reasons import SocketClose
from server.gateway.sockets.connection_handler import ConnectionHandler
from server.gateway.sockets.connection_state import OPEN
from server.gateway.sockets.frames import text_frame
from server.gateway.sockets.handshake import (
    SUBPROTOCOL,
    VERSION,
    handshake_of,
    offers_other_version,
)

if TYPE_CHECKING:
    from server.gateway.sockets.connection import Connection

CHUNK_BYTES: Final = 512  # 85 of the smallest frames: less than a millisecond
UNAUTHENTICATED_CHUNK_BYTES: Final = 64  # a client without a token can come back and do it again
MAX_BYTES_AFTER_CLOSE: Final = 64 * 1024  # beyond it the client will not answer our close: abort
_SUBPROTOCOLS: Final = (Subprotocol(SUBPROTOCOL),)
_END: Final = b""  # how the library marks the end of what it sends
_NO_HANDSHAKE: Final = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 21\r\n\r\nthat is no handshake\n"
)
# By the code with which the library ends a connection for a fault that it has found itself.
_FAULT_WORDS: Final = {1002: "bad_frame", 1007: close_reasons.NOT_UTF8.word, 1009: "too_large"}


class _Library(ServerProtocol):
    """The library's protocol with our words as reasons: its own are in its language and may change."""

    def fail(self, code: int, reason: str = "") -> None:
        super().fail(code, _FAULT_WORDS.get(code, reason))


class LibraryProtocol:
    """A `WireProtocol` for one socket. `is_open`: the handshake has been done by the common protocol."""

    __slots__ = ("_bytes_after_close", "_fragments", "_library")

    def __init__(self, log: LoggerLike, *, is_open: bool) -> None:
        self._library = _Library(
            subprotocols=_SUBPROTOCOLS,
            state=LibraryState.OPEN if is_open else LibraryState.CONNECTING,
            max_size=client_frames.MAX_FRAME_BYTES,
            logger=log,
        )
        self._fragments: bytearray | None = None
        self._bytes_after_close = 0

    # --- WireProtocol -------------------------------------------------------------------------

    def receive(self, connection: "Connection", handler: ConnectionHandler, data: bytes) -> None:
        size = CHUNK_BYTES if connection.is_authenticated else UNAUTHENTICATED_CHUNK_BYTES
        for events in self._chunks(data, size):
            for event in events:
                if isinstance(event, Request):
                    self._open(connection, handler, event)
                else:
                    self._take_frame(connection, handler, event)
            self._send(connection, handler)
        if self.must_abort:
            connection.abort()

    def receive_eof(self, connection: "Connection", handler: ConnectionHandler) -> None:
        self._library.receive_eof()
        self._send(connection, handler)

    def end(self, connection: "Connection", handler: ConnectionHandler, why: SocketClose) -> None:
        """Send an `error` frame and a close frame to an open connection."""
        if self._library.close_expected():
            self._send(
                connection, handler
            )  # the library has closed already, for a fault of its own
        elif self._library.state is not LibraryState.OPEN:
            connection.abort()
        else:
            connection.close_reason = why.word
            connection.write(text_frame(wire.error(why.word, why.message, why.retry_after_ms)))
            self._close(why)
            self._send(connection, handler)

    # --- reading ------------------------------------------------------------------------------

    @property
    def must_abort(self) -> bool:
        """The client sends on and on behind the close."""
        return self._bytes_after_close > MAX_BYTES_AFTER_CLOSE

    def _chunks(self, data: bytes, size: int) -> Iterator[list[Request | Frame]]:
        """Yield the events of each chunk. Stops where the library has sent its close: the rest is counted
        and not read."""
        start = 0
        while start < len(data):
            if self._library.eof_sent:
                self._bytes_after_close += len(data) - start
                return
            end = self._end_of_chunk(data, start, start + size)
            self._library.receive_data(data[start:end])
            yield [e for e in self._library.events_received() if isinstance(e, Request | Frame)]
            start = end

    def _end_of_chunk(self, data: bytes, start: int, end: int) -> int:
        """Return where the chunk ends. A handshake is read line by line, because frames behind it must not be
        read before it is answered."""
        if self._library.state is LibraryState.CONNECTING:
            end = min(end, data.find(b"\n", start, end) + 1 or end)
        return end

    def _take_frame(
        self, connection: "Connection", handler: ConnectionHandler, frame: Frame
    ) -> None:
        """Whatever is not a whole message counts against the rate of messages: pings (which the library
        answers), pongs, fragments, and everything behind our close. What came before a fault or a close of
        the client's is still done."""
        session = connection.session
        if session is None:
            return
        if connection.state is not OPEN:
            if session.is_flooded(now_ms()):
                self._stop_reading()
        elif frame.opcode is Opcode.BINARY:
            self.end(connection, handler, close_reasons.NOT_TEXT)
        elif (
            frame.opcode in (Opcode.TEXT, Opcode.CONT)
            and (text := self._whole_text(frame)) is not None
        ):
            connection.receive_text(session, text)
        elif session.is_flooded(now_ms()):
            self.end(connection, handler, close_reasons.FLOOD)

    def _whole_text(self, frame: Frame) -> bytes | bytearray | None:
        """Return the text of the message that this frame completes, or None. The library bounds its size,
        however many fragments it has."""
        if frame.opcode is Opcode.TEXT and frame.fin:
            return bytes(frame.data)
        if frame.opcode is Opcode.TEXT:
            self._fragments = bytearray()
        if self._fragments is None:
            return None
        self._fragments += frame.data
        if not frame.fin:
            return None
        text, self._fragments = self._fragments, None
        return text

    def _stop_reading(self) -> None:
        if not self._library.eof_sent:
            self._library.fail(1008)

    # --- the handshake ------------------------------------------------------------------------

    def _open(self, connection: "Connection", handler: ConnectionHandler, request: Request) -> None:
        handshake = handshake_of(request)
        room = room_of(handshake.path)
        refusal = refusal_of(handshake, room, handler, connection.address)
        if refusal is not None:
            origin = ", ".join(handshake.origins)
            handler.refusals.refused(refusal.reason, connection.address, handshake.host, origin)
            self._library.send_response(self._library.reject(refusal.status, refusal.text))
            return
        self._library.send_response(self._response_to(request))
        if self._library.state is LibraryState.OPEN and room is not None:
            connection.accept(handshake, room)
        else:
            handler.refusals.refused("no_handshake", connection.address, handshake.host, "")

    def _response_to(self, request: Request) -> Response:
        """Return 101, or a refusal of what is no handshake of version 13 that offers our subprotocol."""
        response = self._library.accept(request)
        if response.status_code == 400 and offers_other_version(request):
            response = self._library.reject(426, f"this is version {VERSION} of the protocol\n")
            response.headers["Sec-WebSocket-Version"] = VERSION
        return response

    # --- sending ------------------------------------------------------------------------------

    def _close(self, why: SocketClose) -> None:
        """Let the library close. A client that has broken the protocol is not read any more; any other one
        is, until it answers the close."""
        if why.is_violation:
            self._library.fail(why.code, why.word)
        else:
            self._library.send_close(why.code, why.word)

    def _send(self, connection: "Connection", handler: ConnectionHandler) -> None:
        """Write what the library has to send by itself: responses, pongs, closes. Behind its last bytes the
        transport is half-closed, so that the client can still read them."""
        data, is_last = self._take_output()
        transport = connection.transport
        if transport is None or transport.is_closing():
            return
        if data:
            transport.write(data)
        if is_last and not transport.is_closing():  # `write` aborts where too much is unsent
            transport.write_eof()
        if is_last and self._is_no_request:
            handler.refusals.refused("no_handshake", connection.address, None, "")
        if is_last or self._library.close_expected():
            connection.start_closing(self._violation)

    def _take_output(self) -> tuple[bytes, bool]:
        """Return what the library wants to send, and whether these are its last bytes."""
        pieces = self._library.data_to_send()
        is_last = bool(pieces) and pieces[-1] == _END
        has_no_answer = pieces == [_END] and not self._library.reader.eof
        if has_no_answer and self._is_no_request:
            return _NO_HANDSHAKE, True
        return b"".join(pieces), is_last

    @property
    def _is_no_request(self) -> bool:
        """True when the bytes that came are not even an HTTP request."""
        return isinstance(self._library.handshake_exc, InvalidMessage)

    @property
    def _violation(self) -> str | None:
        """The code of a close that the library sent because the client broke the protocol."""
        ours = self._library.close_sent
        return str(ours.code) if ours is not None and self._library.close_rcvd is None else None
