"""Parses the frames that clients send on a socket: what they mean, or that they are none.

Called by the gateway for every message. wire.py writes the frames of the other direction;
`client_sdk/vectors.json` has an example of each, and tests compare both files with it.

Frames are JSON objects with `type` first. Text from clients is not trusted: `parse` returns None for
everything that is not a frame of the protocol.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

import orjson

MAX_FRAME_BYTES = 4096  # from a client
_ID_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-")
_MAX_ID = 64
# A claim in the exact form of our SDKs. Ten thousand may come in one moment, and building a dict for each
# would be more than half of the cost of parsing.
_COMMON_CLAIM = re.compile(
    rb'\{"type":"claim","drop_id":"([\w.:-]{1,64})","request_id":"([\w.:-]{1,64})"\}'
)
_RANDOM = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame of a socket whose token is not in its URL or header."""

    token: str


class ClaimFrame(NamedTuple):
    """A tap. The same `request_id` is the same tap, sent again."""

    drop_id: str
    request_id: str
    client_random: str = ""  # 32 hexadecimal digits, for a draw; "" where the client sent none


class AnswerFrame(NamedTuple):
    """An answer to the question of a drop: the index of an option, or its text."""

    drop_id: str
    option: int | str


class SeenFrame(NamedTuple):
    """The drop's card was on the student's screen."""

    drop_id: str


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A frame of a later version. It is ignored, so that clients and servers of different versions work
    together.
    """


ClientFrame = Hello | ClaimFrame | SeenFrame | AnswerFrame | Pong | Unknown
_PONG, _UNKNOWN = Pong(), Unknown()


def parse(text: bytes | bytearray | memoryview) -> ClientFrame | None:
    """Parse a client's frame. None: not JSON, not an object, without `type`, or with an invalid field."""
    common = _COMMON_CLAIM.fullmatch(text)
    if common is not None:
        return ClaimFrame(common[1].decode(), common[2].decode())
    return _parse_fields(text)


def _parse_fields(text: bytes | bytearray | memoryview) -> ClientFrame | None:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    kind = fields.get("type")
    if not isinstance(kind, str):
        return None
    parser = _PARSERS.get(kind)
    return _UNKNOWN if parser is None else parser(fields)


def _claim(fields: Mapping[str, Any]) -> ClaimFrame | None:
    drop_id, request_id = fields.get("drop_id"), fields.get("request_id")
    random = fields.get("client_random", "")
    if not _is_id(drop_id) or not _is_id(request_id) or not _is_random(random):
        return None
    return ClaimFrame(drop_id, request_id, random)


def _is_random(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and (value == "" or _RANDOM.fullmatch(value) is not None)


def _hello(fields: Mapping[str, Any]) -> ClientFrame | None:
    token = fields.get("token")
    return Hello(token) if isinstance(token, str) else None


def _seen(fields: Mapping[str, Any]) -> ClientFrame | None:
    return SeenFrame(fields["drop_id"]) if _is_id(fields.get("drop_id")) else None


def _answer(fields: Mapping[str, Any]) -> ClientFrame | None:
    drop_id, option = fields.get("drop_id"), fields.get("option")
    if not _is_id(drop_id) or not isinstance(option, int | str) or isinstance(option, bool):
        return None
    return AnswerFrame(drop_id, option)


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _MAX_ID and _ID_CHARS.issuperset(value)


_PARSERS: Mapping[str, Callable[[Mapping[str, Any]], ClientFrame | None]] = {
    "claim": _claim,
    "pong": lambda _: _PONG,
    "seen": _seen,
    "answer": _answer,
    "hello": _hello,
}
