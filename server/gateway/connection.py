"""One socket: bytes <-> the session.

Given to uvicorn as its `ws` class (gateway.protocol_class), so that pages, API and sockets share a
port. No task, queue or future for a connection: some 3 KB each.
Two ways in, decided anew for each read: the usual handshake and the usual frame, whole in one read, are
taken at once; everything else goes the long way through the `websockets` library (library_protocol.py), which
is made when it is first needed and kept from then on (decisions/0011). Knows nothing of Redis; what a session
asks for goes to the `Host`.
"""

import asyncio
from typing import cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request

from server import wire
from server.clock import now_ms
from server.core.room_names import room_of
from server.gateway import close_reasons
from server.gateway.admission import refusal_of
from server.gateway.allowances import LARGE_BYTES
from server.gateway.close_reasons import SocketClose
from server.gateway.connection_handler import ConnectionHandler
from server.gateway.frames import text_frame, text_frame_head, usual_text
from server.gateway.handshake import Handshake, read_request, read_usual
from server.gateway.library_protocol import PORTION, STRANGERS_PORTION, LibraryProtocol
from server.gateway.session import Effect, End, Join, Phase, Session

MAX_UNSENT_BYTES = (
    64 * 1024
)  # of what a client is pushed; beyond it the client does not read: evicted
_CLIENT = "client"  # why it ended, where we had no part in it
_CLOSE_SECONDS = 5.0  # a client that does not answer our close is cut off


