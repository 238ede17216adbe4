"""One socket: bytes <-> the session.

Given to uvicorn as its `ws` class (gateway.protocol_class), so that pages, API and sockets share a
port. No task, queue or future for a connection: some 3 KB each.
Two ways in, decided anew for each read: the usual handshake and the usual frame, whole in one read, are
taken at once; everything else goes through the sans-IO layer of `websockets`, which is made when it is
first needed and kept from then on (decisions/0011).
Knows nothing of Redis; what a session asks for goes to the `Host`.
"""

import asyncio
from typing import Protocol, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import LoggerLike, Subprotocol

from server import wire
from server.clock import now_ms
from server.core.addresses import TrustedProxies
from server.gateway import closing
from server.gateway.closing import Closing
from server.gateway.doorkeeper import Doorkeeper
from server.gateway.frames import text_frame, usual_text
from server.gateway.handshake import (
    SUBPROTOCOL,
    Handshake,
    is_from,
    read_request,
    read_usual,
    room_of,
)
from server.gateway.session import Effect, End, Join, Phase, Session
from server.tokens import TokenKeys

_SUBPROTOCOLS = (Subprotocol(SUBPROTOCOL),)
MAX_UNSENT_BYTES = 64 * 1024  # beyond it the client does not read: evicted
_CLIENT = "client"  # why it ended, where we had no part in it
_CLOSE_SECONDS = 5.0  # a client that does not answer our close is cut off


class Host(Protocol):
    """What a connection needs of the gateway."""

    keys: TokenKeys
    doorkeeper: Doorkeeper
    allowed_origins: frozenset[str]
    proxies: TrustedProxies
    is_draining: bool
    protocol_log: LoggerLike  # quiet: a line for each socket costs a quarter of its handshake

    def join(self, connection: "Connection") -> None: ...
    def claim(self, connection: "Connection", drop_id: str, request_id: str) -> None: ...
    def seen(self, connection: "Connection", drop_id: str) -> None: ...
    def opened(self, connection: "Connection") -> None: ...
    def left(self, connection: "Connection", reason: str) -> None: ...


