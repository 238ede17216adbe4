"""A whole lesson on a Redis Cluster, with real processes: connect, push, claim, confirm."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio

from client_sdk.python import RoomClient, Status
from loadtest.clients.school_api import api_as, make_batch
from server.core.identity import Role
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
            form = {"batch_id": batch_id, "quantity": units, "duration_seconds": 120}
            drop_id = str((await api.create_drop(ROOM, form))["id"])
        for student in self.students:
            await eventually(lambda one=student: drop_id in _shown(one), GIVE_UP_S)
        return drop_id

    async def claimed(self, drop_id: str) -> list[RoomClient]:
        """Let every student tap, and return those who have won."""
        outcomes = await asyncio.gather(*(one.claim(drop_id) for one in self.students))
        return [
            one for one, outcome in zip(self.students, outcomes, strict=True) if outcome == "won"
        ]


def _shown(student: RoomClient) -> list[str]:
    return [drop["id"] for drop in student.state.drops]


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
                RoomClient(
                    webs[number % 2].url,
                    ROOM,
                    lambda name=f"s{number}": stack.token(Role.STUDENT, name, ROOM),
                )
            )
            for number in range(2 * UNITS)
        ]
        for one in students:
            await eventually(lambda one=one: one.state.status is Status.LIVE, GIVE_UP_S)
        yield Lesson(stack, webs, students)


async def test_a_lesson_from_the_push_to_the_coupon(lesson: Lesson) -> None:
    drop_id = await lesson.opened(UNITS)

    winners = await lesson.claimed(drop_id)
    coupons = [await one.until_confirmed(drop_id) for one in winners]

    assert len(winners) == UNITS
    assert len({coupon["code"] for coupon in coupons}) == UNITS
