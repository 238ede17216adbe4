"""One student's socket in a lesson, on gevent's event loop.

Created by `room_connection`. A short-lived greenlet opens the socket, and callbacks of the loop read it: one
greenlet for each socket would cost more than all the rest of a student. The listener must not wait, because
the whole loop would wait. Must not know what the frames say.
"""

import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, Self

import gevent
import gevent.socket
import gevent.ssl

from client_sdk.python.frames import SUBPROTOCOL
from loadtest.clients.websocket_codec import (
    Address,
    CodecError,
    Handshake,
    Opcode,
    close_code,
    masked,
    split,
)

ABNORMAL: Final = 1006  # RFC 6455: ended without a close frame
_OPEN_DEADLINE_S: Final = 10.0
_CHUNK: Final = 16_384
_MOST_WAITING: Final = 50_000
_READ_AT_ONCE: Final = 64  # frames; reading them takes some 5 ms
_READABLE: Final = 1  # libev's EV_READ
# A non-blocking socket raises these if there is nothing to read, plain and over TLS.
_NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _Watcher(Protocol):
    """gevent's watcher; gevent has no type annotations."""

    def start(self, callback: Callable[[], None]) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


class Listener(Protocol):
    """The receiver of a socket's events.

    `closed` comes once, and nothing after it. `at` is the wall clock in ms at which the frame reached this
    machine, however long it waited behind other frames.
    """

    def opened(self) -> None: ...
    def received(self, text: str, at: float) -> None: ...
    def closed(self, code: int) -> None: ...


class Backlog:
    """The received data of all students that was not read yet, in the order of its arrival.

    Taking data from the kernel goes before reading it. A drop's frame goes to thousands of students at once,
    and reading them all takes a good part of a second: in this way each still has the time at which it
    arrived. `longest_wait_ms` is the longest time that data waited here; if it is long, this process has too
    many students.
    """

    def __init__(self) -> None:
        self.longest_wait_ms = 0.0
        self._loop = gevent.get_hub().loop
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        # A timer of 0 s fires once in each turn of the loop, which looks at all sockets in between.
        self._next_turn: _Watcher = self._loop.timer(0)

    @property
    def is_full(self) -> bool:
        """True if no more data is taken from the kernel until some was read."""
        return len(self._waiting) >= _MOST_WAITING

    def now(self) -> float:
        """Return the time of the loop's last look at all sockets, wall clock in ms."""
        seconds: float = self._loop.now()
        return seconds * 1000

    def add(self, at: float, reading: Callable[[], None]) -> None:
        self._waiting.append((at, reading))
        if len(self._waiting) == 1:
            self._next_turn.start(self._read_some)

    def _read_some(self) -> None:
        some = [self._waiting.popleft() for _ in range(min(_READ_AT_ONCE, len(self._waiting)))]
        if self._waiting:
            self._next_turn.start(self._read_some)
        self.longest_wait_ms = max(self.longest_wait_ms, self.now() - some[0][0])
        for _, reading in some:
            reading()


@dataclass(frozen=True, slots=True)
class RoomEndpoint:
    """The address of one room, resolved once for all students. `peer`: IP address and port."""

    address: Address
    family: int
    peer: tuple[str, int]
    handshake: Handshake
    tls: ssl.SSLContext | None
    backlog: Backlog

    @classmethod
    def of(cls, url: str, room: str) -> Self:
        """Resolve the address. Raises ValueError for a URL that is not http, OSError if the name is
        unknown."""
        address = Address.of(url)
        found = gevent.socket.getaddrinfo(
            address.host, address.port, type=gevent.socket.SOCK_STREAM
        )
        family, _, _, _, peer = found[0]
        tls = gevent.ssl.create_default_context() if address.is_secure else None
        handshake = Handshake(address, room, SUBPROTOCOL)
        return cls(address, family, peer[:2], handshake, tls, Backlog())


