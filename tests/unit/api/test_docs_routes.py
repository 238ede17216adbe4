"""The document of the API is made once, for the first who asks, and not at the start."""

import asyncio
from collections.abc import Mapping

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from server.api.http.document.docs import docs_routes

pytestmark = pytest.mark.asyncio


async def page(_request: Request) -> Response:
    return Response("docs")


async def test_the_document_is_made_once_for_all_who_ask() -> None:
    made: list[str] = []

    def document() -> Mapping[str, object]:
        made.append("document")
        return {"openapi": "3.1.0"}

    app = Starlette(routes=docs_routes(document, page))
    assert made == []
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        first = await asyncio.gather(*(client.get("/openapi.json") for _ in range(3)))
        later = await client.get("/openapi.json")

    assert [answer.json() for answer in (*first, later)] == 4 * [{"openapi": "3.1.0"}]
    assert later.headers["content-type"] == "application/json"
    assert made == ["document"]
