"""One socket: bytes <-> the session, over the sans-IO layer of `websockets`.

Given to uvicorn as its `ws` class (gateway.protocol_class), so that pages, API and sockets share a
port. No task, queue or future for a connection: 7-9 KB each.
Knows nothing of Redis; what a session asks for goes to the `Host`.
"""

import asyncio
from typing import Protocol, cast
from urllib.parse import urlsplit

from websockets.datastructures import Headers
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
from server.gateway.frames import text_frame
from server.gateway.session import Claim, Effect, End, Join, Phase, Seen, Session
from server.tokens import TokenKeys

_SUBPROTOCOLS = (Subprotocol("classdrop.v1"),)
MAX_UNSENT_BYTES = 64 * 1024  # beyond it the client does not read: evicted
_PATH_PREFIX, _MAX_ROOM = "/v1/rooms/", 64
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
        self._ws = ServerProtocol(
            subprotocols=_SUBPROTOCOLS, max_size=wire.MAX_FRAME_BYTES, logger=host.protocol_log
        )
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
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._host.opened(self)

    def data_received(self, data: bytes) -> None:
        ws = self._ws
        ws.receive_data(data)
        for event in ws.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif ws.state is State.OPEN and isinstance(event, Frame):
                self._take(event)
        self._send_protocol_data()

    def eof_received(self) -> None:
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
        """One or more finished frames. A client that does not read is cut off, never waited for."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        transport.write(frames)
        if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._reason = closing.TOO_SLOW.word
            transport.abort()

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
        if self.transport is None or self._ws.state is not State.OPEN:
            self._abort()
            return
        self._reason = why.word
        self.write(text_frame(wire.error(why.word, why.message, why.retry_after_ms)))
        self._ws.send_close(why.code, why.word)
        self._send_protocol_data()

    # --- inside -------------------------------------------------------------------------------

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _send_protocol_data(self) -> None:
        """Handshake, pongs, closes: what the library has to say by itself. It marks the end of what it
        sends with an empty piece: we half-close then, so that the client can still read the close."""
        for piece in self._ws.data_to_send():
            if piece:
                self.write(piece)
            elif self.transport is not None and not self.transport.is_closing():
                self.transport.write_eof()
        if self._ws.close_expected() and not self._is_ending:
            self._is_ending = True
            if self._reason == _CLIENT and self._ws.close_sent and not self._ws.close_rcvd:
                self._reason = str(self._ws.close_sent.code)  # the library found a violation
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._abort)

    def _shake_hands(self, request: Request) -> None:
        ws, now = self._ws, now_ms()
        room = room_of(request.path)
        if room is None:
            ws.send_response(ws.reject(404, "no such room\n"))
        elif not _is_allowed(request.headers, self._host.allowed_origins):
            ws.send_response(ws.reject(403, "this origin may not connect\n"))
        elif self._host.is_draining or self._host.doorkeeper.is_full:
            ws.send_response(ws.reject(503, "come back in a moment\n"))
        else:
            ws.send_response(ws.accept(request))
            if ws.state is State.OPEN:
                forwarded_for = ",".join(request.headers.get_all("X-Forwarded-For"))
                self._address = self._host.proxies.client(self._address, forwarded_for)
                self._begin(room, now)

    def _begin(self, room: str, now: int) -> None:
        self.session = Session(room, self._host.keys, now)
        keeper = self._host.doorkeeper
        if not keeper.admits(self._address, now):
            self._send_protocol_data()
            self.end(closing.TOO_MANY)
            return
        keeper.enter(self._address)
        self._is_stranger = True

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
            case Claim(drop_id, request_id):
                self._host.claim(self, drop_id, request_id)
            case Join():
                self.has_shown_token()
                self._host.join(self)
            case Seen(drop_id):
                self._host.seen(self, drop_id)
            case End(why):
                if why is closing.TOKEN_INVALID:
                    self._host.doorkeeper.blame(self._address, now_ms())
                self.end(why)


def room_of(path: str) -> str | None:
    """The room of a socket's path, or None where it is not one."""
    room = path.partition("?")[0].removeprefix(_PATH_PREFIX)
    if (
        len(room) + len(_PATH_PREFIX) != len(path.partition("?")[0])
        or not 0 < len(room) <= _MAX_ROOM
    ):
        return None
    return room if all(c.isascii() and (c.isalnum() or c in "_.:-") for c in room) else None


def _is_allowed(headers: Headers, allowed: frozenset[str]) -> bool:
    """A browser's Origin is our own or an allowed one. Who sends none is no browser: their token
    decides."""
    origins = headers.get_all("Origin")
    if not origins:
        return True
    if len(origins) != 1:
        return False
    origin = origins[0].rstrip("/")
    return origin in allowed or urlsplit(origin).netloc == headers.get("Host")
