"""The files of the pages and of the JavaScript SDK, read once, packed once, answered from memory.

Called by routes.py. A joining class asks for these files all at once, so nothing is read, compressed
or hashed while answering; a browser that has a file pays one short 304.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response

_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "html": "text/html; charset=utf-8",
}
_SMALLEST_WORTH_PACKING = 512
_CARD_STYLE = re.compile(r"^const css = `([^`\\$]*)`;$", re.M)
_JSDOC = re.compile(rb"^[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*$", re.M | re.S)
_STATIC_IMPORT = re.compile(
    r"""^\s*(?:import|export)\s[^"';]*?["'](\.{1,2}/[^"']+|/[^"']+)["']""", re.M
)


@dataclass(frozen=True, slots=True)
class Asset:
    """`packed` is the gzip form, or None where it would not be smaller."""

    body: bytes
    packed: bytes | None
    etag: str
    media_type: str

    @classmethod
    def of(cls, body: bytes, suffix: str) -> "Asset":
        packed = gzip.compress(body, mtime=0) if len(body) >= _SMALLEST_WORTH_PACKING else None
        digest = hashlib.sha256(body).hexdigest()[:20]
        return cls(body, packed, digest, _TYPES[suffix])

    @property
    def wire_bytes(self) -> int:
        return len(self.packed or self.body)

    def answer(self, request: Request, headers: Mapping[str, str]) -> Response:
        """200, or 304 where the browser has it. Each form has its own ETag: a strong one names
        bytes."""
        packs = self.packed is not None and "gzip" in request.headers.get("accept-encoding", "")
        etag = f'"{self.etag}-gz"' if packs else f'"{self.etag}"'
        sent = {
            "Cache-Control": "no-cache",
            "ETag": etag,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            **headers,
        }
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=sent)
        if self.packed is not None and packs:
            sent["Content-Encoding"] = "gzip"
            return Response(self.packed, media_type=self.media_type, headers=sent)
        return Response(self.body, media_type=self.media_type, headers=sent)


@dataclass(frozen=True, slots=True)
class AssetStore:
    """All files by the path they are served at (`/static/student.js`)."""

    files: Mapping[str, Asset]

    @classmethod
    def read(cls, folders: Mapping[str, Traversable]) -> "AssetStore":
        """`folders`: url prefix -> folder. Files of other kinds are left out: they are not for
        browsers."""
        found: dict[str, Asset] = {}
        for prefix, folder in folders.items():
            _read_into(found, prefix, folder)
        return cls(found)

    def card_style(self) -> str:
        """Return the sheet of the coupon card as its module holds it."""
        text = self.files["/sdk/element/style.js"].body.decode()
        found = _CARD_STYLE.search(text)
        if found is None:
            raise ValueError("element/style.js holds no sheet")
        return found.group(1)

    def modules_of(self, entry: str) -> tuple[str, ...]:
        """The module and all it imports, so that a page can ask for them at once instead of
        discovering them one by one."""
        seen: list[str] = []
        waiting = [entry]
        while waiting:
            path = waiting.pop(0)
            if path in seen:
                continue
            seen.append(path)
            text = self.files[path].body.decode()
            waiting += [_resolved(path, name) for name in _STATIC_IMPORT.findall(text)]
        return tuple(seen)


def _read_into(found: dict[str, Asset], prefix: str, folder: Traversable) -> None:
    for item in folder.iterdir():
        path = f"{prefix}/{item.name}"
        suffix = item.name.rpartition(".")[2]
        if item.is_dir():
            _read_into(found, path, item)
        elif suffix in _TYPES and not item.name.endswith(".test.js"):
            body = item.read_bytes()
            found[path] = Asset.of(_without_comments(body) if suffix == "js" else body, suffix)


def _without_comments(script: bytes) -> bytes:
    """A third of our scripts is JSDoc, which no browser reads. Its lines stay, so that the numbers in an
    error's trace are those of the file."""
    return _JSDOC.sub(lambda comment: b"\n" * comment.group().count(b"\n"), script)


def _resolved(importer: str, name: str) -> str:
    if name.startswith("/"):
        return name
    parts = importer.split("/")[:-1]
    for step in name.split("/"):
        if step == "..":
            parts.pop()
        elif step != ".":
            parts.append(step)
    return "/".join(parts)
