"""A socket of the gateway without a network: the real connection between a transport that records what
happens to it and the client half of the `websockets` library."""

import asyncio
import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.typing import LoggerLike, Subprotocol
from websockets.uri import parse_uri

from server.clock import now_ms
from server.core.addresses import TrustedProxies
from server.core.identity import Identity, Role
from server.frames import client_frames
from server.frames.client_frames import ClaimFrame
from server.gateway.sockets.allowances import Allowances
from server.gateway.sockets.connection import Connection
from server.gateway.sockets.connection_limiter import ConnectionLimiter
from server.gateway.sockets.handshake import Handshake
from server.gateway.sockets.refusals import Refusals
from server.gateway.sockets.socket_closer import SocketCloser
from server.observability.metrics import Metrics
from server.tokens import TokenKeys

KEYS = TokenKeys(("k" * 32,))
_V1 = Subprotocol("classdrop.v1")


class RecordingTransport(asyncio.Transport):
    """`unsent` is what the kernel would not take; `ended` says how it went, once it did. As uvloop's: it
    tells its protocol when too much is unsent, and raises when it is written to after its end."""

    def __init__(self) -> None:
        super().__init__({"peername": ("10.0.0.1", 4711)})
        self.protocol: asyncio.Protocol | None = None
        self.most_unsent = 0
        self.writes: list[bytes] = []
        self.unsent = 0
        self.ended: list[str] = []
        self.is_reading_paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.ended:
            raise RuntimeError("written to after its end")
        self.writes.append(bytes(data))
        if self.unsent > self.most_unsent and self.protocol is not None:
            self.protocol.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.most_unsent = high or 0

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write_eof(self) -> None:
        self.ended.append("half-closed")

    def abort(self) -> None:
        self.ended.append("aborted")

    def close(self) -> None:
        self.ended.append("closed")

    def pause_reading(self) -> None:
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        self.is_reading_paused = False

    def is_closing(self) -> bool:
        return "aborted" in self.ended or "closed" in self.ended


@dataclass
class RecordingHandler:
    """A gateway that records the events of its connections."""

    keys: TokenKeys = KEYS
    connection_limiter: ConnectionLimiter = field(default_factory=ConnectionLimiter)
    socket_closer: SocketCloser = field(default_factory=SocketCloser)
    allowances: Allowances = field(default_factory=Allowances)
    refusals: Refusals = field(default_factory=lambda: Refusals(Metrics().ws_refused))
    allowed_origins: frozenset[str] = frozenset({"https://school.example"})
    is_draining: bool = False
    close_timeout_s: float = 5.0
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    protocol_log: LoggerLike = field(default_factory=lambda: logging.getLogger("quiet"))
    joined: list[Connection] = field(default_factory=list)
    claims: list[tuple[str, str]] = field(default_factory=list)
    seen_drops: list[str] = field(default_factory=list)
    reasons_closed: list[str] = field(default_factory=list)

    def join(self, connection: Connection) -> None:
        self.joined.append(connection)

    def claim(self, connection: Connection, frame: ClaimFrame) -> None:
        self.claims.append((frame.drop_id, frame.request_id))

    def seen(self, connection: Connection, drop_id: str) -> None:
        self.seen_drops.append(drop_id)

    def answer(self, connection: Connection, frame: client_frames.AnswerFrame) -> None:
        pass

    def connection_opened(self, connection: Connection) -> None:
        pass

    def connection_closing(self, connection: Connection) -> None:
        pass

    def connection_closed(self, connection: Connection, reason: str) -> None:
        self.reasons_closed.append(reason)


