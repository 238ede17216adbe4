"""kill -9 at each step of a close: in the end the drop is closed, its winners are confirmed, and every
other unit is back in the batch once."""

import pytest

from server.core.drops.claims import Outcome
from server.core.drops.drops import CloseReason, DropState
from server.ledger.drops.drop_row import DropRow
from tests.support.builders.classroom import ROOM
from tests.support.eventually import eventually
from tests.support.servers.crash_points import (
    CLOSE,
    FINISH_INTENT_LATER,
    PUBLISH,
    CrashPoint,
    CrashSite,
)
from tests.support.worker_rig import WorkerRig, at_work, everybody, is_confirmed

pytestmark = pytest.mark.asyncio

UNITS = 5
WINNERS = everybody(2)

STEPS = {
    "before_the_desk": CrashPoint(*CLOSE, "before"),
    "after_the_desk": CrashPoint(*CLOSE, "after"),
    "after_the_room": CrashPoint(*PUBLISH, "after"),
    "before_the_last_commit": CrashPoint(*FINISH_INTENT_LATER, "after"),
}


async def closed(rig: WorkerRig, drop_id: str) -> DropRow:
    row = await rig.classroom.row(drop_id)
    assert row.state is DropState.CLOSED
    assert await rig.classroom.unfinished() == []
    assert await rig.fence.shut_shards() == []
    return row


async def assert_ended(rig: WorkerRig, drop_id: str, batch_id: str) -> None:
    row = await eventually(lambda: closed(rig, drop_id), 10)
    assert (row.close_reason, row.returned) == (CloseReason.STOPPED, UNITS - len(WINNERS))
    assert (await rig.classroom.batch(batch_id)).allotted == len(WINNERS)
    (shown,) = (await rig.feed.state(ROOM)).drops
    assert shown.closed_at == row.closed_at
    assert await rig.classroom.tap(drop_id, "late") is Outcome.CLOSED
    await eventually(lambda: is_confirmed(rig, drop_id, *WINNERS), 10)
    assert await rig.live(drop_id) == {"s1": 1, "s2": 2}


@pytest.mark.parametrize("redis_dies", [False, True], ids=["web_dies", "redis_dies"])
@pytest.mark.parametrize("step", STEPS)
async def test_what_was_stopped_is_ended(
    crash_site: CrashSite, step: str, redis_dies: bool
) -> None:
    rig = crash_site.rig
    drop = await rig.classroom.opened(quantity=UNITS)
    await rig.classroom.won(drop.id, *WINNERS)
    web = await crash_site.web(STEPS[step], redis_dies=redis_dies)
    status = await crash_site.press(web, f"drops/{drop.id}/close", {})
    if redis_dies:
        assert status in (200, 503)
        await crash_site.redis_returns()
    else:
        assert status is None
        await web.dies()

    async with at_work(rig):
        await assert_ended(rig, drop.id, drop.batch_id)
