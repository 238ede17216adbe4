"""The long way of a socket: what the `websockets` library reads and says, in portions that cost little.

Made by `connection.py` for a socket that differs from the usual in anything (decisions/0011). The library
would read all it is given before anybody could say stop: a quarter of a megabyte of empty pings, which is one
read, takes half a second, and everybody else waits. So it is given some bytes at a time, and nothing
more once it has said its last word (decisions/0016).
"""

from collections.abc import Iterator
from typing import Final

from websockets.exceptions import InvalidMessage
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import LoggerLike, Subprotocol

from server import wire
from server.gateway.close_reasons import SocketClose
from server.gateway.handshake import SUBPROTOCOL, VERSION, speaks_other_version

PORTION: Final = 512  # bytes: 85 of the smallest frames, under a millisecond
STRANGERS_PORTION: Final = 64  # of one who needs no token to do it again and again
MAX_UNHEARD_BYTES: Final = 64 * 1024  # sent behind the last word; then there is no point in waiting
_SUBPROTOCOLS: Final = (Subprotocol(SUBPROTOCOL),)
_LAST_WORD: Final = b""  # how the library marks the end of what it sends
_NO_HANDSHAKE: Final = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 21\r\n\r\nthat is no handshake\n"
)


class LibraryProtocol:
    """Where there has been no handshake yet it reads one; after a usual one it goes on from there."""

    __slots__ = ("_fragments", "_library", "_unheard")

    def __init__(self, log: LoggerLike, *, is_open: bool) -> None:
        self._library = ServerProtocol(
            subprotocols=_SUBPROTOCOLS,
            state=State.OPEN if is_open else State.CONNECTING,
            max_size=wire.MAX_FRAME_BYTES,
            logger=log,
        )
        self._fragments: bytearray | None = None
        self._unheard = 0

    @property
    def is_open(self) -> bool:
        """Handshake done, no close said by either side."""
        return self._library.state is State.OPEN

    @property
    def is_beyond_patience(self) -> bool:
        """Sends on and on, though there will be no answer."""
        return self._unheard > MAX_UNHEARD_BYTES

    @property
    def is_ending(self) -> bool:
        """The transport should be gone soon."""
        return self._library.close_expected()

    @property
    def is_no_handshake(self) -> bool:
        """What came is not even a request."""
        return isinstance(self._library.handshake_exc, InvalidMessage)

    @property
    def violation(self) -> str | None:
        """The close code of a violation that the library has found."""
        ours = self._library.close_sent
        return str(ours.code) if ours is not None and self._library.close_rcvd is None else None

    # --- what comes ---------------------------------------------------------------------------

    def portions(self, data: bytes, size: int) -> Iterator[list[Request | Frame]]:
        """What is in it, little by little. Ends where nothing more will be listened to."""
        start = 0
        while start < len(data):
            if self._library.eof_sent:
                self._unheard += len(data) - start
                return
            end = self._end_of_portion(data, start, start + size)
            self._library.receive_data(data[start:end])
            yield [e for e in self._library.events_received() if isinstance(e, Request | Frame)]
            start = end

    def _end_of_portion(self, data: bytes, start: int, end: int) -> int:
        """A handshake comes line by line: what stands behind it is not read before it is answered."""
        if self._library.state is State.CONNECTING:
            end = min(end, data.find(b"\n", start, end) + 1 or end)
        return end

    def end_of_data(self) -> None:
        self._library.receive_eof()

    def whole_text(self, frame: Frame) -> bytes | bytearray | None:
        """The text of a message that is complete with this frame. The library bounds its size,
        whatever its pieces."""
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

    # --- what is said -------------------------------------------------------------------------

    def refuse(self, status: int, text: str) -> None:
        self._library.send_response(self._library.reject(status, text))

    def accept(self, request: Request) -> None:
        """Or refuses, where it is no handshake of version 13 that offers our subprotocol."""
        self._library.send_response(self._answer_to(request))

    def _answer_to(self, request: Request) -> Response:
        answer = self._library.accept(request)
        if answer.status_code == 400 and speaks_other_version(request):
            answer = self._library.reject(426, f"this is version {VERSION} of the protocol\n")
            answer.headers["Sec-WebSocket-Version"] = VERSION
        return answer

    def close(self, why: SocketClose) -> None:
        """Whom we send away may answer and is heard until then. Who has broken the rules has had
        the last word."""
        if why.is_violation:
            self._library.fail(why.code, why.word)
        else:
            self._library.send_close(why.code, why.word)

    def stop_listening(self) -> None:
        """Nothing of what still comes is read."""
        if not self._library.eof_sent:
            self._library.fail(1008)

    def to_send(self) -> tuple[bytes, bool]:
        """What the library has to say by itself, and whether it is its last word: then the transport
        is half-closed, so that the client can still read it."""
        pieces = self._library.data_to_send()
        is_last = bool(pieces) and pieces[-1] == _LAST_WORD
        is_speechless = pieces == [_LAST_WORD] and not self._library.reader.eof
        if is_speechless and self.is_no_handshake:
            return _NO_HANDSHAKE, True
        return b"".join(pieces), is_last