class Peer:
    """The client of one connection. What it sends arrives at once."""

    def __init__(self, host: RecordingHandler | None = None) -> None:
        self.host = host or RecordingHandler()
        self.transport = RecordingTransport()
        self.connection = Connection(self.host)
        _connect(self.connection, self.transport)
        self._ws = ClientProtocol(parse_uri("ws://drops.example/v1/rooms/r1"), subprotocols=[_V1])
        self._read = 0
        self._heard: list[Any] = []
        self._held_back: list[bytes] | None = None

    def shake_hands(
        self, path: str = "/v1/rooms/r1", *origins: str, forwarded_for: str | None = None
    ) -> int:
        """Send a handshake and return the status of the response."""
        request = self._ws.connect()
        request.path = path
        for origin in origins:
            request.headers["Origin"] = origin
        if forwarded_for is not None:
            request.headers["X-Forwarded-For"] = forwarded_for
        self._ws.send_request(request)
        self._deliver()
        answer, *self._heard = self._events()
        assert isinstance(answer, Response)
        return answer.status_code

    def send_frame(self, **frame: object) -> None:
        self.send_text(orjson.dumps(frame))

    def send_text(self, text: bytes) -> None:
        self._ws.send_text(text)
        self._deliver()

    def send_fragments(self, *pieces: bytes) -> None:
        first, *more = pieces
        self._ws.send_text(first, fin=False)
        for piece in more[:-1]:
            self._ws.send_continuation(piece, fin=False)
        self._ws.send_continuation(more[-1], fin=True)
        self._deliver()

    def send_binary(self, data: bytes) -> None:
        self._ws.send_binary(data)
        self._deliver()

    def send_ping(self) -> None:
        self._ws.send_ping(b"")
        self._deliver()

    def send_close(self, code: int = 1000) -> None:
        self._ws.send_close(code)
        self._deliver()

    def received(self) -> list[Any]:
        """Return what was written since the last call: frames as JSON, closes as their code, "pong"."""
        heard, self._heard = [*self._heard, *self._events()], []
        return [_plain(event) for event in heard]

    def send_hello(self, subject: str = "ada", seconds: int = 600, **claims: object) -> None:
        self.send_frame(type="hello", token=a_token(subject, seconds, **claims))

    @contextmanager
    def all_at_once(self) -> Iterator[None]:
        """Deliver everything that is sent meanwhile in one read."""
        self._held_back = []
        yield
        data, self._held_back = b"".join(self._held_back), None
        self.connection.data_received(data)

    def send_library_data(self) -> None:
        """Send what the client's library wants to send by itself, such as the answer to a close."""
        self._deliver()

    def _deliver(self) -> None:
        data = b"".join(self._ws.data_to_send())
        if self._held_back is None:
            self.connection.data_received(data)
        else:
            self._held_back.append(data)

    def _events(self) -> list[Any]:
        fresh, self._read = self.transport.writes[self._read :], len(self.transport.writes)
        self._ws.receive_data(b"".join(fresh))
        return self._ws.events_received()


def a_token(subject: str = "ada", seconds: int = 600, **claims: object) -> str:
    expires = now_ms() // 1000 + seconds
    return KEYS.sign({"sub": subject, "role": "student", "rooms": ["r1"], "exp": expires, **claims})


def an_identity(subject: str, role: Role = Role.STUDENT, *tags: str) -> Identity:
    return Identity(subject, role, frozenset({"r1"}), frozenset(tags), now_ms() + 600_000)


def a_member(identity: Identity) -> tuple[Connection, RecordingTransport]:
    """A connection whose hello was good, and its transport."""
    transport = RecordingTransport()
    connection = Connection(RecordingHandler())
    _connect(connection, transport)
    connection.accept(Handshake("/v1/rooms/r1", "a.example", [], [], [], []), "r1")
    assert connection.session is not None
    connection.session.identity = identity
    return connection, transport


def _connect(connection: Connection, transport: RecordingTransport) -> None:
    transport.protocol = connection
    connection.connection_made(transport)


class _OnePass:
    def __await__(self) -> Generator[None, None, None]:
        yield


async def next_pass() -> None:
    """Let one turn of the event loop pass."""
    await _OnePass()


def _plain(event: Frame) -> Any:
    match event.opcode:
        case Opcode.TEXT:
            return orjson.loads(event.data)
        case Opcode.CLOSE:
            return int.from_bytes(event.data[:2], "big")
        case _:
            return event.opcode.name.lower()
