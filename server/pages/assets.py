"""Serve the files of the pages and of the JavaScript SDK from memory, compressed and hashed at the start.

Called by routes.py. A class that joins requests these files all at once, so no file is read, compressed or
hashed during a request. A browser that has a file gets a short 304. Scripts and styles are served without
comments and spaces, which saves a third of the bytes; the files in this folder keep them.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable

from rcssmin import cssmin
from rjsmin import jsmin
from starlette.requests import Request
from starlette.responses import Response

_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "html": "text/html; charset=utf-8",
}
_MIN_COMPRESSED_BYTES = 512
_CARD_STYLE = re.compile(r"const css ?= ?`([^`\\$]*)`;")
_STATIC_IMPORT = re.compile(
    r"""^\s*(?:import\s*|(?:import|export)\s[\w\s{},*$]*?from\s*)["'](\.{1,2}/[^"']+|/[^"']+)["']""",
    re.M,
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file in memory. `packed` is its gzip form, or None where the file is too small for it."""

    body: bytes
    packed: bytes | None
    etag: str
    media_type: str

    @classmethod
    def of(cls, body: bytes, suffix: str) -> "Asset":
        packed = gzip.compress(body, mtime=0) if len(body) >= _MIN_COMPRESSED_BYTES else None
        digest = hashlib.sha256(body).hexdigest()[:20]
        return cls(body, packed, digest, _TYPES[suffix])

    @property
    def wire_bytes(self) -> int:
        return len(self.packed or self.body)

    def answer(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Return 200, or 304 where the browser has the file.

        The gzip form has an ETag of its own, because a strong ETag identifies the exact bytes.
        """
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
    """All files by the path of their URL (`/static/room/student.js`). `imports`: those of each module."""

    files: Mapping[str, Asset]
    imports: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, folders: Mapping[str, Traversable]) -> "AssetStore":
        """Read the folders, by their URL prefix. Files of types that browsers do not use are skipped."""
        sources: dict[str, bytes] = {}
        for prefix, folder in folders.items():
            _read_into(sources, prefix, folder)
        return cls(
            {path: _asset(path, source) for path, source in sources.items()},
            {path: _imports(path, source) for path, source in sources.items()},
        )

    def card_style(self) -> str:
        """Return the sheet of the coupon card as its module holds it."""
        text = self.files["/sdk/element/style.js"].body.decode()
        found = _CARD_STYLE.search(text)
        if found is None:
            raise ValueError("element/style.js holds no sheet")
        return found.group(1)

    def modules_of(self, entry: str) -> tuple[str, ...]:
        """Return the module and all its imports, for the page to preload them instead of one by one."""
        seen: list[str] = []
        waiting = [entry]
        while waiting:
            path = waiting.pop(0)
            if path in seen:
                continue
            seen.append(path)
            waiting += self.imports[path]
        return tuple(seen)


def _asset(path: str, source: bytes) -> Asset:
    suffix = path.rpartition(".")[2]
    return Asset.of(stripped(source.decode(), suffix).encode(), suffix)


def stripped(source: str, suffix: str) -> str:
    """Return the script or style without comments and unneeded spaces."""
    match suffix:
        case "js":
            return str(jsmin(source))
        case "css":
            return str(cssmin(source))
        case _:
            return source


def _imports(path: str, source: bytes) -> list[str]:
    if not path.endswith(".js"):
        return []
    return [_resolved(path, name) for name in _STATIC_IMPORT.findall(source.decode())]


def _read_into(found: dict[str, bytes], prefix: str, folder: Traversable) -> None:
    for item in folder.iterdir():
        path = f"{prefix}/{item.name}"
        suffix = item.name.rpartition(".")[2]
        if item.is_dir():
            _read_into(found, path, item)
        elif suffix in _TYPES and not item.name.endswith(".test.js"):
            found[path] = item.read_bytes()


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
