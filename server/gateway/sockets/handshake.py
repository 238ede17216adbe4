"""The opening handshake of a socket: what the client asks for, and which rules it breaks.

Called by the two wire protocols and by `admission.py`; pure, and no input makes it raise.
Two functions give the same `Handshake`. `parse_common_handshake` knows the one form that browsers and our
SDKs send, whole in one read, and takes a quarter of the time that the `websockets` library takes for any
handshake. It returns None for everything else, which the library then parses or refuses.
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
_UNCOMMON_HEADERS: Final = frozenset(("content-length", "transfer-encoding", "expect"))
_ACCEPTED: Final = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: " + SUBPROTOCOL + "\r\n\r\n"
)


@dataclass(slots=True)
class Handshake:
    """`origins` and `forwarded_…`: one value for each header of that name. `host`: None where there is not
    exactly one. The forwarded values may be believed only if a trusted proxy sent them."""

    path: str
    host: str | None
    origins: list[str]
    forwarded_for: list[str]
    forwarded_host: list[str]
    forwarded_proto: list[str]


@dataclass(slots=True)
class CommonHandshake(Handshake):
    """A handshake that follows RFC 6455. `key` is the client's Sec-WebSocket-Key."""

    key: str

    def response(self) -> bytes:
        return (_ACCEPTED % accept_key(self.key)).encode()


def parse_common_handshake(data: bytes) -> CommonHandshake | None:
    """Return None for a handshake of another form, an incomplete one, or a wrong one. Browsers offer
    extensions; we never accept one."""
    match = _HEAD.fullmatch(data) if len(data) <= _MOST_BYTES else None
    if match is None:
        return None
    headers: dict[str, str] = {}
    lines = match[2].decode().split("\r\n")
    for line in lines[:-1]:
        name, _, value = line.partition(": ")
        headers[name.lower()] = value.strip()
    if (
        len(headers) != len(lines) - 1
        or not _UNCOMMON_HEADERS.isdisjoint(headers)
        or not _upgrades(headers)
    ):
        return None
    return CommonHandshake(
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


def handshake_of(request: Request) -> Handshake:
    """Return the handshake that the library has parsed."""
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


def offers_other_version(request: Request) -> bool:
    """Return whether the client must be told our version (RFC 6455, section 4.4)."""
    return request.headers.get_all("Sec-WebSocket-Version") != [VERSION]


class Refusal(NamedTuple):
    """`reason` is the value of the metric's label."""

    status: int
    text: str
    reason: str


NO_ROOM: Final = Refusal(404, "no such room\n", "no_room")
BAD_HOST: Final = Refusal(400, "one Host, please\n", "bad_host")
FOREIGN_ORIGIN: Final = Refusal(403, "this origin may not connect\n", "foreign_origin")
DRAINING: Final = Refusal(503, "come back in a moment\n", "draining")
FULL: Final = Refusal(503, "come back in a moment\n", "full")


def has_good_host(handshake: Handshake) -> bool:
    return handshake.host is not None and read_authority(handshake.host) is not None


def is_from(handshake: Handshake, allowed: frozenset[str], *, by_proxy: bool = False) -> bool:
    """Return whether the Origin is our own or an allowed one. A client without an Origin is no browser, and
    its token decides. `by_proxy`: the request came through a trusted proxy, whose X-Forwarded headers say
    what the browser asked for."""
    if not handshake.origins:
        return True
    if len(handshake.origins) != 1 or len(handshake.origins[0]) > MAX_CHARS:
        return False
    host, origin = handshake.host or "", handshake.origins[0]
    if not by_proxy:
        return _is_served(origin, allowed, None, host)
    scheme = _first(handshake.forwarded_proto).lower()
    return _is_served(origin, allowed, scheme, host, _first(handshake.forwarded_host))


# The students of a class send the same values: 1 us instead of 8.
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
    """Return the browser's own value: each proxy appends its value to those before it."""
    return values[0].partition(",")[0].strip() if values else ""
