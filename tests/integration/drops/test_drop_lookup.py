"""The cost of finding the drop of a claim by HTTP, and the cost of invented drop ids for everybody else."""

import asyncio
import shutil
from collections.abc import Collection
from pathlib import Path

import httpx
import pytest

from server.api.http.caches import drop_lookup
from server.api.http.caches.drop_lookup import MISS_TTL_MS, DropLookup
from server.core.drops.drops import RoomDrop
from server.desk.feed.feed import Feed
from server.ledger.engine import Ledger
from tests.support.builders.api import ROOM, Api, good, refused, with_parts
from tests.support.builders.desks import Desk
from tests.support.builders.money import NOW

pytestmark = pytest.mark.asyncio

MADE_UP = "drp_made_up"
MANY_ROOMS = [f"r{n}" for n in range(200)]


class HangingFeed(Feed):
    """Make Redis answer everything but look-ups of the invented drop."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.redis, desk.prefix)
        self.hangs = asyncio.Event()
        self.heals = asyncio.Event()
        self.looks = 0

    async def find_drop(self, rooms: Collection[str], drop_id: str) -> RoomDrop | None:
        self.looks += 1
        if drop_id == MADE_UP:
            self.hangs.set()
            await self.heals.wait()
        return await super().find_drop(rooms, drop_id)


async def claim(client: httpx.AsyncClient, drop_id: str) -> httpx.Response:
    return await client.post(f"/v1/drops/{drop_id}/claims", json={"request_id": "q1"})


async def test_a_made_up_drop_that_hangs_holds_up_nobody(api: Api, desk: Desk) -> None:
    feed = HangingFeed(desk)
    api = with_parts(api, feed=feed, drop_lookup=DropLookup(feed))
    drop = await api.made_drop()
    mallory = await api.student("mallory")
    asking = [asyncio.create_task(claim(mallory, MADE_UP)) for _ in range(5)]
    await feed.hangs.wait()

    async with asyncio.timeout(5):
        answer = good(await claim(await api.student("ann"), drop["id"]))
    assert answer["outcome"] == "won"
    assert not any(one.done() for one in asking)

    feed.heals.set()
    for one in asking:
        refused(await one, 404, "not_found")


async def test_a_whole_class_looks_once(api: Api, desk: Desk) -> None:
    feed = HangingFeed(desk)
    api = with_parts(api, feed=feed, drop_lookup=DropLookup(feed))
    drop = await api.made_drop(quantity=20)
    students = [await api.student(f"s{n}") for n in range(20)]
    answers = await asyncio.gather(*(claim(one, drop["id"]) for one in students))

    assert {good(answer)["outcome"] for answer in answers} == {"won"}
    assert feed.looks == 1


async def test_a_token_of_many_rooms_costs_one_round_trip(api: Api, desk: Desk) -> None:
    mallory = await api.student("mallory", *MANY_ROOMS)
    before = await _reads(desk)
    refused(await claim(mallory, MADE_UP), 404, "not_found")

    assert await _reads(desk) - before <= 5


async def test_a_drop_in_the_last_of_many_rooms_is_found(api: Api) -> None:
    drop = await api.made_drop()
    ann = await api.student("ann", *MANY_ROOMS[1:], ROOM)

    assert good(await claim(ann, drop["id"]))["outcome"] == "won"


async def test_what_is_not_there_is_not_looked_for_again_at_once(api: Api, desk: Desk) -> None:
    feed = HangingFeed(desk)
    feed.heals.set()
    api = with_parts(api, feed=feed, drop_lookup=DropLookup(feed))
    mallory = await api.student("mallory")
    for _ in range(5):
        refused(await claim(mallory, MADE_UP), 404, "not_found")
    assert feed.looks == 1

    api.clock.now += MISS_TTL_MS
    refused(await claim(mallory, MADE_UP), 404, "not_found")
    assert feed.looks == 2


async def test_a_drop_that_opens_after_a_miss_is_found_a_moment_later(
    api: Api, migrated_sqlite_file: Path, tmp_path: Path
) -> None:
    drop = await api.made_drop()
    shutil.copy(migrated_sqlite_file, tmp_path / "before.db")
    before = Ledger.connect(f"sqlite:///{tmp_path / 'before.db'}")
    lookup = DropLookup(api.parts.feed)
    assert await lookup.find(before, drop["id"], (), NOW) is None
    await before.close()

    ledger = api.parts.ledger
    assert await lookup.find(ledger, drop["id"], [ROOM], NOW + MISS_TTL_MS - 1) is None
    found = await lookup.find(ledger, drop["id"], [ROOM], NOW + MISS_TTL_MS)
    assert found is not None
    assert found.room == ROOM


async def test_only_so_many_misses_are_kept(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drop_lookup, "MAX_MISSES", 3)
    lookup = api.parts.drop_lookup
    for number in range(10):
        assert await lookup.find(api.parts.ledger, f"drp_{number}", (), NOW) is None

    assert len(lookup._missing) == 3


async def _reads(desk: Desk) -> int:
    """Return how often Redis has read from its clients."""
    stats = await desk.redis.info("stats")
    return int(stats["total_reads_processed"])
