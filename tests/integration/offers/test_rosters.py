"""The roster of a room over two gateways: students come, leave, and their gateway dies; offers by a tag."""

from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from server.core.identity import Role
from server.core.offers.roster import MAX_SHOWN, Present
from server.desk.feed.rosters import GOOD_FOR_MS, MOVES_AT_ONCE
from server.desk.student_eraser import StudentEraser
from server.gateway.cadence import Cadence
from server.gateway.rooms.open_rooms import OpenRooms
from server.gateway.rooms.room import Room
from server.gateway.rooms.roster_writer import RosterWriter
from tests.support.builders.api import Api, Json, field_errors, good, refused
from tests.support.builders.desks import Desk
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway

pytestmark = pytest.mark.asyncio
ROOM = "r1"
ROSTER = f"/v1/rooms/{ROOM}/students"
OFFERS = f"/v1/rooms/{ROOM}/offers"


@pytest.fixture
def cadence() -> Cadence:
    return Cadence(roster_s=0.02)


async def here(teacher: httpx.AsyncClient, **query: Any) -> list[str]:
    return [one["id"] for one in good(await teacher.get(ROSTER, params=query))["students"]]


async def wait_for(teacher: httpx.AsyncClient, *students: str) -> None:
    async def are_here() -> bool:
        return await here(teacher) == list(students)

    await eventually(are_here)


def present(*students: str) -> dict[str, Present]:
    return {one: Present(one, tags=("vip",)) for one in students}  # type: ignore[arg-type]


async def written(desk: Desk, gateway: str, *students: str) -> None:
    for start in range(0, len(students), MOVES_AT_ONCE):
        some = present(*students[start : start + MOVES_AT_ONCE])
        await desk.feed.rosters.write(ROOM, gateway, some, [], was_written=start > 0)


async def test_students_of_all_gateways_are_shown_searched_and_gone_when_they_leave(
    api: Api, gateway: RunningGateway, second_gateway: RunningGateway
) -> None:
    teacher = await api.teacher(ROOM)
    async with AsyncExitStack() as sockets:
        await sockets.enter_async_context(gateway.student("ada", name="Ada Wang", tags=("vip",)))
        await sockets.enter_async_context(second_gateway.student("bo", tags=("new", "vip")))
        async with second_gateway.student("cy"):
            async with gateway.student("cy"):
                await wait_for(teacher, "ada", "bo", "cy")
            ada, bo, _ = good(await teacher.get(ROSTER))["students"]
            assert ada == {"id": "ada", "name": "Ada Wang", "tags": ["vip"]}
            assert bo == {"id": "bo", "tags": ["new", "vip"]}
            assert await here(teacher, q="wan") == ["ada"]
            assert await here(teacher, tag="vip") == ["ada", "bo"]
            page = good(await teacher.get(ROSTER, params={"limit": 1, "tag": "vip"}))
            assert (page["next"], page["found"], page["present"]) == ("ada", 2, 3)
            assert await here(teacher, after="ada", limit=1) == ["bo"]
            await wait_for(teacher, "ada", "bo", "cy")  # one of her two sockets is still there
        await wait_for(teacher, "ada", "bo")


async def test_a_gateway_that_dies_leaves_nobody_behind(desk: Desk) -> None:
    rosters = desk.feed.rosters
    await written(desk, "gwy_dead", "ghost")
    keys = [key async for key in desk.redis.scan_iter(f"{desk.prefix}:*roster*")]
    lives = [await desk.redis.pttl(key) for key in keys]
    assert len(keys) == 2
    assert all(0 < left <= GOOD_FOR_MS for left in lives)

    for key in keys:
        await desk.redis.delete(key)
    assert await rosters.read(ROOM) == {}
    assert not await rosters.write(ROOM, "gwy_dead", {}, [], was_written=True)


async def test_an_erased_student_is_not_shown_by_any_name(desk: Desk) -> None:
    await written(desk, "gwy_1", "ann", "ben")
    erasure = await StudentEraser(desk.redis, desk.prefix).erase("ann", "gone_1")

    assert erasure.changed == 1
    assert set(await desk.feed.rosters.read(ROOM)) == {"ben"}


async def test_a_roster_that_redis_has_lost_is_written_whole_again(
    gateway: RunningGateway, api: Api
) -> None:
    teacher = await api.teacher(ROOM)
    async with gateway.student("ada"):
        await wait_for(teacher, "ada")
        async for key in gateway.desk.redis.scan_iter(f"{gateway.desk.prefix}:*roster*"):
            await gateway.desk.redis.delete(key)
        async with gateway.student("bo"):
            await wait_for(teacher, "ada", "bo")


async def test_one_report_has_five_hundred_students_and_the_others_follow(desk: Desk) -> None:
    rooms, room = OpenRooms(), Room(ROOM, lambda *_: None)
    rooms.by_name[ROOM] = room
    writer = RosterWriter(rooms, desk.feed.rosters, "gwy_1")
    room.moved.update(f"s{n}" for n in range(MOVES_AT_ONCE + 1))
    await writer.write()
    left_over = len(room.moved)
    await writer.write()

    assert (left_over, len(room.moved)) == (1, 0)


async def test_who_may_not_offer_may_not_see_who_is_here(api: Api) -> None:
    tutor = await api.as_(Role.STUDENT, "tim", ROOM, may=["offer"])

    assert await here(tutor) == []
    refused(await (await api.student("ann", ROOM)).get(ROSTER), 403, "wrong_role")
    refused(await (await api.teacher("other")).get(ROSTER), 403, "wrong_room")


class TestByTag:
    async def test_everybody_here_with_the_tag_gets_an_offer(self, api: Api, desk: Desk) -> None:
        batch = await api.made_batch(quantity=100)
        students = [f"s{n:02}" for n in range(60)]
        await written(desk, "gwy_1", *students)
        body = {"batch_id": batch["id"], "tag": "vip", "expires_in_seconds": 600}
        key = {"Idempotency-Key": "k1"}
        teacher = await api.teacher(ROOM)
        made = good(await teacher.post(OFFERS, json=body, headers=key), 201)
        await written(desk, "gwy_1", "late")
        again = good(await teacher.post(OFFERS, json=body, headers=key), 201)

        assert [one["student"] for one in made["offers"]] == students
        assert ids(again) == ids(made)

    async def test_nobody_with_the_tag_gets_none(self, api: Api, desk: Desk) -> None:
        batch = await api.made_batch()
        await written(desk, "gwy_1", "ann")
        body = {"batch_id": batch["id"], "tag": "nobody", "expires_in_seconds": 600}
        made = good(await (await api.teacher(ROOM)).post(OFFERS, json=body), 201)
        assert made == {"offers": [], "refused": []}

    async def test_more_than_five_hundred_are_too_many(self, api: Api, desk: Desk) -> None:
        batch = await api.made_batch(quantity=1_000)
        await written(desk, "gwy_1", *(f"s{n}" for n in range(MAX_SHOWN + 1)))
        body = {"batch_id": batch["id"], "tag": "vip", "expires_in_seconds": 600}
        answer = await (await api.teacher(ROOM)).post(OFFERS, json=body)
        assert ("tag", "too_many") in field_errors(answer)


def ids(made: Json) -> list[str]:
    return sorted(one["id"] for one in made["offers"])
