"""/openapi.json, and /docs: Swagger UI, whose files come from an installed package and need no network.

Called by `app.py` with the finished document. The page has its own content security policy, because
Swagger UI writes style attributes, which our other pages must not.
"""

from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from server.api.http.public_endpoints import PublicEndpoint, RequestHandler

_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
    "object-src 'none'; form-action 'self'; frame-ancestors 'none'"
)


PUBLIC_ENDPOINTS = (
    PublicEndpoint("/openapi.json", "This document", "application/json"),
    PublicEndpoint("/docs", "This document as a web page", "text/html"),
)


def docs_routes(document: Mapping[str, object]) -> list[BaseRoute]:
    """Return the routes. The document is encoded once, not for each request."""
    page = (_own_files() / "docs.html").read_bytes()
    policy = {"Content-Security-Policy": _POLICY}
    return [
        Route("/openapi.json", _fixed(orjson.dumps(document), "application/json", {})),
        Route("/docs", _fixed(page, "text/html", policy)),
        Mount("/docs/swagger", StaticFiles(directory=_swagger_ui())),
        Mount("/docs/own", StaticFiles(directory=_own_files())),
    ]


def _swagger_ui() -> Path:
    """Return the folder of files in flask-swagger-ui, a package that follows each release of Swagger UI.

    The package is located and not imported: its code needs Flask, which is not installed.
    """
    spec = find_spec("flask_swagger_ui")
    assert spec is not None, "a dependency"
    assert spec.origin is not None, "a package"
    return Path(spec.origin).parent / "dist"


def _own_files() -> Path:
    return Path(str(files("server.api.http"))) / "static"


def _fixed(body: bytes, media_type: str, headers: Mapping[str, str]) -> RequestHandler:
    async def show(_request: Request) -> Response:
        return Response(body, headers=dict(headers), media_type=media_type)

    return show
