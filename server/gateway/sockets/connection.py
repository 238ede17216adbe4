"""One socket: its state, what is written to it, and how it ends.

Made by `Gateway.protocol`, which uvicorn calls as its `ws` class, so that pages, API and sockets share a
port. There is no task, queue or future for a connection; it costs some 3 KB. Bytes that arrive go to the
socket's `WireProtocol`, which turns them into messages and calls back `receive_text`. There are two: the
common handshake and the common frame, each whole in one read, are parsed by a few lines of ours
(common_protocol.py); at the first byte of any other form the socket changes over to the `websockets` library
(library_protocol.py) and stays with it (decisions/0011). Knows nothing of Redis: what a message asks for goes
to the `ConnectionHandler`.
"""

import asyncio
from typing import Final, cast

from server.clock import now_ms
from server.frames import client_frames
from server.gateway.sockets import close_reasons
from server.gateway.sockets.allowances import LARGE_BYTES
from server.gateway.sockets.close_reasons import SocketClose
from server.gateway.sockets.common_protocol import COMMON
from server.gateway.sockets.connection_handler import ConnectionHandler
from server.gateway.sockets.connection_state import NEXT, OPEN, State
from server.gateway.sockets.frames import text_frame_head
from server.gateway.sockets.handshake import Handshake
from server.gateway.sockets.library_protocol import LibraryProtocol
from server.gateway.sockets.session import Effect, End, Join, Phase, Session
from server.gateway.sockets.wire_protocol import WireProtocol

# Of pushed frames that the client has not read. Beyond it the client reads too slowly and is evicted.
MAX_UNSENT_BYTES: Final = 64 * 1024
_CLIENT: Final = "client"  # the reason of a close that was not ours


