"""/openapi.json, and the files of /docs: Swagger UI, from an installed package; it needs no network.

Called by `app.py` with the page (`api/guides/pages.py`), which has a content security policy of its own,
because Swagger UI writes style attributes, which our other pages must not. The document is made for the first
who asks: it takes half a second of CPU, a fifth of a web process's start, and few processes are ever asked.
"""

import asyncio
from collections.abc import Callable, Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from server.api.http.public_endpoints import PublicEndpoint, RequestHandler
from server.single_flight import SingleFlight

PAGE_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
    "object-src 'none'; form-action 'self'; frame-ancestors 'none'"
)


PUBLIC_ENDPOINTS = (
    PublicEndpoint("/openapi.json", "This document", "application/json"),
    PublicEndpoint("/docs", "This document as a web page", "text/html"),
)


def docs_routes(
    document: Callable[[], Mapping[str, object]], page: RequestHandler
) -> list[BaseRoute]:
    """Return the routes. `document` is called in a thread; it is encoded once, not for each request."""
    return [
        Route("/openapi.json", _made_when_asked(document)),
        Route("/docs", page),
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
    return Path(str(files("server.api.http.document"))) / "static"


def _made_when_asked(document: Callable[[], Mapping[str, object]]) -> RequestHandler:
    making: SingleFlight[str, bytes] = SingleFlight()
    made: list[bytes] = []

    async def make() -> bytes:
        # In a thread, so that sockets are served meanwhile.
        made.append(await asyncio.to_thread(lambda: orjson.dumps(document())))
        return made[0]

    async def show(_request: Request) -> Response:
        body = made[0] if made else await making.run("document", make)
        return Response(body, media_type="application/json")

    return show
