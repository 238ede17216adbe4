"""kill -9 at each step of an opening: the drop is open and its room knows, or it is cancelled and its
units are back; never anything in between for longer than 10 s."""

import pytest
from sqlalchemy import update

from server.core.drops.claims import Outcome
from server.core.drops.drops import OPENING_DEADLINE_MS, CloseReason, DropState
from server.ledger import tables
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow
from tests.support.builders.classroom import ROOM
from tests.support.eventually import eventually
from tests.support.servers.crash_points import (
    FINISH_INTENT_LATER,
    OPEN,
    PUBLISH,
    CrashPoint,
    CrashSite,
)
from tests.support.worker_rig import at_work, everybody, taps

pytestmark = pytest.mark.asyncio

UNITS = 3
WITHIN_SECONDS = 10.0

STEPS = {
    "before_the_desk": CrashPoint(*OPEN, "before"),
    "after_the_desk": CrashPoint(*OPEN, "after"),
    "after_the_room": CrashPoint(*PUBLISH, "after"),
    "before_the_last_commit": CrashPoint(*FINISH_INTENT_LATER, "after"),
}


async def settled(crash_site: CrashSite) -> DropRow:
    """The only drop of the class, when it is whole again."""

    async def find() -> DropRow:
        async with crash_site.rig.ledger.read() as conn:
            (row,) = await drops.page_of_room(conn, ROOM, 10)
        assert row.state in (DropState.OPEN, DropState.CLOSED)
        assert await crash_site.rig.classroom.unfinished() == []
        return row

    return await eventually(find, WITHIN_SECONDS)


async def assert_whole(crash_site: CrashSite, row: DropRow, batch_id: str) -> None:
    """Open with its room told, or cancelled with its stock returned."""
    rig = crash_site.rig
    batch = await rig.classroom.batch(batch_id)
    if row.state is DropState.CLOSED:
        assert (row.returned, batch.allotted) == (UNITS, 0)
        return
    (shown,) = (await rig.feed.state(ROOM)).drops
    assert (shown.id, shown.window, shown.closed_at) == (row.id, row.window, None)
    assert batch.allotted == UNITS
    outcomes = await taps(rig, row.id, *everybody(UNITS + 1))
    assert list(outcomes.values()) == [Outcome.WON] * UNITS + [Outcome.SOLD_OUT]


@pytest.mark.parametrize("step", STEPS)
async def test_the_web_process_dies(crash_site: CrashSite, step: str) -> None:
    batch = await crash_site.rig.classroom.made_batch()
    web = await crash_site.web(STEPS[step])
    body = {"batch_id": batch.id, "quantity": UNITS, "duration_seconds": 60}
    assert await crash_site.press(web, "drops", body) is None
    await web.dies()

    async with at_work(crash_site.rig):
        await assert_whole(crash_site, await settled(crash_site), batch.id)


@pytest.mark.parametrize("step", STEPS)
async def test_redis_dies(crash_site: CrashSite, step: str) -> None:
    batch = await crash_site.rig.classroom.made_batch()
    web = await crash_site.web(STEPS[step], redis_dies=True)
    body = {"batch_id": batch.id, "quantity": UNITS, "duration_seconds": 60}
    assert await crash_site.press(web, "drops", body) in (201, 503)
    await crash_site.redis_returns()

    async with at_work(crash_site.rig):
        await eventually(lambda: _all_armed(crash_site), WITHIN_SECONDS)
        await assert_whole(crash_site, await settled(crash_site), batch.id)


@pytest.mark.parametrize("step", STEPS)
async def test_what_nobody_has_finished_in_10_s_is_given_up(
    crash_site: CrashSite, step: str
) -> None:
    """The worker comes that late."""
    batch = await crash_site.rig.classroom.made_batch()
    web = await crash_site.web(STEPS[step])
    body = {"batch_id": batch.id, "quantity": UNITS, "duration_seconds": 60}
    assert await crash_site.press(web, "drops", body) is None
    await web.dies()
    async with crash_site.rig.ledger.begin() as conn:
        earlier = tables.intents.c.created_at - OPENING_DEADLINE_MS
        await conn.execute(update(tables.intents).values(created_at=earlier))

    async with at_work(crash_site.rig):
        row = await settled(crash_site)
        assert row.close_reason is CloseReason.CANCELLED
        await assert_whole(crash_site, row, batch.id)
    assert all(shown.closed_at for shown in (await crash_site.rig.feed.state(ROOM)).drops)
    assert await crash_site.rig.classroom.tap(row.id, "s1") is Outcome.CLOSED


async def _all_armed(crash_site: CrashSite) -> bool:
    return await crash_site.rig.fence.shut_shards() == []