class Connection(asyncio.Protocol):
    """`session` is there from the accepted handshake on. `pending_frames` keeps what is sent to the student
    between hello and welcome; it is None once the welcome has been written."""

    __slots__ = (
        "_handler",
        "_protocol",
        "address",
        "close_reason",
        "pending_frames",
        "session",
        "state",
        "transport",
    )

    def __init__(self, handler: ConnectionHandler) -> None:
        self._handler = handler
        self._protocol: WireProtocol = COMMON
        self.close_reason = _CLIENT
        self.address = ""
        self.state = State.OPENING
        self.transport: asyncio.Transport | None = None
        self.session: Session | None = None
        self.pending_frames: list[bytes] | None = []

    # --- asyncio.Protocol ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._handler.connection_limiter.opened(self.transport)
        self._handler.connection_opened(self)

    def data_received(self, data: bytes) -> None:
        """Take one read. An unexpected error ends this connection and nothing else. It must not leave this
        method: the caller may not have made us the transport's protocol yet, and the socket would stay open
        without one."""
        try:
            self._protocol.receive(self, self._handler, data)
        except Exception:  # any error at all: the log has it, and this socket is aborted
            self._handler.refusals.fault("socket")
            self.abort()

    def pause_writing(self) -> None:
        """Evict the client. The transport calls this when more than MAX_UNSENT_BYTES are unsent."""
        self.evict()

    def eof_received(self) -> bool:
        """Start closing, as the client closed its side. False lets the transport close itself, True keeps it.

        No library object is made for this: when a whole class loses its network, that would be 5 KB for each
        socket. The `socket_closer` closes them in batches. Where our data is still unread, the socket is
        aborted after a timeout; otherwise its transport would never be freed."""
        self._protocol.receive_eof(self, self._handler)
        if self.transport is None:
            return False
        if self.transport.get_write_buffer_size():
            self.start_closing()
            return False
        self._enter_closing()
        self._handler.socket_closer.close_soon(self.transport)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        transport, self.transport = self.transport, None
        if transport is not None:
            self._handler.connection_limiter.closed(
                transport, was_authenticated=self.is_authenticated
            )
        self._enter(State.CLOSED)
        self._handler.allowances.forget(self)
        self._handler.connection_closed(self, self.close_reason)

    def shutdown(self) -> None:
        """End a socket that is still open when uvicorn stops. The drain comes before that."""
        self.end(SocketClose(close_reasons.GOING_AWAY, "server_restart", "restarting", 1_000))

    # --- for the gateway: writing -------------------------------------------------------------

    def write(self, frames: bytes) -> None:
        """Write one or more whole frames; do nothing unless the socket is open. A client that does not read
        is evicted, never waited for."""
        transport = self.transport
        # A closing transport raises, which would stop a loop over many connections.
        if transport is not None and self.state is OPEN and not transport.is_closing():
            transport.write(frames)

    def send_private(self, frames: bytes) -> None:
        """Write what is for this student alone; keep it until the welcome has been written."""
        if self.pending_frames is None:
            self.write(frames)
        else:
            self.pending_frames.append(frames)

    def send_welcome(self, shared: bytes, own: bytes) -> None:
        """Write the whole state as one frame, and the pending frames behind it in the same write.

        The frame's text is `shared + own`. `shared` is one object for many connections; a large one is not
        copied for each of them."""
        if self.session is not None:
            self.session.phase = Phase.LIVE
        pending, self.pending_frames = self.pending_frames or (), None
        size = len(shared) + len(own)
        pieces = (text_frame_head(size), shared, own, *pending)
        if size < LARGE_BYTES:
            self.write(b"".join(pieces))
        elif self.transport is not None and self.is_open and not self.transport.is_closing():
            self.allow_unsent(self._handler.allowances.grant(self, size, now_ms()))
            self.transport.writelines(pieces)

    def allow_unsent(self, size: int) -> None:
        """Allow `size` bytes of a welcome to be unsent beside MAX_UNSENT_BYTES of pushes."""
        if self.transport is not None:
            self.transport.set_write_buffer_limits(high=size + MAX_UNSENT_BYTES)

    # --- for the gateway: ending --------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self.state is OPEN

    def has_expired(self, now: int) -> bool:
        """Return whether the token has ended and the close for it is still to be sent."""
        identity = self.session.identity if self.session is not None else None
        return identity is not None and now >= identity.expires_at and self.is_open

    def end(self, why: SocketClose) -> None:
        """Send an `error` frame and a close frame. The transport goes when the client answers, or after
        the timeout. Only the library can read what the client still sends, so the socket changes over to it.
        """
        if self.state is OPEN:
            self.use_library().end(self, self._handler, why)
        elif self.state is State.OPENING or self._protocol is not COMMON:
            self.abort()  # no frame can be sent yet, or a second reason to end does not wait for the first

    def end_with(self, why: SocketClose, frames: bytes) -> None:
        """Do the same as `end` for one of many sockets that end at once. `frames` are the same bytes for
        all, and no library object is made."""
        if self.state is OPEN and self._protocol is COMMON:
            self.write(frames)
            self.start_closing(why.word)
        else:
            self.end(why)

    def evict(self) -> None:
        """Abort a socket whose client does not read, or reads far too slowly: it would not read an error
        frame either."""
        self.close_reason = close_reasons.TOO_SLOW.word
        self.abort()

    # --- for the wire protocols ---------------------------------------------------------------

    @property
    def is_authenticated(self) -> bool:
        return self.session is not None and self.session.identity is not None

    def use_library(self) -> LibraryProtocol:
        """Change over to the library, for good."""
        protocol = self._protocol
        if not isinstance(protocol, LibraryProtocol):
            log = self._handler.protocol_log
            protocol = LibraryProtocol(log, is_open=self.session is not None)
            self._protocol = protocol
        return protocol

    def accept(self, handshake: Handshake, room: str) -> None:
        """Open the socket: its handshake has been answered. There is no identity before a good token."""
        self._enter(State.OPEN)
        self.session = Session(room, self._handler.keys, now_ms())
        forwarded = ",".join(handshake.forwarded_for)
        self.address = self._handler.proxies.client(self.address, forwarded)

    def receive_text(self, session: Session, text: bytes | bytearray) -> None:
        """Take one whole message."""
        effect = session.receive(text, now_ms())
        if (
            type(effect) is client_frames.ClaimFrame
        ):  # nearly every message; `match` takes as long as the claim
            self._handler.claim(self, effect)
        elif effect is not None:
            self._carry_out(effect)

    def start_closing(self, reason: str | None = None) -> None:
        """Write no more, and abort the socket after the timeout, whatever the client does. `reason` is for
        the metric, unless there is one already."""
        if self.state in (State.OPENING, State.OPEN):
            if reason is not None and self.close_reason == _CLIENT:
                self.close_reason = reason
            self._enter_closing()
            loop = asyncio.get_running_loop()
            loop.call_later(self._handler.close_timeout_s, self.abort)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    # --- inside -------------------------------------------------------------------------------

    def _enter(self, state: State) -> None:
        assert state in NEXT[self.state], (self.state, state)
        self.state = state

    def _enter_closing(self) -> None:
        if self.state is not State.CLOSING:
            self._enter(State.CLOSING)
            self._handler.connection_closing(self)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Join():
                if self.transport is not None:
                    self._handler.connection_limiter.authenticated(self.transport)
                self._handler.join(self)
            case client_frames.SeenFrame(drop_id):
                self._handler.seen(self, drop_id)
            case client_frames.AnswerFrame():
                self._handler.answer(self, effect)
            case End(why):
                self._end_for(why)

    def _end_for(self, why: SocketClose) -> None:
        """End the socket; after many bad tokens from one address, end it later, so that guessing gets slow.
        Good tokens of the same address never wait: a whole campus may share the address."""
        wait_s = 0.0
        if why.code == close_reasons.TOKEN_INVALID.code:
            limiter = self._handler.connection_limiter
            wait_s = limiter.penalty_for_bad_token(self.address, now_ms())
        if wait_s and self.transport is not None:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(wait_s, self._end_now, why)
        else:
            self.end(why)

    def _end_now(self, why: SocketClose) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
            self.end(why)
