"""kill -9 at each step of the end of a hold, and a restart of everything with Redis emptied while holds
run: each unit is free once, its student is told, and the next one who taps gets it."""

import pytest

from server.core.drops.claims import Outcome
from tests.support.builders.classroom import ROOM
from tests.support.crews import Crew, at_work, everybody, is_confirmed, listening
from tests.support.eventually import eventually
from tests.support.faults.interruptions import hang_up
from tests.support.servers.crash_points import FINISH_INTENT, Campus, CrashPoint

pytestmark = pytest.mark.asyncio

WINNERS = everybody(3)
NEXT = everybody(3, start=4)

WRITE_INTENT = ("server.ledger.intents", "write")  # the last statement before the commit
RELEASE = ("server.desk.drop_desk:DropDesk", "release")
PUBLISH_LOSSES = ("server.desk.feed:Feed", "publish_losses")

STEPS = {
    "before_the_commit": CrashPoint(*WRITE_INTENT, "after"),
    "before_the_desk": CrashPoint(*RELEASE, "before"),
    "after_the_desk": CrashPoint(*RELEASE, "after"),
    "after_the_room": CrashPoint(*PUBLISH_LOSSES, "after"),
    "before_the_last_commit": CrashPoint(*FINISH_INTENT, "after"),
}


async def held(campus: Campus, hold_seconds: int) -> str:
    """A drop that is sold out, all of it held."""
    rooms = campus.crew.classroom
    batch = await rooms.made_batch(hold_seconds=hold_seconds)
    drop = await rooms.opened(batch, quantity=len(WINNERS))
    await rooms.won(drop.id, *WINNERS)
    await campus.crew.confirm(drop.id)
    return drop.id


async def all_released(crew: Crew, drop_id: str) -> bool:
    rows = await crew.rows(drop_id)
    return {row.state for row in rows} == {"released"} and not await crew.classroom.unfinished()


@pytest.mark.parametrize("step", STEPS)
async def test_the_worker_dies(campus: Campus, step: str) -> None:
    crew = campus.crew
    drop_id = await held(campus, hold_seconds=1)
    async with listening(crew.desk, ROOM) as ear:
        await campus.start("worker", STEPS[step]).dies()
        async with at_work(crew):
            await eventually(lambda: all_released(crew, drop_id), 10)
        told = await ear.everything("lost")

    assert {(frame, student) for frame, student, *_ in told} == {
        ("coupon_released", student) for student in WINNERS
    }
    for student in NEXT:
        assert await crew.classroom.tap(drop_id, student) is Outcome.WON
    assert await crew.classroom.tap(drop_id, "late") is Outcome.SOLD_OUT


async def test_everything_is_restarted_and_redis_is_empty(campus: Campus) -> None:
    crew = campus.crew
    web, worker = await campus.web(), campus.start("worker")
    drop_id = await held(campus, hold_seconds=3)
    await eventually(lambda: is_confirmed(crew, drop_id, *WINNERS), 10)
    web.kill()
    worker.kill()
    campus.redis.forget()
    await hang_up(crew.desk)

    campus.start("worker")
    web = await campus.web()
    await eventually(lambda: all_released(crew, drop_id), 20)
    told = await campus.tap(web, drop_id, [*NEXT, "late", WINNERS[0]])
    outcomes = [said["outcome"] for said in told.values() if said]
    assert outcomes == ["won", "won", "won", "sold_out", "released"]
