"""A process closes its port: no new connection is accepted, and requests in flight get a response."""

import asyncio
from contextlib import suppress

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from server.commands.process.listening import listen
from server.commands.process.serving import serve, service
from server.configuration.settings import read_settings
from server.gateway.sockets.connection_limiter import ConnectionLimiter
from tests.support.eventually import eventually
from tests.support.servers.stack import free_port

pytestmark = pytest.mark.asyncio


async def test_who_leaves_lets_nobody_in_and_answers_what_was_asked() -> None:
    settings = read_settings({"CLASSDROP_PORT": str(free_port())})
    is_asked, go_on, said_goodbye = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        is_asked.set()
        await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    async def drain() -> None:
        said_goodbye.set()

    serving = asyncio.create_task(
        serve(
            service(settings, app, asyncio.Protocol, ConnectionLimiter()),
            listen(settings, shared=False),
            drain,
        )
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client:
        await eventually(lambda: _is_open(settings.port))
        asking = asyncio.create_task(client.get("/"))
        await is_asked.wait()
        serving.cancel()
        await said_goodbye.wait()
        assert not await _is_open(settings.port)
        go_on.set()
        assert (await asking).text == "done"
    with suppress(asyncio.CancelledError):
        await serving


async def _is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True
