"""A whole lesson on a Redis Cluster, with real processes: connect, push, claim, confirm."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import httpx
import pytest
import pytest_asyncio

from client_sdk.python import RoomClient, Status
from client_sdk.python.shapes.drops import DropForm
from loadtest.clients.school_api import api_as, make_batch
from server.core.identity import Role
from server.desk.keys import RoomKeys
from tests.support.eventually import eventually
from tests.support.servers.redis_cluster import RedisCluster
from tests.support.servers.stack import Program, Stack

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

ROOM = "r1"
GIVE_UP_S = 60
UNITS = 5


@dataclass(frozen=True, slots=True)
class Lesson:
    """Students in a room, each at one of two web processes."""

    stack: Stack
    webs: list[Program]
    students: list[RoomClient]

    async def opened(self, units: int) -> str:
        """Open a drop, and return its id once every student has it."""
        async with api_as(self.webs[0].url, self.stack.token(Role.OPERATOR, "olga")) as api:
            batch_id = await make_batch(api, "shared", units)
            form: DropForm = {
                "batch_id": batch_id,
                "quantity": units,
                "duration_seconds": 120,
            }
            drop_id = str((await api.create_drop(ROOM, form))["id"])
        for student in self.students:
            await eventually(partial(_is_shown, student, drop_id), GIVE_UP_S)
        return drop_id

    async def claimed(self, drop_id: str) -> list[RoomClient]:
        """Let every student tap, and return those who have won."""
        outcomes = await asyncio.gather(*(one.claim(drop_id) for one in self.students))
        return [
            one for one, outcome in zip(self.students, outcomes, strict=True) if outcome == "won"
        ]


def _is_shown(student: RoomClient, drop_id: str) -> bool:
    return drop_id in [drop["id"] for drop in student.state.drops]


def _token(stack: Stack, name: str) -> str:
    return stack.token(Role.STUDENT, name, ROOM)


def _is_live(student: RoomClient) -> bool:
    return student.state.status is Status.LIVE


@pytest_asyncio.fixture
async def lesson(stack: Stack, redis_cluster: RedisCluster) -> AsyncIterator[Lesson]:
    stack.environment["CLASSDROP_REDIS_URL"] = redis_cluster.url
    webs = [stack.web(), stack.web()]
    stack.worker()
    for web in webs:
        await web.until_ready()
    async with AsyncExitStack() as sockets:
        students = [
            await sockets.enter_async_context(
                RoomClient(webs[number % 2].url, ROOM, partial(_token, stack, f"s{number}"))
            )
            for number in range(2 * UNITS)
        ]
        for one in students:
            await eventually(partial(_is_live, one), GIVE_UP_S)
        yield Lesson(stack, webs, students)


async def test_a_lesson_from_the_push_to_the_coupon(lesson: Lesson) -> None:
    drop_id = await lesson.opened(UNITS)

    winners = await lesson.claimed(drop_id)
    coupons = [await one.until_confirmed(drop_id) for one in winners]

    assert len(winners) == UNITS
    assert len({coupon["code"] for coupon in coupons}) == UNITS


async def test_a_lesson_goes_on_when_a_primary_has_died(
    lesson: Lesson, redis_cluster: RedisCluster
) -> None:
    prefix = lesson.stack.environment["CLASSDROP_KEY_PREFIX"]
    drop_id = await lesson.opened(UNITS)
    try:
        redis_cluster.primary_of(RoomKeys(prefix, ROOM).feed).kill9()
        winners = await lesson.claimed(drop_id)
        coupons = [await one.until_confirmed(drop_id) for one in winners]

        assert len(coupons) == len(winners) == UNITS
    finally:
        redis_cluster.heal()


async def test_without_a_primary_a_call_is_unavailable_in_time(
    lesson: Lesson, redis_cluster: RedisCluster
) -> None:
    prefix = lesson.stack.environment["CLASSDROP_KEY_PREFIX"]
    # No process has this room in its memory.
    victim = redis_cluster.primary_of(RoomKeys(prefix, "r2").feed)
    try:
        redis_cluster.replica_of(victim).kill9()
        victim.kill9()
        headers = {"Authorization": f"Bearer {lesson.stack.token(Role.STUDENT, 's0', 'r2')}"}
        async with httpx.AsyncClient(base_url=lesson.webs[0].url, timeout=5) as client:
            answer = await client.get("/v1/rooms/r2/snapshot", headers=headers)
            assert answer.status_code == 503
            assert answer.json()["code"] == "unavailable"

            async def is_unready() -> bool:
                return (await client.get("/readyz")).status_code == 503

            await eventually(is_unready, GIVE_UP_S)
    finally:
        redis_cluster.heal()
