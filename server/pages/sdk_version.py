"""Serve the JavaScript SDK under a path that contains the hash of its content, to be kept for ever.

Called by routes.py. `/sdk/v1/{path}` redirects to `/sdk/v1/{hash}/{path}`, and imports between the SDK's
modules are relative, so that one import of `/sdk/v1/index.js` loads every module of one state of the SDK.

The files of another release are not here. Their paths redirect to those of this release: a page that was open
during an update, or that began with a process of the other release, still gets a module it asks for later.
"""

import hashlib
import re
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from server.pages.assets import Asset

_OTHER_RELEASE = re.compile(r"^[0-9a-f]{20}/")  # as `content_hash` makes them
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
_KEPT_FOR_EVER = {**_ANY_ORIGIN, "Cache-Control": "public, max-age=31536000, immutable"}


def content_hash(files: Mapping[str, Asset]) -> str:
    """Return 20 hexadecimal digits that change with the path or the content of any file."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path} {files[path].etag}\n".encode())
    return digest.hexdigest()[:20]


def sdk_version_routes(files: Mapping[str, Asset]) -> list[BaseRoute]:
    """Return the routes. `files`: those of the SDK, by their path below `/sdk/`."""
    current = content_hash(files)

    def found(path: str) -> Asset:
        if path not in files:
            raise HTTPException(404)
        return files[path]

    async def redirect(request: Request) -> Response:
        path = _OTHER_RELEASE.sub("", request.path_params["path"])
        found(path)
        kept = {**_ANY_ORIGIN, "Cache-Control": "no-cache"}
        return RedirectResponse(f"/sdk/v1/{current}/{path}", headers=kept)

    async def show(request: Request) -> Response:
        return found(request.path_params["path"]).answer(request, _KEPT_FOR_EVER)

    return [
        Route(f"/sdk/v1/{current}/{{path:path}}", show),
        Route("/sdk/v1/{path:path}", redirect),
    ]
