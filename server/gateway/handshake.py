"""What a client asks for when it opens a socket, and whether the door is open to it.

Called by `connection.py`; pure. Two readers give the same `Handshake`: `read_usual` knows the one form that
browsers and our SDKs send, whole in one piece, and costs a quarter of what the `websockets` library takes for
any handshake. Whatever differs in the least is None here and the library's to read and to refuse.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from websockets.http11 import Request
from websockets.utils import accept_key

SUBPROTOCOL: Final = "classdrop.v1"
VERSION: Final = "13"  # of the WebSocket protocol: RFC 6455
_MOST_BYTES: Final = 4_096
_ROOM_PATH: Final = re.compile(r"/v1/rooms/([A-Za-z0-9_.:-]{1,64})(?:\?.*)?")
_HEAD: Final = re.compile(rb"GET ([!-~]+) HTTP/1\.1\r\n((?:[A-Za-z0-9-]+: [ -~]+\r\n)+)\r\n")
_KEY: Final = re.compile(r"[A-Za-z0-9+/]{22}==")  # 16 bytes
_CONNECTION: Final = ("upgrade", "keep-alive, upgrade")
_UNUSUAL: Final = frozenset(("content-length", "transfer-encoding", "expect"))
_ACCEPTED: Final = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: " + SUBPROTOCOL + "\r\n\r\n"
)


@dataclass(slots=True)
class Handshake:
    """`origins`, `forwarded_for`: the values of the headers, as often as they are there. `host`: None
    where there is not exactly one."""

    path: str
    host: str | None
    origins: list[str]
    forwarded_for: list[str]


@dataclass(slots=True)
class UsualHandshake(Handshake):
    """A good one. `key` is the client's Sec-WebSocket-Key."""

    key: str

    def answer(self) -> bytes:
        return (_ACCEPTED % accept_key(self.key)).encode()


def read_usual(data: bytes) -> UsualHandshake | None:
    """None: of another form, in part, or wrong. Extensions are offered by browsers and never agreed on."""
    match = _HEAD.fullmatch(data) if len(data) <= _MOST_BYTES else None
    if match is None:
        return None
    headers: dict[str, str] = {}
    lines = match[2].decode().split("\r\n")
    for line in lines[:-1]:
        name, _, value = line.partition(": ")
        headers[name.lower()] = value.strip()
    if len(headers) != len(lines) - 1 or not _UNUSUAL.isdisjoint(headers) or not _upgrades(headers):
        return None
    return UsualHandshake(
        path=match[1].decode(),
        host=headers.get("host"),
        origins=[headers["origin"]] if "origin" in headers else [],
        forwarded_for=[headers["x-forwarded-for"]] if "x-forwarded-for" in headers else [],
        key=headers["sec-websocket-key"],
    )


def _upgrades(headers: dict[str, str]) -> bool:
    return (
        headers.get("upgrade", "").lower() == "websocket"
        and headers.get("connection", "").lower() in _CONNECTION
        and headers.get("sec-websocket-version") == VERSION
        and headers.get("sec-websocket-protocol") == SUBPROTOCOL
        and _KEY.fullmatch(headers.get("sec-websocket-key", "")) is not None
    )


def read_request(request: Request) -> Handshake:
    """The same of what the library has parsed."""
    headers = request.headers
    hosts = headers.get_all("Host")
    return Handshake(
        path=request.path,
        host=hosts[0] if len(hosts) == 1 else None,
        origins=headers.get_all("Origin"),
        forwarded_for=headers.get_all("X-Forwarded-For"),
    )


def speaks_other_version(request: Request) -> bool:
    """It is told which one is spoken here (RFC 6455, section 4.4)."""
    return request.headers.get_all("Sec-WebSocket-Version") != [VERSION]


def room_of(path: str) -> str | None:
    """The room of a socket's path, or None where it is not one."""
    match = _ROOM_PATH.fullmatch(path)
    return match[1] if match is not None else None


def is_from(handshake: Handshake, allowed: frozenset[str]) -> bool:
    """A browser's Origin is our own or an allowed one. Who sends none is no browser: their token
    decides."""
    if not handshake.origins:
        return True
    if len(handshake.origins) != 1:
        return False
    origin = handshake.origins[0].rstrip("/")
    return origin in allowed or urlsplit(origin).netloc == handshake.host
