"""Bytes of a body -> decoded JSON, within limits, before any model looks at it.

Called by `dispatch.py`. Counts bytes as they come, so that a large body is refused without being
held. Nothing here knows what a body should say.
"""

import hashlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from starlette.requests import ClientDisconnect, Request

from server.core.refusals import Code, Refused, invalid_field

MAX_BODY_BYTES = 64 * 1024
MAX_DEPTH = 32
MAX_FIELD_CHARS = 200

Json = dict[str, object] | list[object] | str | int | float | bool | None


async def read_body(request: Request) -> bytes | Refused:
    if _announced(request) > MAX_BODY_BYTES:
        return _TOO_LARGE
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY_BYTES:
                return _TOO_LARGE
            parts.append(part)
    except ClientDisconnect:
        return invalid_field("", "cut_short", "the connection ended within the body")
    return b"".join(parts)


def decode(body: bytes) -> Json | Refused:
    """Refuses what is no JSON, too deep for anybody's recursion, or holds a NUL, which PostgreSQL
    cannot store. Integers beyond 64 bits arrive as floats and are refused by the models. A byte order
    mark, which some editors and .NET write, is read over (RFC 8259, 8.1)."""
    try:
        value: Json = orjson.loads(body.removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError:
        return invalid_field("", "malformed", "the body is not JSON")
    for place, depth, text in _walk(value):
        if depth > MAX_DEPTH:
            return invalid_field("", "too_deep", f"more than {MAX_DEPTH} levels")
        if "\0" in text:
            return invalid_field(field_name(str(place)), "bad_character", "a NUL character")
    return value


def field_name(path: str) -> str:
    """A path made of what was sent, fit to be sent back: keys are the caller's own words."""
    return path.replace("\0", "")[:MAX_FIELD_CHARS]


def body_hash(value: Json) -> str:
    """The same for the same JSON, however it was spaced and ordered."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


_TOO_LARGE = Refused(
    Code.TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes", {"max_bytes": MAX_BODY_BYTES}
)


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value is: written out only when it is needed, for keys may be long and many."""

    parent: "_Place | None"
    key: str

    def __str__(self) -> str:
        above = str(self.parent) if self.parent else ""
        return f"{above}.{self.key}" if above else self.key


_ROOT = _Place(None, "")


def _walk(root: object) -> Iterator[tuple[_Place, int, str]]:
    """Every text in it, keys too, with place and depth; lists come with an empty text. Not
    recursive: depth is what is being looked for."""
    waiting: list[tuple[_Place, int, object]] = [(_ROOT, 0, root)]
    while waiting:
        place, depth, value = waiting.pop()
        if isinstance(value, str):
            yield place, depth, value
        elif isinstance(value, dict):
            yield place, depth + 1, "".join(value)
            waiting += [(_Place(place, key), depth + 1, v) for key, v in value.items()]
        elif isinstance(value, list):
            yield place, depth + 1, ""
            waiting += [(_Place(place, str(n)), depth + 1, v) for n, v in enumerate(value)]