class Connection(asyncio.Protocol):
    """`stash` holds what arrives for the student between hello and welcome (None once live)."""

    __slots__ = (
        "_address",
        "_host",
        "_is_ending",
        "_reason",
        "_way",
        "session",
        "stash",
        "transport",
    )

    def __init__(self, host: ConnectionHandler) -> None:
        self._host = host
        self._way: LibraryProtocol | None = None
        self._address = ""
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
        self._host.connection_limiter.came(self.transport)
        self._host.opened(self)

    def data_received(self, data: bytes) -> None:
        """A fault of ours ends this connection, and nothing else: whoever gave us the bytes may not have made
        us the transport's protocol yet, and would leave it open without one."""
        try:
            if self._way is not None or not self._takes_as_usual(data):
                self._receive(self._long_way(), data)
        except Exception:  # whatever it is: this connection goes, and the log is told
            self._host.refusals.fault("socket")
            self._abort()

    def pause_writing(self) -> None:
        """More than MAX_UNSENT_BYTES are waiting: the transport says so by itself, whoever wrote them."""
        self.evict()

    def eof_received(self) -> bool:
        """Without a word there is nothing to say. A class that falls at once must not cost its process a
        library's object each, and is closed some at a time. Who has left unread what was sent would keep
        the transport for ever. False: the transport closes itself."""
        if self._way is not None:
            self._way.end_of_data()
            self._send_protocol_data(self._way)
        if self.transport is None:
            return False
        if self.transport.get_write_buffer_size():
            self._cut_off_soon()
            return False
        if not self._is_ending:
            self._begin_to_end()
        self._host.leaving.close_soon(self.transport)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        transport, self.transport = self.transport, None
        if transport is not None:
            self._host.connection_limiter.left(transport, had_token=self._has_token)
        self._host.allowances.forget(self)
        self._host.left(self, self._reason)

    def shutdown(self) -> None:
        """Called by uvicorn for what is still open when it stops; the drain has been before."""
        self.end(SocketClose(close_reasons.GOING_AWAY, "server_restart", "restarting", 1_000))

    # --- what the gateway does with it --------------------------------------------------------

    def write(self, frames: bytes) -> None:
        """One or more finished frames; none follows a close: a transport raises then, in the middle of a
        broadcast. A client that does not read is cut off, never waited for."""
        transport = self.transport
        if transport is not None and not self._is_ending and not transport.is_closing():
            transport.write(frames)

    def tell(self, frames: bytes) -> None:
        """For this student only: kept until the welcome has been sent."""
        if self.stash is None:
            self.write(frames)
        else:
            self.stash.append(frames)

    def welcome(self, shared: bytes, own: bytes) -> None:
        """The whole state, as one frame; what arrived for the student meanwhile follows in the same write.
        `shared` is the same object for many: a large one is never copied for each of them."""
        if self.session is not None:
            self.session.phase = Phase.LIVE
        stash, self.stash = self.stash or (), None
        size = len(shared) + len(own)
        pieces = (text_frame_head(size), shared, own, *stash)
        if size < LARGE_BYTES:
            self.write(b"".join(pieces))
        elif self.transport is not None and not self._is_ending and not self.transport.is_closing():
            self.allow_unsent(self._host.allowances.grant(self, size, now_ms()))
            self.transport.writelines(pieces)

    def allow_unsent(self, size: int) -> None:
        """So many bytes of a welcome, beside what is pushed."""
        if self.transport is not None:
            self.transport.set_write_buffer_limits(high=size + MAX_UNSENT_BYTES)

    def evict(self) -> None:
        """It does not read, or far too slowly. What we could still say would not be read either."""
        self._reason = close_reasons.TOO_SLOW.word
        self._abort()

    def end(self, why: SocketClose) -> None:
        """An error that says why, then the close; the transport goes when the client answers, and at
        the latest some seconds later."""
        way = self._long_way()
        if way.is_ending and not self._is_ending:
            self._send_protocol_data(way)  # the library has found another fault behind this one
            return
        if self.transport is None or not way.is_open:
            self._abort()
            return
        self._reason = why.word
        self.write(text_frame(wire.error(why.word, why.message, why.retry_after_ms)))
        way.close(why)
        self._send_protocol_data(way)

    @property
    def is_listening(self) -> bool:
        """It has not said its last word, and neither have we."""
        return self.transport is not None and not self._is_ending

    def has_expired(self, now: int) -> bool:
        """Its token is over, and it has not been told yet."""
        identity = self.session.identity if self.session is not None else None
        return identity is not None and now >= identity.expires_at and not self._is_ending

    def dismiss(self, why: SocketClose, last_words: bytes) -> None:
        """`end` for a whole process at once: `last_words` are the same bytes for all, and no library's
        object is made for each."""
        if self._way is not None or self.session is None:
            self.end(why)
            return
        self._reason = why.word
        self.write(last_words)
        self._cut_off_soon()

    # --- inside -------------------------------------------------------------------------------

    def _takes_as_usual(self, data: bytes) -> bool:
        session = self.session
        if session is None:
            return self._shakes_hands_as_usual(data)
        text = usual_text(data, wire.MAX_FRAME_BYTES)
        if self._is_ending:
            self._hang_up(text)
            return True
        if text is not None:
            self._do(session.receive(text, now_ms()))
            return True
        return False

    def _hang_up(self, text: bytes | bytearray | None) -> None:
        """Dismissed: what is no text frame is the answer to our close."""
        if text is None and self.transport is not None:
            self.transport.close()

    @property
    def _has_token(self) -> bool:
        return self.session is not None and self.session.identity is not None

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _cut_off_soon(self) -> None:
        """Whether or not it reads, answers or closes its own side."""
        if not self._is_ending:
            self._begin_to_end()
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._abort)

    def _begin_to_end(self) -> None:
        self._is_ending = True
        self._host.ending(self)

    def _long_way(self) -> LibraryProtocol:
        if self._way is None:
            self._way = LibraryProtocol(self._host.protocol_log, is_open=self.session is not None)
        return self._way

    def _receive(self, way: LibraryProtocol, data: bytes) -> None:
        size = PORTION if self._has_token else STRANGERS_PORTION
        for events in way.portions(data, size):
            for event in events:
                if isinstance(event, Request):
                    self._shake_hands(way, event)
                else:
                    self._take(way, event)
            self._send_protocol_data(way)
        if way.is_beyond_patience:
            self._abort()

    def _send_protocol_data(self, way: LibraryProtocol) -> None:
        """Handshake, pongs, closes: what the library has to say by itself."""
        data, is_last = way.to_send()
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if data:
            transport.write(data)
        if is_last and not transport.is_closing():  # what was written may have been too much
            transport.write_eof()
        if is_last and way.is_no_handshake:
            self._host.refusals.refused("no_handshake", self._address, None, "")
        if (is_last or way.is_ending) and not self._is_ending:
            if self._reason == _CLIENT and way.violation is not None:
                self._reason = way.violation
            self._cut_off_soon()

    # --- the handshake ------------------------------------------------------------------------

    def _shakes_hands_as_usual(self, data: bytes) -> bool:
        """False: nothing has been done. Who is not let in is told so by the library."""
        asked = read_usual(data)
        room = room_of(asked.path) if asked is not None else None
        if asked is None or room is None:
            return False
        if refusal_of(asked, room, self._host, self._address) is not None:
            return False
        self.write(asked.answer())
        self._begin(asked, room)
        return True

    def _shake_hands(self, way: LibraryProtocol, request: Request) -> None:
        asked = read_request(request)
        room = room_of(asked.path)
        refusal = refusal_of(asked, room, self._host, self._address)
        if refusal is not None:
            origin = ", ".join(asked.origins)
            self._host.refusals.refused(refusal.reason, self._address, asked.host, origin)
            way.refuse(refusal.status, refusal.text)
            return
        way.accept(request)
        if way.is_open and room is not None:
            self._begin(asked, room)
        else:
            self._host.refusals.refused("no_handshake", self._address, asked.host, "")

    def _begin(self, asked: Handshake, room: str) -> None:
        """The socket is open, and its client a stranger until it has shown a token."""
        self.session = Session(room, self._host.keys, now_ms())
        self._address = self._host.proxies.client(self._address, ",".join(asked.forwarded_for))

    # --- frames -------------------------------------------------------------------------------

    def _take(self, way: LibraryProtocol, frame: Frame) -> None:
        """Everything that is not a whole message counts as one, and so does what comes behind our close:
        pings (the library has answered them), pongs, pieces, however small. What came before a fault or
        a close of theirs is still done."""
        session = self.session
        if session is None:
            return
        if self._is_ending:
            if session.is_flooded(now_ms()):
                way.stop_listening()
        elif frame.opcode is Opcode.BINARY:
            self.end(close_reasons.NOT_TEXT)
        elif (
            frame.opcode in (Opcode.TEXT, Opcode.CONT)
            and (text := way.whole_text(frame)) is not None
        ):
            self._do(session.receive(text, now_ms()))
        elif session.is_flooded(now_ms()):
            self.end(close_reasons.FLOOD)

    def _do(self, effect: Effect) -> None:
        if type(effect) is wire.ClaimFrame:  # most of them; a pattern takes as long as the claim
            self._host.claim(self, effect.drop_id, effect.request_id)
            return
        match effect:
            case Join():
                if self.transport is not None:
                    self._host.connection_limiter.has_shown_token(self.transport)
                self._host.join(self)
            case wire.SeenFrame(drop_id):
                self._host.seen(self, drop_id)
            case End(why):
                self._end_for(why)

    def _end_for(self, why: SocketClose) -> None:
        """An address that has shown many bad tokens is told of the next one later, so that who tries
        again and again gets slower. Good ones of the same address never wait: a whole campus may be
        behind it."""
        wait_s = 0.0
        if why.code == close_reasons.TOKEN_INVALID.code:
            wait_s = self._host.connection_limiter.blame(self._address, now_ms())
        if wait_s and self.transport is not None:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(wait_s, self._end_now, why)
        else:
            self.end(why)

    def _end_now(self, why: SocketClose) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
            self.end(why)
