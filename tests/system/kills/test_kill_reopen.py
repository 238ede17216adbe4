"""kill -9 at each step of a reopening, of an end by the clock, and of a task that the school's event passes:
each is finished once by a worker that lives, and the units add up."""

import pytest
from sqlalchemy import func, select

from server.core.drops.claims import Outcome
from server.core.drops.drop_ends import DropEnd
from server.core.drops.drops import CloseReason, DropState, EndsBy
from server.core.drops.tasks import EventTask
from server.flows.tasks.school_events import read_events
from server.ledger import tables
from server.ledger.drops.drop_row import DropRow
from tests.integration.tasks.test_flows import school_says
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.eventually import eventually
from tests.support.servers.crash_points import (
    CLOSE,
    FINISH_INTENT_LATER,
    PUBLISH,
    CrashPoint,
    CrashSite,
)
from tests.support.worker_rig import WorkerRig, at_work, everybody, is_confirmed, taps

pytestmark = pytest.mark.asyncio

UNITS, MORE = 6, 3
WINNERS = everybody(2)
DROPS = "server.ledger.drops.drops"
PASSES = "server.ledger.tasks.passes"

REOPEN_STEPS = {
    "before_the_decision": CrashPoint(DROPS, "mark_reopening", "after"),
    "before_the_desk": CrashPoint("server.desk.drops.reopening:Reopening", "reopen", "before"),
    "after_the_desk": CrashPoint("server.desk.drops.reopening:Reopening", "reopen", "after"),
    "after_the_room": CrashPoint("server.desk.feed.feed:Feed", "publish_reopening", "after"),
    "before_the_last_commit": CrashPoint(*FINISH_INTENT_LATER, "after"),
}
END_STEPS = {
    "before_the_desk": CrashPoint(*CLOSE, "before"),
    "after_the_desk": CrashPoint(*CLOSE, "after"),
    "after_the_room": CrashPoint(*PUBLISH, "after"),
    "before_the_last_commit": CrashPoint(DROPS, "mark_closed", "after"),
}
TASK_STEPS = {
    "before_the_pass": CrashPoint(PASSES, "insert", "before"),
    "before_the_pass_is_committed": CrashPoint(PASSES, "insert", "after"),
    "before_the_desk": CrashPoint("server.desk.drops.task_desk:TaskDesk", "set_done", "before"),
    "after_the_desk": CrashPoint("server.desk.drops.task_desk:TaskDesk", "set_done", "after"),
    "before_it_is_noted": CrashPoint(PASSES, "mark_told", "after"),
}


async def settled(rig: WorkerRig, drop_id: str, *states: DropState) -> DropRow:
    row = await rig.classroom.row(drop_id)
    assert row.state in states
    assert await rig.classroom.unfinished() == []
    assert await rig.fence.shut_shards() == []
    return row


@pytest.mark.parametrize("redis_dies", [False, True], ids=["web_dies", "redis_dies"])
@pytest.mark.parametrize("step", REOPEN_STEPS)
async def test_a_reopening(crash_site: CrashSite, step: str, redis_dies: bool) -> None:
    """It happens, or it does not: then no unit is taken for it."""
    rig = crash_site.rig
    drop = await rig.classroom.opened(quantity=UNITS)
    await rig.classroom.won(drop.id, *WINNERS)
    await rig.confirm(drop.id)
    granted(await rig.classroom.drops.close(drop.id, ROOM, now_ms()))
    web = await crash_site.web(REOPEN_STEPS[step], redis_dies=redis_dies)
    body = {"quantity": MORE, "duration_seconds": 600}
    status = await crash_site.press(web, f"drops/{drop.id}/reopen", body)
    if redis_dies:
        assert status in (200, 503)
        await crash_site.redis_returns()
    else:
        assert status is None
        await web.dies()

    async with at_work(rig):
        row = await eventually(lambda: settled(rig, drop.id, DropState.OPEN, DropState.CLOSED), 15)
        is_open = row.state is DropState.OPEN
        assert is_open or (step, redis_dies) == ("before_the_decision", False)
        told = await taps(rig, drop.id, *everybody(MORE + 1, start=10))
        after = [Outcome.WON] * MORE + [Outcome.SOLD_OUT]
        assert list(told.values()) == (after if is_open else [Outcome.CLOSED] * (MORE + 1))
        assert await rig.classroom.tap(drop.id, "s1", "r2") is Outcome.ALREADY_WON
        sold = everybody(MORE, start=10) if is_open else []
        await eventually(lambda: is_confirmed(rig, drop.id, *WINNERS, *sold), 10)
    assert (await rig.classroom.batch(drop.batch_id)).allotted == len(WINNERS) + len(sold)


@pytest.mark.parametrize("step", END_STEPS)
async def test_an_end_by_the_clock(crash_site: CrashSite, step: str) -> None:
    rig = crash_site.rig
    at = now_ms() + 600
    drop = await rig.classroom.opened(quantity=UNITS, ends=DropEnd(EndsBy.CLOCK, at=at))
    await rig.classroom.won(drop.id, *WINNERS)
    worker = crash_site.start("worker", END_STEPS[step])
    await worker.dies()

    async with at_work(rig):
        row = await eventually(lambda: settled(rig, drop.id, DropState.CLOSED), 15)
        await eventually(lambda: is_confirmed(rig, drop.id, *WINNERS), 10)
    assert (row.closed_at, row.close_reason) == (at, CloseReason.ENDED)
    assert row.returned == UNITS - len(WINNERS)
    assert (await rig.classroom.batch(drop.batch_id)).allotted == len(WINNERS)


@pytest.mark.parametrize("step", TASK_STEPS)
async def test_an_event_of_the_school_passes_its_student(crash_site: CrashSite, step: str) -> None:
    rig = crash_site.rig
    drop = await rig.classroom.opened(task=EventTask("x.form"))
    await read_events(rig.ledger)  # the reader begins with what comes now
    await school_says(rig, "e1", "ann")
    worker = crash_site.start("worker", TASK_STEPS[step])
    await worker.dies()

    async with at_work(rig):

        async def has_passed() -> bool:
            return await rig.classroom.tap(drop.id, "ann") is Outcome.WON

        await eventually(has_passed, 10)
    assert await rig.classroom.tap(drop.id, "bob") is Outcome.TASK_OPEN
    async with rig.ledger.read() as conn:
        assert await conn.scalar(select(func.count()).select_from(tables.task_passes)) == 1
