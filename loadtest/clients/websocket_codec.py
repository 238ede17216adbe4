"""The least of RFC 6455 that a client of this protocol needs: one handshake, masked text frames
out, whole frames in.

Called by `student`, for which the general library costs more than the server under test. No
extensions, no fragments (the server sends none): what is not understood raises CodecError. Must not
know what the frames say.
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
    """The peer does not speak what was agreed on."""


class Opcode(IntEnum):
    TEXT = 1
    CLOSE = 8
    PING = 9
    PONG = 10


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is. `host` and `port` to connect to, `authority` for the Host header."""

    host: str
    port: int
    authority: str
    is_secure: bool
    path: str  # before /v1, without a slash at the end

    @classmethod
    def of(cls, url: str) -> "Address":
        """Of an http or https URL. ValueError for anything else."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http address: {url}")
        is_secure = parts.scheme == "https"
        port = parts.port or (443 if is_secure else 80)
        return cls(parts.hostname, port, parts.netloc, is_secure, parts.path.rstrip("/"))


class Handshake:
    """One for all students of a room: the key proves that the peer speaks WebSocket, it need not be
    a secret."""

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
        """How many bytes of `data` the answer took; None: not all of it is there yet. CodecError
        where the server says no."""
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
    """A whole frame from a client."""
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
    """The whole frames at the start of `data` as (opcode, payload), and the rest."""
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
            # An incomplete head may show any size: only a complete one is believed.
            if start <= end and size > _LONGEST:
                raise CodecError(f"a frame of {size} bytes")
            break
        frames.append((first & 0x0F, data[start : start + size]))
        at = start + size
    return frames, data[at:]


def close_code(payload: bytes) -> int:
    """Of a close frame; 1005 where it holds none (RFC 6455, 7.1.5)."""
    return int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
