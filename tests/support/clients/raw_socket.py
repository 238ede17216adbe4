"""A client that keeps to no rule: bytes as they are told to be, over a plain TCP socket, and whatever comes
back. Knows just enough of HTTP and RFC 6455 to build what is right and to change it.
"""

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import orjson

GIVE_UP_S: Final = 15.0
KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
TEXT, BINARY, CLOSE, PING, PONG, CONT = 0x1, 0x2, 0x8, 0x9, 0xA, 0x0
HEADERS: Final = {
    "Host": "drops.example",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Protocol": "classdrop.v1",
}


def handshake(
    first: str = "GET /v1/rooms/r1 HTTP/1.1",
    *more: str,
    without: Sequence[str] = (),
    **changed: str,
) -> bytes:
    """The right one, but for what is named: `Sec_WebSocket_Key="x"` changes a header."""
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changed.items()}}
    lines = [f"{name}: {value}" for name, value in headers.items() if name not in without]
    return "".join(f"{line}\r\n" for line in (first, *lines, *more, "")).encode("latin-1")


def frame(
    payload: bytes | str = b"",
    opcode: int = TEXT,
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    length: bytes | None = None,
) -> bytes:
    """`length` stands in the place of the right one, mask bit and all."""
    data = payload.encode() if isinstance(payload, str) else payload
    first = bytes([fin << 7 | rsv << 4 | opcode])
    mask = b"\x37\xfa\x21\x3d" if masked else b"\0\0\0\0"
    hidden = bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))
    return first + (length or _length(len(data), masked)) + (mask if masked else b"") + hidden


def _length(size: int, masked: bool) -> bytes:
    bit = 0x80 if masked else 0
    if size < 126:
        return bytes([bit | size])
    if size < 65_536:
        return bytes([bit | 126]) + struct.pack("!H", size)
    return bytes([bit | 127]) + struct.pack("!Q", size)


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    return frame(b"" if code is None else struct.pack("!H", code) + reason, CLOSE)


def says(**fields: object) -> bytes:
    return frame(orjson.dumps(fields))


@dataclass(slots=True)
class RawSocket:
    """`texts` are the frames heard so far, `code` that of the server's close, `is_over` whether it has
    closed its side. Everything gives up after GIVE_UP_S."""

    tcp: socket.socket
    status: int | None = None
    head: bytes = b""
    texts: list[dict[str, object]] = field(default_factory=list)
    pongs: int = 0
    code: int | None = None
    is_over: bool = False
    _bytes: bytearray = field(default_factory=bytearray)

    def send(self, data: bytes) -> None:
        """Send as far as the server reads: a refused client may be disconnected while it sends."""
        try:
            self.tcp.sendall(data)
        except OSError:
            self.is_over = self.is_over or not self._bytes

    def join(self, token: str) -> None:
        """Handshake, hello, welcome."""
        self.send(handshake())
        self.hear_head()
        assert self.status == 101, self.head
        self.send(says(type="hello", token=token))
        self.hear("welcome")

    def hear_head(self) -> None:
        """The answer to a request, or the end."""
        while b"\r\n\r\n" not in self._bytes and self._read():
            pass
        if b"\r\n\r\n" in self._bytes:
            head, _, rest = bytes(self._bytes).partition(b"\r\n\r\n")
            self.head, self._bytes = head, bytearray(rest)
            self.status = int(head.split(b" ", 2)[1])

    def hear(self, kind: str) -> dict[str, object]:
        """The next text frame of that type, which has to come."""
        heard = len(self.texts)
        self._take_frames()  # those that came in one piece with the head
        while True:
            for text in self.texts[heard:]:
                if text["type"] == kind:
                    return text
            heard = len(self.texts)
            assert self._read_frames(), f"ended with {self.code}, {self.texts[-1:]}"

    def hear_out(self) -> None:
        """Everything, until the server has closed its side."""
        if self.status is None:
            self.hear_head()
        while self._read_frames() if self.status == 101 else self._read():
            pass

    def _read_frames(self) -> bool:
        is_more = self._read()
        self._take_frames()
        return is_more

    def _take_frames(self) -> None:
        while (size := self._frame_size()) is not None:
            start = 4 if self._bytes[1] == 126 else 2
            self._take(self._bytes[0] & 0x0F, bytes(self._bytes[start:size]))
            del self._bytes[:size]

    def _frame_size(self) -> int | None:
        if len(self._bytes) < 4 and (len(self._bytes) < 2 or self._bytes[1] == 126):
            return None
        size = 2 + self._bytes[1]
        if self._bytes[1] == 126:
            size = 4 + int.from_bytes(self._bytes[2:4])
        return size if len(self._bytes) >= size else None

    def _take(self, opcode: int, payload: bytes) -> None:
        assert self.code is None, "a frame behind a close"
        if opcode == TEXT:
            self.texts.append(orjson.loads(payload))
        elif opcode == PONG:
            self.pongs += 1
        elif opcode == CLOSE:
            self.code = int.from_bytes(payload[:2]) if payload else 1005

    def _read(self) -> bool:
        try:
            data = self.tcp.recv(65_536)
        except ConnectionResetError:
            data = b""
        self._bytes += data
        self.is_over = self.is_over or not data
        return bool(data)


@contextmanager
def raw_socket(port: int) -> Iterator[RawSocket]:
    with socket.create_connection(("127.0.0.1", port), GIVE_UP_S) as tcp:
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield RawSocket(tcp)
