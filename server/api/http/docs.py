"""/openapi.json, and /docs to read it in: Swagger UI from a package that ships its files, without a network.

Called by `app.py` with the finished document. The page has a policy of its own: Swagger UI writes
style attributes, which no other page of ours may.
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

from server.api.http.public_endpoints import Endpoint, PlainCall

_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
    "object-src 'none'; form-action 'self'; frame-ancestors 'none'"
)


CALLS = (
    PlainCall("/openapi.json", "This document", "application/json"),
    PlainCall("/docs", "This document, to read", "text/html"),
)


def docs_routes(document: Mapping[str, object]) -> list[BaseRoute]:
    """`document` is encoded once, here."""
    page = (_own_files() / "docs.html").read_bytes()
    policy = {"Content-Security-Policy": _POLICY}
    return [
        Route("/openapi.json", _fixed(orjson.dumps(document), "application/json", {})),
        Route("/docs", _fixed(page, "text/html", policy)),
        Mount("/docs/swagger", StaticFiles(directory=_swagger_ui())),
        Mount("/docs/own", StaticFiles(directory=_own_files())),
    ]


def _swagger_ui() -> Path:
    """The files of flask-swagger-ui, which follows each release of Swagger UI. It is not imported: its code
    is for Flask."""
    spec = find_spec("flask_swagger_ui")
    assert spec is not None, "a dependency"
    assert spec.origin is not None, "a package"
    return Path(spec.origin).parent / "dist"


def _own_files() -> Path:
    return Path(str(files("server.api.http"))) / "static"


def _fixed(body: bytes, media_type: str, headers: Mapping[str, str]) -> Endpoint:
    async def show(_request: Request) -> Response:
        return Response(body, headers=dict(headers), media_type=media_type)

    return show
