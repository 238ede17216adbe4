"""What a client asks for when it opens a socket, and whether it may.

Called by `connection.py`; pure, and nothing of what a stranger writes makes it raise.
Two readers give the same `Handshake`: `read_usual` knows the one form that
browsers and our SDKs send, whole in one piece, and costs a quarter of what the `websockets` library takes for
any handshake. Whatever differs in the least is None here and the library's to read and to refuse.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from websockets.http11 import Request
from websockets.utils import accept_key

from server.core.origins import MAX_CHARS, is_own, read_authority, read_origin

SUBPROTOCOL: Final = "classdrop.v1"
VERSION: Final = "13"  # of the WebSocket protocol: RFC 6455
_MOST_BYTES: Final = 4_096
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
    """`origins` and the `forwarded_` ones: the values of the headers, as often as they are there. `host`:
    None where there is not exactly one. What was forwarded is believed of trusted proxies alone."""

    path: str
    host: str | None
    origins: list[str]
    forwarded_for: list[str]
    forwarded_host: list[str]
    forwarded_proto: list[str]


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
        origins=_values(headers, "origin"),
        forwarded_for=_values(headers, "x-forwarded-for"),
        forwarded_host=_values(headers, "x-forwarded-host"),
        forwarded_proto=_values(headers, "x-forwarded-proto"),
        key=headers["sec-websocket-key"],
    )


def _values(headers: dict[str, str], name: str) -> list[str]:
    return [headers[name]] if name in headers else []


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
        forwarded_host=headers.get_all("X-Forwarded-Host"),
        forwarded_proto=headers.get_all("X-Forwarded-Proto"),
    )


def speaks_other_version(request: Request) -> bool:
    """It is told which one is spoken here (RFC 6455, section 4.4)."""
    return request.headers.get_all("Sec-WebSocket-Version") != [VERSION]


class Refusal(NamedTuple):
    """`reason`: a word for the log and the metric."""

    status: int
    text: str
    reason: str


NO_ROOM: Final = Refusal(404, "no such room\n", "no_room")
BAD_HOST: Final = Refusal(400, "one Host, please\n", "bad_host")
FOREIGN: Final = Refusal(403, "this origin may not connect\n", "foreign_origin")
DRAINING: Final = Refusal(503, "come back in a moment\n", "draining")
FULL: Final = Refusal(503, "come back in a moment\n", "full")


def has_good_host(handshake: Handshake) -> bool:
    return handshake.host is not None and read_authority(handshake.host) is not None


def is_from(handshake: Handshake, allowed: frozenset[str], *, by_proxy: bool = False) -> bool:
    """A browser's Origin is our own or an allowed one. Who sends none is no browser: their token
    decides. `by_proxy`: it came through a trusted one, which may say what it was asked for."""
    if not handshake.origins:
        return True
    if len(handshake.origins) != 1 or len(handshake.origins[0]) > MAX_CHARS:
        return False
    host, origin = handshake.host or "", handshake.origins[0]
    if not by_proxy:
        return _is_served(origin, allowed, None, host)
    scheme = _first(handshake.forwarded_proto).lower()
    return _is_served(origin, allowed, scheme, host, _first(handshake.forwarded_host))


# A class comes with the same words: 1 us instead of 8.
@lru_cache(maxsize=256)
def _is_served(text: str, allowed: frozenset[str], scheme: str | None, *hosts: str) -> bool:
    origin = read_origin(text)
    if origin is None:
        return False
    if origin.text in allowed:
        return True
    served = map(read_authority, hosts)
    return any(one is not None and is_own(origin, one, scheme) for one in served)


def _first(values: list[str]) -> str:
    """Each proxy adds its own behind those before it: the first is what the browser asked for."""
    return values[0].partition(",")[0].strip() if values else ""
