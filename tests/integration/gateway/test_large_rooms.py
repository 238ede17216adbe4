"""Rooms whose state is large, over real sockets: nobody is locked out by what a school has dropped."""

import asyncio
import socket
from dataclasses import replace

import orjson
import pytest

from server.clock import now_ms
from server.core.drops.drops import CloseReason, RoomDrop, Window
from server.core.drops.room_cards import MAX_SCOPE_BYTES
from server.desk.feed.feed import MAX_GAP_BYTES
from server.desk.feed.feed_messages import FeedKind
from server.frames.wire_state import MAX_CLAIMS_BYTES, MAX_DROPS_BYTES
from tests.integration.gateway.test_gateway import open_drop
from tests.support.builders.desks import Desk, a_room_drop
from tests.support.clients.raw_socket import handshake, says
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway, a_token

pytestmark = pytest.mark.asyncio

COURSES = {"courses": [f"{n:03}" + "课" * 61 for n in range(500)], "packages": []}
CHINESE = "课" * 2_000


async def drop_and_close(desk: Desk, count: int, **columns: object) -> None:
    """So many drops, closed a moment ago."""
    now = now_ms()
    for n in range(count):
        drop = a_room_drop(f"drp_{n}", window=Window(now - 2_000, now + 60_000), **columns)
        await desk.feed.publish(f"int_o{n}", FeedKind.OPENED, drop)
        closed = replace(drop, closed_at=now - count + n, close_reason=CloseReason.ENDED)
        await desk.feed.publish(f"int_c{n}", FeedKind.CLOSED, closed)


@pytest.mark.parametrize(
    ("count", "columns"),
    [(8, {"scope": COURSES}), (30, {"description": CHINESE}), (60, {"description": CHINESE})],
)
async def test_whoever_joins_is_welcomed_however_much_has_been_dropped(
    gateway: RunningGateway, count: int, columns: dict[str, object]
) -> None:
    await drop_and_close(gateway.desk, count, **columns)
    async with gateway.student() as (ada, welcome):
        size = len(orjson.dumps(welcome))
        assert len(welcome["drops"]) == count
        assert size <= MAX_DROPS_BYTES + MAX_CLAIMS_BYTES
        newest = max(welcome["drops"], key=lambda drop: str(drop["closed_at"]))
        assert newest["description"] == columns.get("description", "")
        await open_drop(gateway.desk, "drp_live")
        assert (await ada.claim("drp_live"))["outcome"] == "won"


async def test_the_snapshot_over_http_has_the_same_bound(gateway: RunningGateway) -> None:
    await drop_and_close(gateway.desk, 60, description=CHINESE)
    async with gateway.student() as (_, welcome):
        identity = next(iter(gateway.gateway.connections)).session.identity  # type: ignore[union-attr]
        assert identity is not None
        told = orjson.loads(await gateway.gateway.snapshot("r1", identity))
        assert told["drops"] == welcome["drops"]


async def test_a_class_shares_the_bytes_of_a_large_welcome(gateway: RunningGateway) -> None:
    await drop_and_close(gateway.desk, 40, description=CHINESE)
    room = await gateway.loader.load("r1")
    async with gateway.student("ada"), gateway.student("bob"):
        ada, bob = (c.session.identity for c in gateway.gateway.connections if c.session)
        assert ada is not None
        assert bob is not None
        now = now_ms()
        assert room.welcome_of(ada, {}, now).head is room.welcome_of(bob, {}, now).head


async def test_one_huge_card_is_told_with_a_part_of_its_scope(gateway: RunningGateway) -> None:
    async with gateway.student() as (ada, _):
        shown = await publish(gateway.desk, "drp_1", scope=COURSES)
        drop = (await ada.next("drop_opened"))["drop"]
        assert drop["id"] == shown.id
        assert drop["scope"] == {"courses": COURSES["courses"][:5], "packages": [], "more": 495}
        assert len(orjson.dumps(drop)) < MAX_SCOPE_BYTES


async def test_redis_keeps_no_more_of_it_than_students_are_told(gateway: RunningGateway) -> None:
    await publish(gateway.desk, "drp_1", scope=COURSES)
    state = await gateway.desk.feed.state("r1")
    (published,) = await gateway.desk.feed.publications_since("r1", 0)
    assert state.drops[0].scope == published.drop.scope
    assert len(published.drop.scope["courses"]) == 5  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "heard"), [(2, "drop_opened"), (8, "welcome")])
async def test_a_large_gap_is_healed_by_a_welcome_and_a_small_one_step_by_step(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, count: int, heard: str
) -> None:
    """A large gap in one write would exceed what a client may leave unsent."""
    assert 2 * len(CHINESE.encode()) < MAX_GAP_BYTES < 8 * len(CHINESE.encode())
    follower = gateway.follower
    async with gateway.student() as (ada, _):
        room = gateway.gateway.rooms.get("r1")
        assert room is not None
        with monkeypatch.context() as deaf:
            deaf.setattr(follower, "on_message", lambda *_: None)
            deaf.setattr(follower, "_take", lambda *_: None)
            for n in range(count):
                await publish(gateway.desk, f"drp_{n}", description=CHINESE)
            async with gateway.student("bob"):  # what was published before has been passed over
                pass
        await follower.heal(room)
        assert (await ada.next())["type"] == heard
        assert len(room.drops) == count


async def test_who_never_reads_a_large_welcome_is_let_go(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.gateway.sockets.allowances.STALLED_MS", 100)
    await drop_and_close(gateway.desk, 60, description=CHINESE)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect(("127.0.0.1", gateway.port))
    with client:
        client.sendall(handshake() + says(type="hello", token=a_token("deaf")))
        await eventually(lambda: len(gateway.gateway.allowances) == 1)
        await eventually(lambda: not gateway.gateway.connections)
        assert len(gateway.gateway.allowances) == 0


async def test_who_reads_it_slowly_gets_all_of_it(gateway: RunningGateway) -> None:
    await drop_and_close(gateway.desk, 60, description=CHINESE)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect(("127.0.0.1", gateway.port))
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    with client:
        await loop.sock_sendall(client, handshake() + says(type="hello", token=a_token("slow")))
        await eventually(lambda: len(gateway.gateway.allowances) == 1)
        heard = b""
        async with asyncio.timeout(20):
            while not heard.endswith(b'"claims":[]}'):
                heard += await loop.sock_recv(client, 1_024)
        assert len(heard) > 180_000
        await eventually(lambda: len(gateway.gateway.allowances) == 0)


async def publish(desk: Desk, drop_id: str, **columns: object) -> RoomDrop:
    now = now_ms()
    drop = a_room_drop(drop_id, window=Window(now, now + 60_000), **columns)
    await desk.feed.publish(f"int_{drop_id}", FeedKind.OPENED, drop)
    return drop
