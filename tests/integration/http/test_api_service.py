import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.core.identity import Identity
from server.ledger.database_errors import LedgerUnavailableError
from tests.support.builders.api import AS_JSON, ROOM, SCHOOL, Api, Json, good, refused, with_parts

pytestmark = pytest.mark.asyncio


async def test_live_and_not_ready_until_the_parts_have_reported(api: Api) -> None:
    client, health = await api.client(), api.parts.health
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/readyz")).status_code == 503
    for part in health.parts:
        health.report(part, ok=True)
    assert good(await client.get("/readyz"))["ok"] is True
    health.drain()
    assert (await client.get("/readyz")).status_code == 503


async def test_metrics_name_route_status_and_process(api: Api) -> None:
    await (await api.operator()).get("/v1/templates/tpl_x")
    text = (await (await api.client()).get("/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("classdrop_http_requests_total")]
    assert len(lines) == 1
    assert 'process="web-1"' in lines[0]
    assert 'route="GET /v1/templates/{id}"' in lines[0]
    assert 'status="404"' in lines[0]


async def test_the_document_is_served(api: Api) -> None:
    assert good(await (await api.client()).get("/openapi.json"))["openapi"] == "3.1.0"


async def test_the_docs_need_no_network_and_no_script_in_line(api: Api) -> None:
    client = await api.client()
    page = await client.get("/docs")
    assert "<script>" not in page.text
    assert all(
        named.startswith(("/", "#", "?"))
        for named in re.findall(r'(?:src|href)="([^"]*)', page.text)
    )
    assert "script-src" not in page.headers["content-security-policy"]
    assert "style-src 'self' 'unsafe-inline'" in page.headers["content-security-policy"]
    for asset in (
        "swagger/swagger-ui.css",
        "swagger/swagger-ui-bundle.js",
        "own/docs.js",
        "guide/guide.css",
    ):
        assert f"/docs/{asset}" in page.text
        assert (await client.get(f"/docs/{asset}")).status_code == 200


async def test_an_unknown_path_is_a_problem(api: Api) -> None:
    for path in ("/nowhere", "/v1/templates/", "/v1/rooms//drops", "/docs/own/../app.py"):
        refused(await (await api.client()).get(path), 404, "not_found")


async def test_a_wrong_method_is_told_the_right_ones(api: Api) -> None:
    answer = await (await api.operator()).delete("/v1/templates")
    refused(answer, 405, "wrong_method")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


async def test_head_is_get_without_a_body(api: Api) -> None:
    assert (await (await api.operator()).head("/v1/templates")).status_code == 200


async def test_answers_of_every_kind_carry_the_security_headers(api: Api) -> None:
    client = await api.client()
    for path in ("/v1/templates", "/nowhere", "/livez", "/docs", "/docs/own/docs.js"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_a_preflight_of_an_allowed_origin_is_granted(api: Api) -> None:
    headers = {
        "Origin": SCHOOL,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,if-match",
    }
    answer = await (await api.client()).options("/v1/templates/tpl_1", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == SCHOOL
    assert "If-Match" in answer.headers["access-control-allow-headers"]
    assert "PUT" in answer.headers["access-control-allow-methods"]


async def test_a_preflight_of_another_origin_is_not(api: Api) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = await (await api.client()).options("/v1/templates", headers=headers)
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


async def test_pages_are_served_beside_the_api(api: Api) -> None:
    async def page(_request: Request) -> Response:
        return Response("a room", headers={"Content-Security-Policy": "default-src 'none'"})

    api = with_parts(api, extra_routes=(Route("/rooms/{room}", page),))
    answer = await (await api.client()).get(f"/rooms/{ROOM}")
    assert answer.text == "a room"
    assert answer.headers["content-security-policy"] == "default-src 'none'"


async def test_a_bug_is_told_without_its_story(api: Api) -> None:
    async def breaks(_room: str, _identity: Identity) -> bytes:
        raise RuntimeError("a secret of ours")

    client = await with_parts(api, snapshot=breaks).student()
    answer = await client.get(f"/v1/rooms/{ROOM}/snapshot", headers={"Origin": SCHOOL})
    refused(answer, 500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == SCHOOL
    counted = (await (await api.client()).get("/metrics")).text
    assert 'route="GET /v1/rooms/{room}/snapshot",status="500"} 1.0' in counted


async def test_what_takes_too_long_is_unavailable(api: Api) -> None:
    async def hangs(_room: str, _identity: Identity) -> bytes:
        await asyncio.Event().wait()
        return b""

    client = await with_parts(api, snapshot=hangs, deadline_s=0.05).student()
    answer = await client.get(f"/v1/rooms/{ROOM}/snapshot")
    refused(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"


async def test_a_body_that_never_ends_is_cut_at_the_deadline(api: Api) -> None:
    async def drips() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    client = await with_parts(api, deadline_s=0.05).operator()
    refused(
        await client.post("/v1/templates", content=drips(), headers=AS_JSON), 503, "unavailable"
    )


async def test_a_timeout_within_is_no_deadline(api: Api) -> None:
    async def gives_up(_room: str, _identity: Identity) -> bytes:
        raise TimeoutError

    client = await with_parts(api, snapshot=gives_up).student()
    refused(await client.get(f"/v1/rooms/{ROOM}/snapshot"), 500, "internal")


async def test_a_ledger_that_is_away_is_unavailable(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def away() -> AsyncIterator[Json]:
        raise LedgerUnavailableError
        yield {}

    monkeypatch.setattr(api.parts.ledger, "read", away)
    refused(await (await api.operator()).get("/v1/templates"), 503, "unavailable")
