"""Read and decode the JSON of a request body, within limits, before a model validates it.

Called by `dispatch.py`. Bytes are counted as they arrive, so that a large body is refused before it is in
memory. Knows no model.
"""

import hashlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from starlette.requests import ClientDisconnect, Request

from server.core.refusals import Code, Refused, invalid_field

MAX_BODY_BYTES = 64 * 1024  # of an endpoint that does not say otherwise
MAX_DEPTH = 32
MAX_FIELD_CHARS = 200

Json = dict[str, object] | list[object] | str | int | float | bool | None


async def read_body(request: Request, max_bytes: int = MAX_BODY_BYTES) -> bytes | Refused:
    """Return the whole body, or a refusal where it is larger than `max_bytes` or ends early."""
    if _content_length(request) > max_bytes:
        return _too_large(max_bytes)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > max_bytes:
                return _too_large(max_bytes)
            parts.append(part)
    except ClientDisconnect:
        return invalid_field("", "cut_short", "the connection ended within the body")
    return b"".join(parts)


def decode(body: bytes) -> Json | Refused:
    """Return the JSON value, or a refusal.

    Refused are invalid JSON, more than MAX_DEPTH levels (code that recurses would fail), and a NUL
    character, which PostgreSQL cannot store. Integers beyond 64 bits arrive as floats, and the models
    refuse them. A byte order mark, which some editors and .NET write, is ignored (RFC 8259, 8.1).
    """
    try:
        value: Json = orjson.loads(body.removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError:
        return invalid_field("", "malformed", "the body is not JSON")
    for path, depth, text in _walk(value):
        if depth > MAX_DEPTH:
            return invalid_field("", "too_deep", f"more than {MAX_DEPTH} levels")
        if "\0" in text:
            return invalid_field(field_name(str(path)), "bad_character", "a NUL character")
    return value


def field_name(path: str) -> str:
    """Return the path of a field, shortened and without NUL: its keys come from the client."""
    return path.replace("\0", "")[:MAX_FIELD_CHARS]


def body_hash(value: Json) -> str:
    """Return a SHA-256 that does not depend on whitespace or on the order of keys."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def file_hash(content: bytes) -> str:
    """Return the SHA-256 of a body that is a file."""
    return hashlib.sha256(content).hexdigest()


def _too_large(max_bytes: int) -> Refused:
    return Refused(Code.TOO_LARGE, f"at most {max_bytes} bytes", {"max_bytes": max_bytes})


def _content_length(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


@dataclass(frozen=True, slots=True)
class _Path:
    """The path of a value. Its text is made only when it is needed: keys may be long and many."""

    parent: "_Path | None"
    key: str

    def __str__(self) -> str:
        above = str(self.parent) if self.parent else ""
        return f"{above}.{self.key}" if above else self.key


_ROOT = _Path(None, "")


def _walk(root: object) -> Iterator[tuple[_Path, int, str]]:
    """Yield each text with its path and depth. An object yields its keys as one text, a list an empty one.

    An explicit stack instead of recursion, because the depth is what is checked.
    """
    waiting: list[tuple[_Path, int, object]] = [(_ROOT, 0, root)]
    while waiting:
        path, depth, value = waiting.pop()
        if isinstance(value, str):
            yield path, depth, value
        elif isinstance(value, dict):
            yield path, depth + 1, "".join(value)
            waiting += [(_Path(path, key), depth + 1, v) for key, v in value.items()]
        elif isinstance(value, list):
            yield path, depth + 1, ""
            waiting += [(_Path(path, str(n)), depth + 1, v) for n, v in enumerate(value)]
