"""Tests of a web process: its reports on itself and on the others, and the origins it accepts."""

import pytest
from httpx import AsyncClient
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.support.eventually import eventually
from tests.support.servers.stack import Program, Stack

pytestmark = pytest.mark.asyncio


async def processes(web: Program) -> set[str]:
    async with AsyncClient(base_url=web.url) as client:
        text = (await client.get("/metrics")).text
    return {
        sample.labels["process"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_any_web_process_tells_the_figures_of_all(stack: Stack) -> None:
    web, worker = stack.web(processes=2), stack.worker()
    await web.until_ready()

    async def all_are_there() -> bool:
        names = await processes(web)
        return {"web-0", "web-1"} < names and any(name.startswith("worker-") for name in names)

    await eventually(all_are_there, deadline_s=15)
    assert worker.process.poll() is None


async def handshake(web: Program, origin: str) -> int:
    """The status it is answered with."""
    try:
        async with connect(
            f"ws://127.0.0.1:{web.port}/v1/rooms/r1",
            origin=Origin(origin),
            subprotocols=[Subprotocol("classdrop.v1")],
            proxy=None,
        ):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def test_pages_under_the_public_name_may_open_sockets(stack: Stack) -> None:
    """A proxy in front may send us a `Host` of its own."""
    web = stack.web(
        CLASSDROP_PUBLIC_URL="https://drops.example", CLASSDROP_ALLOWED_ORIGINS="https://a.example"
    )
    stack.worker()
    await web.until_ready()

    assert await handshake(web, "https://drops.example") == 101
    assert await handshake(web, "https://a.example") == 101
    assert await handshake(web, web.url) == 101
    assert await handshake(web, "https://evil.example") == 403
