"""/openapi.json, and /docs to read it in: Swagger UI from its own package, without a network.

Called by `app.py` with the finished document. The page has a policy of its own: Swagger UI writes
style attributes, which no other page of ours may.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import orjson
import swagger_ui_bundle  # type: ignore[import-untyped]
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from server.api.plain import Endpoint, PlainCall

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
        Mount("/docs/swagger", StaticFiles(directory=swagger_ui_bundle.swagger_ui_path)),
        Mount("/docs/own", StaticFiles(directory=_own_files())),
    ]


def _own_files() -> Path:
    return Path(str(files("server.api"))) / "static"


def _fixed(body: bytes, media_type: str, headers: Mapping[str, str]) -> Endpoint:
    async def show(_request: Request) -> Response:
        return Response(body, headers=dict(headers), media_type=media_type)

    return show
