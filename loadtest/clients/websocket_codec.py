"""The part of RFC 6455 that these clients need: one handshake, masked text frames out, whole frames in.

Used by the students of storm and lesson: the general library would cost more than the server under test.
There are no extensions and no fragments, because the server sends none; anything else raises CodecError. Must
not know what the frames say.
"""

import base64
import hashlib
import secrets
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from urllib.parse import quote, urlsplit

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_FIN: Final = 0x80
_MASKED: Final = 0x80
_LONGEST: Final = 1024 * 1024  # four times the largest `welcome` (PROTOCOL.md)
_LONGEST_HEAD: Final = 16 * 1024


class CodecError(Exception):
    """The peer sent something that this codec does not accept."""


class Opcode(IntEnum):
    TEXT = 1
    CLOSE = 8
    PING = 9
    PONG = 10


@dataclass(frozen=True, slots=True)
class Address:
    """The address of the server. `host` and `port` are for the connection, `authority` is for the Host
    header."""

    host: str
    port: int
    authority: str
    is_secure: bool
    path: str  # the path before /v1, without a slash at the end

    @classmethod
    def of(cls, url: str) -> "Address":
        """Parse an http or https URL. Raises ValueError for any other."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http address: {url}")
        is_secure = parts.scheme == "https"
        port = parts.port or (443 if is_secure else 80)
        return cls(parts.hostname, port, parts.netloc, is_secure, parts.path.rstrip("/"))


class Handshake:
    """The opening handshake of one room, shared by all its students.

    The key only proves that the peer speaks WebSocket, so it need not be different for each connection.
    """

    def __init__(self, address: Address, room: str, subprotocol: str) -> None:
        key = base64.b64encode(secrets.token_bytes(16))
        self._accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        lines = (
            f"GET {address.path}/v1/rooms/{quote(room, safe='')} HTTP/1.1",
            f"Host: {address.authority}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key.decode()}",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {subprotocol}",
        )
        self.request = "\r\n".join((*lines, "", "")).encode()

    def accepted(self, data: bytes) -> int | None:
        """Return how many bytes the server's answer takes at the start of `data`; None if it is not complete
        yet.

        Raises CodecError if the server refuses.
        """
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > _LONGEST_HEAD:
                raise CodecError("the answer to the handshake has no end")
            return None
        status = data[: data.find(b"\r\n")]
        if b" 101 " not in status + b" " or self._accept not in data[:end]:
            raise CodecError(f"no socket: {status.decode('latin-1')}")
        return end + 4


def masked(payload: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
    """Return one whole frame as a client has to send it."""
    mask = secrets.token_bytes(4)
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", _FIN | opcode, _MASKED | size)
    elif size < 65536:
        head = struct.pack("!BBH", _FIN | opcode, _MASKED | 126, size)
    else:
        head = struct.pack("!BBQ", _FIN | opcode, _MASKED | 127, size)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    body = (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")
    return head + mask + body


def split(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Return the whole frames at the start of `data` as (opcode, payload), and the remaining bytes.

    Raises CodecError for a fragment, a masked frame, or a frame of more than 1 MB.
    """
    frames: list[tuple[int, bytes]] = []
    at, end = 0, len(data)
    while end - at >= 2:
        first, size = data[at], data[at + 1]
        if not first & _FIN or size & _MASKED:
            raise CodecError("a fragment or a masked frame")
        start = at + 2
        if size == 126:
            start, size = at + 4, int.from_bytes(data[at + 2 : at + 4], "big")
        elif size == 127:
            start, size = at + 10, int.from_bytes(data[at + 2 : at + 10], "big")
        if start + size > end:
            # The length may be incomplete too: it is checked only once its own bytes are all there.
            if start <= end and size > _LONGEST:
                raise CodecError(f"a frame of {size} bytes")
            break
        frames.append((first & 0x0F, data[start : start + size]))
        at = start + size
    return frames, data[at:]


def close_code(payload: bytes) -> int:
    """Return the code of a close frame; 1005 if it has none (RFC 6455, 7.1.5)."""
    return int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
