"""kill -9 at each step of the end of a hold, and a restart of everything with Redis emptied while holds
run: each unit is free once, its student is told, and the next one who taps gets it."""

import pytest

from server.core.drops.claims import Outcome
from tests.support.builders.classroom import ROOM
from tests.support.eventually import eventually
from tests.support.faults.interruptions import hang_up
from tests.support.servers.crash_points import FINISH_INTENT, CrashPoint, CrashSite
from tests.support.worker_rig import WorkerRig, at_work, everybody, is_confirmed, listening

pytestmark = pytest.mark.asyncio

WINNERS = everybody(3)
NEXT = everybody(3, start=4)

WRITE_INTENT = ("server.ledger.intents", "write")  # the last statement before the commit
RELEASE = ("server.desk.drops.drop_desk:DropDesk", "release")
PUBLISH_LOSSES = ("server.desk.feed.feed:Feed", "publish_losses")

STEPS = {
    "before_the_commit": CrashPoint(*WRITE_INTENT, "after"),
    "before_the_desk": CrashPoint(*RELEASE, "before"),
    "after_the_desk": CrashPoint(*RELEASE, "after"),
    "after_the_room": CrashPoint(*PUBLISH_LOSSES, "after"),
    "before_the_last_commit": CrashPoint(*FINISH_INTENT, "after"),
}


async def held(crash_site: CrashSite, hold_seconds: int) -> str:
    """A drop that is sold out, all of it held."""
    rooms = crash_site.rig.classroom
    batch = await rooms.made_batch(hold_seconds=hold_seconds)
    drop = await rooms.opened(batch, quantity=len(WINNERS))
    await rooms.won(drop.id, *WINNERS)
    await crash_site.rig.confirm(drop.id)
    return drop.id


async def all_released(rig: WorkerRig, drop_id: str) -> bool:
    rows = await rig.rows(drop_id)
    return {row.state for row in rows} == {"released"} and not await rig.classroom.unfinished()


@pytest.mark.parametrize("step", STEPS)
async def test_the_worker_dies(crash_site: CrashSite, step: str) -> None:
    rig = crash_site.rig
    drop_id = await held(crash_site, hold_seconds=1)
    async with listening(rig.desk, ROOM) as listener:
        await crash_site.start("worker", STEPS[step]).dies()
        async with at_work(rig):
            await eventually(lambda: all_released(rig, drop_id), 10)
        told = await listener.everything("lost")

    assert {(frame, student) for frame, student, *_ in told} == {
        ("coupon_released", student) for student in WINNERS
    }
    for student in NEXT:
        assert await rig.classroom.tap(drop_id, student) is Outcome.WON
    assert await rig.classroom.tap(drop_id, "late") is Outcome.SOLD_OUT


async def test_everything_is_restarted_and_redis_is_empty(crash_site: CrashSite) -> None:
    rig = crash_site.rig
    web, worker = await crash_site.web(), crash_site.start("worker")
    drop_id = await held(crash_site, hold_seconds=3)
    await eventually(lambda: is_confirmed(rig, drop_id, *WINNERS), 10)
    web.kill()
    worker.kill()
    crash_site.redis.forget()
    await hang_up(rig.desk)

    crash_site.start("worker")
    web = await crash_site.web()
    await eventually(lambda: all_released(rig, drop_id), 20)
    told = await crash_site.tap(web, drop_id, [*NEXT, "late", WINNERS[0]])
    outcomes = [said["outcome"] for said in told.values() if said]
    assert outcomes == ["won", "won", "won", "sold_out", "released"]