class GeventSocket:
    def __init__(self, endpoint: RoomEndpoint, listener: Listener) -> None:
        self._endpoint = endpoint
        self._listener = listener
        self._rest = b""
        self._socket: gevent.socket.socket | None = None
        self._watcher: _Watcher | None = None
        self._opening: gevent.Greenlet | None = gevent.spawn(self._open)

    def send(self, text: str) -> None:
        self._write(masked(text.encode()))

    def close(self, code: int) -> None:
        """Send a close frame and close the socket. The listener gets no more events."""
        if self._opening is not None:
            self._opening.kill(block=False)
            self._opening = None
        if self._socket is not None:
            self._write(masked(code.to_bytes(2, "big"), Opcode.CLOSE))
        self._release()

    def abort(self) -> None:
        """Close the socket without a close frame, as a lost connection does. The listener gets no more
        events."""
        self._release()

    # Opening the socket.

    def _open(self) -> None:
        try:
            with gevent.Timeout(_OPEN_DEADLINE_S, TimeoutError):
                sock = self._connect()
                rest = self._shake_hands(sock)
        except (OSError, CodecError):
            self._opening = None
            self._listener.closed(ABNORMAL)
            return
        self._opening = None
        sock.setblocking(False)
        self._socket = sock
        watcher: _Watcher = gevent.get_hub().loop.io(sock.fileno(), _READABLE)
        watcher.start(self._read)
        self._watcher = watcher
        self._listener.opened()
        if rest:
            self._take(rest, self._endpoint.backlog.now())

    def _connect(self) -> "gevent.socket.socket":
        sock = gevent.socket.socket(self._endpoint.family)
        try:
            sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
            sock.connect(self._endpoint.peer)
            if self._endpoint.tls is not None:
                name = self._endpoint.address.host
                sock = self._endpoint.tls.wrap_socket(sock, server_hostname=name)
        except BaseException:  # also when the greenlet is killed
            sock.close()
            raise
        return sock

    def _shake_hands(self, sock: "gevent.socket.socket") -> bytes:
        """Do the handshake and return the bytes that came after the server's answer."""
        try:
            sock.sendall(self._endpoint.handshake.request)
            data = b""
            while (taken := self._endpoint.handshake.accepted(data)) is None:
                more = sock.recv(_CHUNK)
                if not more:
                    raise ConnectionResetError("closed in the middle of the handshake")
                data += more
        except BaseException:
            sock.close()
            raise
        return data[taken:]

    # The open socket.

    def _read(self) -> None:
        backlog = self._endpoint.backlog
        while self._socket is not None and not backlog.is_full:
            try:
                data = self._socket.recv(_CHUNK)
            except _NOT_NOW:
                return
            except OSError:
                data = b""
            at = backlog.now()
            backlog.add(at, partial(self._take, data, at))
            if not data and self._watcher is not None:
                self._watcher.stop()
            if not data or self._endpoint.tls is None:
                # a plain socket calls again if there is more; the loop cannot see what TLS has buffered
                return

    def _take(self, data: bytes, at: float) -> None:
        """Take received data; empty data means the end."""
        if not data:
            self._end(ABNORMAL)
            return
        try:
            frames, self._rest = split(self._rest + data)
        except CodecError:
            self._end(ABNORMAL)
            return
        for opcode, payload in frames:
            if self._socket is None:
                return  # a frame before this one has closed the socket
            if opcode == Opcode.TEXT:
                self._listener.received(payload.decode(errors="replace"), at)
            elif opcode == Opcode.PING:
                self._write(masked(payload, Opcode.PONG))
            elif opcode == Opcode.CLOSE:
                self._write(masked(payload[:2], Opcode.CLOSE))
                self._end(close_code(payload))

    def _write(self, data: bytes) -> None:
        """Send bytes. If the kernel does not take them all, the server has not read for some hundred KB: end
        the connection."""
        if self._socket is None:
            return
        try:
            is_sent = self._socket.send(data) == len(data)
        except OSError:
            is_sent = False
        if not is_sent:
            self._end(ABNORMAL)

    def _end(self, code: int) -> None:
        if self._socket is not None:
            self._release()
            self._listener.closed(code)

    def _release(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
