"""The Python client over a real socket: it carries out the effects of its session."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from itertools import count

import httpx
import pytest
import pytest_asyncio

from client_sdk.python import (
    Api,
    ClaimLostError,
    RoomClient,
    Status,
    StoppedError,
    pending_requests,
)
from client_sdk.python.shapes import RoomEvent
from tests.contract.tiny_server import DEADLINE_S, TinyServer, say, tiny_server

pytestmark = pytest.mark.asyncio

WON = {"type": "claim_result", "drop_id": "drp_1", "outcome": "won"}
CONFIRMED = {"type": "claim_confirmed", "drop_id": "drp_1", "coupon": {"use": "coupon"}}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TinyServer]:
    async with tiny_server() as tiny:
        yield tiny


def _client(server: TinyServer, *, api: Api | None = None) -> RoomClient:
    numbers = count(1)
    return RoomClient(server.url, "algebra", lambda: f"t{next(numbers)}", api=api, random=lambda: 0)


async def _until(client: RoomClient, kind: str, status: Status | None = None) -> RoomEvent:
    async with asyncio.timeout(DEADLINE_S):
        async for event in client.events():
            if event.type == kind and (status is None or getattr(event, "status", None) is status):
                return event
    raise AssertionError(f"the client stopped without {kind}")


async def test_joins_with_its_token_and_shows_the_room(server: TinyServer) -> None:
    async with _client(server) as client:
        await _until(client, "welcome")
        assert (await server.heard("hello"))["token"] == "t1"
        assert client.state.status is Status.LIVE
        assert [drop["id"] for drop in client.state.drops] == ["drp_1"]
        assert client.server_now > 0


async def test_a_claim_is_won_and_then_confirmed(server: TinyServer) -> None:
    async with _client(server) as client, asyncio.timeout(DEADLINE_S):
        connection = await server.joined()
        tapped = asyncio.create_task(client.claim("drp_1"))
        claim = await server.heard("claim")
        await say(connection, {**WON, "request_id": claim["request_id"]})
        assert await tapped == "won"
        await say(connection, CONFIRMED)
        assert (await client.until_confirmed("drp_1"))["code"] == "LIVE-7K3F"


async def test_two_taps_at_once_are_one_claim(server: TinyServer) -> None:
    async with _client(server) as client, asyncio.timeout(DEADLINE_S):
        connection = await server.joined()
        taps = asyncio.gather(client.claim("drp_1"), client.claim("drp_1"))
        claim = await server.heard("claim")
        await say(connection, {**WON, "request_id": claim["request_id"]})
        assert list(await taps) == ["won", "won"]


async def test_a_lost_claim_has_no_coupon_to_wait_for(server: TinyServer) -> None:
    async with _client(server) as client, asyncio.timeout(DEADLINE_S):
        connection = await server.joined()
        tapped = asyncio.create_task(client.claim("drp_1"))
        request_id = (await server.heard("claim"))["request_id"]
        await say(connection, {**WON, "outcome": "sold_out", "request_id": request_id})
        assert await tapped == "sold_out"
        with pytest.raises(ClaimLostError, match="sold_out"):
            await client.until_confirmed("drp_1")


async def test_a_lost_connection_is_made_again_and_the_claim_repeated(server: TinyServer) -> None:
    async with _client(server) as client, asyncio.timeout(DEADLINE_S):
        first = await server.joined()
        tapped = asyncio.create_task(client.claim("drp_1"))
        claim = await server.heard("claim")
        await first.close(1011)
        second = await server.joined()
        assert await server.heard("claim") == claim
        await say(second, {**WON, "request_id": claim["request_id"]})
        assert await tapped == "won"


async def test_an_expired_token_is_replaced(server: TinyServer) -> None:
    server.instead_of_welcome = [4001]
    async with _client(server) as client:
        await _until(client, "welcome")
        assert (await server.heard("hello"))["token"] == "t1"
        assert (await server.heard("hello"))["token"] == "t2"


async def test_a_final_close_ends_the_events_and_whoever_waits(server: TinyServer) -> None:
    server.instead_of_welcome = [4501]
    async with _client(server) as client, asyncio.timeout(DEADLINE_S):
        with pytest.raises(StoppedError) as raised:
            await client.claim("drp_1")
        assert raised.value.code == 4501
        statuses = [getattr(event, "status", None) async for event in client.events()]
        assert statuses[-1] is Status.STOPPED


async def test_a_server_that_is_not_there_is_asked_again() -> None:
    async with tiny_server() as gone:
        pass
    async with _client(gone) as client:
        await _until(client, "status", Status.WAITING)
        client.online()
        await _until(client, "status", Status.CONNECTING)


async def test_a_token_that_cannot_be_had_is_asked_for_again(server: TinyServer) -> None:
    tries = count(1)

    def get_token() -> str:
        if next(tries) == 1:
            raise OSError("no network")
        return "t1"

    async with RoomClient(server.url, "algebra", get_token, random=lambda: 0) as client:
        await _until(client, "welcome")


async def test_no_answer_by_the_socket_goes_by_http(
    server: TinyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_requests, "ANSWER_MS", 20)
    answers = [
        httpx.Response(503, json={"code": "unavailable"}),
        httpx.Response(200, json={"outcome": "won"}),
    ]
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content)["request_id"])
        return answers.pop(0)

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    api = Api(server.url, lambda: "t1", http=http)
    async with _client(server, api=api) as client, asyncio.timeout(DEADLINE_S):
        await _until(client, "welcome")
        assert await client.claim("drp_1") == "won"
        assert asked == [(await server.heard("claim"))["request_id"]] * 2


async def test_a_ping_is_answered_and_a_card_seen_is_told(server: TinyServer) -> None:
    async with _client(server) as client:
        connection = await server.joined()
        await _until(client, "welcome")
        client.seen("drp_1")
        assert (await server.heard("seen"))["drop_id"] == "drp_1"
        await say(connection, {"type": "ping", "now": "2026-03-01T09:00:25.000Z"})
        await server.heard("pong")


async def test_leaving_closes_the_socket_and_tells_who_waits(server: TinyServer) -> None:
    async with _client(server) as client:
        connection = await server.joined()
        tapped = asyncio.create_task(client.claim("drp_1"))
        await server.heard("claim")
    with pytest.raises(StoppedError):
        await tapped
    async with asyncio.timeout(DEADLINE_S):
        await connection.wait_closed()
    assert connection.close_code == 1000


async def test_a_clock_that_is_set_back_while_reconnecting_changes_nothing(
    server: TinyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time_ns
    async with _client(server) as client, asyncio.timeout(DEADLINE_S):
        connection = await server.joined()
        before = client.server_now
        await connection.close(1011)
        await _until(client, "status", Status.WAITING)
        monkeypatch.setattr(time, "time_ns", lambda: real() - 600 * 10**9)
        await server.joined()
        assert client.server_now >= before


async def test_a_device_that_slept_connects_anew(
    server: TinyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time_ns
    async with _client(server) as client, asyncio.timeout(DEADLINE_S):
        connection = await server.joined()
        await _until(client, "welcome")
        # The monotonic clock stood still meanwhile.
        monkeypatch.setattr(time, "time_ns", lambda: real() + 600 * 10**9)
        client.online()
        await server.joined()
        await connection.wait_closed()
        assert connection.close_code == 4003


async def test_events_nobody_reads_do_not_pile_up(
    server: TinyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client_sdk.python.client.EVENTS_KEPT", 3)
    async with _client(server) as client:
        connection = await server.joined()
        for number in range(10):
            await say(connection, {"type": "presence", "present": number})
        await say(connection, {"type": "ping", "now": "2026-03-01T09:00:25.000Z"})
        await server.heard("pong")
        client.stop()
        assert len([event async for event in client.events()]) == 3