class Connection(asyncio.Protocol):
    """`stash` holds what arrives for the student between hello and welcome (None once live)."""

    __slots__ = (
        "_address",
        "_fragments",
        "_host",
        "_is_ending",
        "_is_stranger",
        "_reason",
        "_ws",
        "session",
        "stash",
        "transport",
    )

    def __init__(self, host: Host) -> None:
        self._host = host
        self._ws: ServerProtocol | None = None
        self._fragments: bytearray | None = None
        self._address = ""
        self._is_stranger = False
        self._is_ending = False
        self._reason = _CLIENT
        self.transport: asyncio.Transport | None = None
        self.session: Session | None = None
        self.stash: list[bytes] | None = []

    # --- asyncio.Protocol ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._host.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._ws is None:
            session = self.session
            if session is None:
                if self._shakes_hands_as_usual(data):
                    return
            else:
                text = usual_text(data, wire.MAX_FRAME_BYTES)
                if self._is_ending:
                    self._hang_up(text)
                    return
                if text is not None:
                    self._do(session.receive(text, now_ms()))
                    return
        self._receive(self._library(), data)

    def pause_writing(self) -> None:
        """More than MAX_UNSENT_BYTES are waiting: the transport says so by itself, whoever wrote them."""
        self._reason = closing.TOO_SLOW.word
        self._abort()

    def eof_received(self) -> None:
        """Without a word there is nothing to say: the transport closes itself. A class that falls at
        once must not cost its process a library's object each."""
        if self._ws is None:
            return
        self._ws.receive_eof()
        self._send_protocol_data()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self._is_stranger:
            self._is_stranger = False
            self._host.doorkeeper.leave(self._address)
        self._host.left(self, self._reason)

    def shutdown(self) -> None:
        """Called by uvicorn for what is still open when it stops; the drain has been before."""
        self.end(Closing(closing.GOING_AWAY, "server_restart", "restarting", 1_000))

    # --- what the gateway does with it --------------------------------------------------------

    def write(self, frames: bytes) -> None:
        """One or more finished frames; none follows a close: a transport raises then, in the middle of a
        broadcast. A client that does not read is cut off, never waited for."""
        if not self._is_ending:
            self._write(frames)

    def _write(self, data: bytes) -> None:
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)

    def tell(self, frames: bytes) -> None:
        """For this student only: kept until the welcome has been sent."""
        if self.stash is None:
            self.write(frames)
        else:
            self.stash.append(frames)

    def welcome(self, frames: bytes) -> None:
        """The whole state; what arrived for the student meanwhile follows in the same write."""
        if self.session is not None:
            self.session.phase = Phase.LIVE
        stash, self.stash = self.stash, None
        self.write(b"".join((frames, *stash)) if stash else frames)

    def has_shown_token(self) -> None:
        if self._is_stranger:
            self._is_stranger = False
            self._host.doorkeeper.leave(self._address)

    def end(self, why: Closing) -> None:
        """An error that says why, then the close; the transport goes when the client answers."""
        ws = self._library()
        if self.transport is None or ws.state is not State.OPEN:
            self._abort()
            return
        self._reason = why.word
        self.write(text_frame(wire.error(why.word, why.message, why.retry_after_ms)))
        ws.send_close(why.code, why.word)
        self._send_protocol_data()

    def dismiss(self, why: Closing, last_words: bytes) -> None:
        """`end` for a whole process at once: `last_words` are the same bytes for all, and no library's
        object is made for each."""
        if self._ws is not None or self.session is None:
            self.end(why)
            return
        self._reason = why.word
        self._write(last_words)
        self._is_ending = True

    # --- inside -------------------------------------------------------------------------------

    def _hang_up(self, text: bytes | bytearray | None) -> None:
        """Dismissed: what is no text frame is the answer to our close."""
        if text is None and self.transport is not None:
            self.transport.close()

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _library(self) -> ServerProtocol:
        """Where there has been no handshake yet it reads one; after a usual one it goes on from there."""
        if self._ws is None:
            self._ws = ServerProtocol(
                subprotocols=_SUBPROTOCOLS,
                state=State.CONNECTING if self.session is None else State.OPEN,
                max_size=wire.MAX_FRAME_BYTES,
                logger=self._host.protocol_log,
            )
        return self._ws

    def _receive(self, ws: ServerProtocol, data: bytes) -> None:
        ws.receive_data(data)
        for event in ws.events_received():
            if isinstance(event, Request):
                self._shake_hands(ws, event)
            elif ws.state is State.OPEN and isinstance(event, Frame):
                self._take(event)
        self._send_protocol_data()

    def _send_protocol_data(self) -> None:
        """Handshake, pongs, closes: what the library has to say by itself. It marks the end of what it
        sends with an empty piece: we half-close then, so that the client can still read the close."""
        ws, is_over = self._library(), False
        for piece in ws.data_to_send():
            if piece:
                self._write(piece)
                continue
            is_over = True
            if self.transport is not None and not self.transport.is_closing():
                self.transport.write_eof()
        if (is_over or ws.close_expected()) and not self._is_ending:
            self._is_ending = True
            if self._reason == _CLIENT and ws.close_sent and not ws.close_rcvd:
                self._reason = str(ws.close_sent.code)  # the library found a violation
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._abort)

    # --- the handshake ------------------------------------------------------------------------

    def _shakes_hands_as_usual(self, data: bytes) -> bool:
        """False: nothing has been done. Who is not let in is told so by the library."""
        asked = read_usual(data)
        room = room_of(asked.path) if asked is not None else None
        if asked is None or room is None or self._refusal(asked, room) is not None:
            return False
        self.write(asked.answer())
        self._begin(asked, room)
        return True

    def _shake_hands(self, ws: ServerProtocol, request: Request) -> None:
        asked = read_request(request)
        room = room_of(asked.path)
        refusal = self._refusal(asked, room)
        if refusal is not None:
            ws.send_response(ws.reject(*refusal))
            return
        ws.send_response(ws.accept(request))
        if ws.state is State.OPEN and room is not None:
            self._send_protocol_data()
            self._begin(asked, room)

    def _refusal(self, asked: Handshake, room: str | None) -> tuple[int, str] | None:
        """Status and text."""
        if room is None:
            return 404, "no such room\n"
        if not is_from(asked, self._host.allowed_origins):
            return 403, "this origin may not connect\n"
        if self._host.is_draining or self._host.doorkeeper.is_full:
            return 503, "come back in a moment\n"
        return None

    def _begin(self, asked: Handshake, room: str) -> None:
        """The socket is open, and its client a stranger until it has shown a token."""
        now = now_ms()
        self.session = Session(room, self._host.keys, now)
        self._address = self._host.proxies.client(self._address, ",".join(asked.forwarded_for))
        keeper = self._host.doorkeeper
        if not keeper.admits(self._address, now):
            self.end(closing.TOO_MANY)
            return
        keeper.enter(self._address)
        self._is_stranger = True

    # --- frames -------------------------------------------------------------------------------

    def _take(self, frame: Frame) -> None:
        session, opcode = self.session, frame.opcode
        if session is None:
            return
        if opcode is Opcode.TEXT and frame.fin:
            self._do(session.receive(bytes(frame.data), now_ms()))
        elif opcode in (Opcode.TEXT, Opcode.CONT):
            self._take_fragment(session, frame)
        elif opcode is Opcode.BINARY:
            self.end(closing.NOT_TEXT)
        elif session.is_flooded(now_ms()):  # pings and pongs; the library has answered them
            self.end(closing.FLOOD)

    def _take_fragment(self, session: Session, frame: Frame) -> None:
        """The library bounds the whole message, whatever its pieces."""
        if frame.opcode is Opcode.TEXT:
            self._fragments = bytearray()
        if self._fragments is None:
            return
        self._fragments += frame.data
        if frame.fin:
            text, self._fragments = self._fragments, None
            self._do(session.receive(text, now_ms()))

    def _do(self, effect: Effect) -> None:
        match effect:
            case None:
                pass
            case wire.ClaimFrame(drop_id, request_id):
                self._host.claim(self, drop_id, request_id)
            case Join():
                self.has_shown_token()
                self._host.join(self)
            case wire.SeenFrame(drop_id):
                self._host.seen(self, drop_id)
            case End(why):
                if why is closing.TOKEN_INVALID:
                    self._host.doorkeeper.blame(self._address, now_ms())
                self.end(why)
