"""kill -9 at each step of a close: in the end the drop is closed, its winners are confirmed, and every
other unit is back in the batch once."""

import pytest

from server.core.drops.claims import Outcome
from server.core.drops.drops import CloseReason, DropState
from server.ledger.drops.drops import DropRow
from tests.support.builders.classroom import ROOM
from tests.support.crews import Crew, at_work, everybody, is_confirmed
from tests.support.eventually import eventually
from tests.support.servers.crash_points import CLOSE, FINISH_INTENT, PUBLISH, CrashPoint, CrashSite

pytestmark = pytest.mark.asyncio

UNITS = 5
WINNERS = everybody(2)

STEPS = {
    "before_the_desk": CrashPoint(*CLOSE, "before"),
    "after_the_desk": CrashPoint(*CLOSE, "after"),
    "after_the_room": CrashPoint(*PUBLISH, "after"),
    "before_the_last_commit": CrashPoint(*FINISH_INTENT, "after"),
}


async def closed(crew: Crew, drop_id: str) -> DropRow:
    row = await crew.classroom.row(drop_id)
    assert row.state is DropState.CLOSED
    assert await crew.classroom.unfinished() == []
    assert await crew.fence.shut_shards() == []
    return row


async def assert_ended(crew: Crew, drop_id: str, batch_id: str) -> None:
    row = await eventually(lambda: closed(crew, drop_id), 10)
    assert (row.close_reason, row.returned) == (CloseReason.STOPPED, UNITS - len(WINNERS))
    assert (await crew.classroom.batch(batch_id)).allotted == len(WINNERS)
    (shown,) = (await crew.feed.state(ROOM)).drops
    assert shown.closed_at == row.closed_at
    assert await crew.classroom.tap(drop_id, "late") is Outcome.CLOSED
    await eventually(lambda: is_confirmed(crew, drop_id, *WINNERS), 10)
    assert await crew.live(drop_id) == {"s1": 1, "s2": 2}


@pytest.mark.parametrize("redis_dies", [False, True], ids=["web_dies", "redis_dies"])
@pytest.mark.parametrize("step", STEPS)
async def test_what_was_stopped_is_ended(
    crash_site: CrashSite, step: str, redis_dies: bool
) -> None:
    crew = crash_site.crew
    drop = await crew.classroom.opened(quantity=UNITS)
    await crew.classroom.won(drop.id, *WINNERS)
    web = await crash_site.web(STEPS[step], redis_dies=redis_dies)
    status = await crash_site.press(web, f"drops/{drop.id}/close", {})
    if redis_dies:
        assert status in (200, 503)
        await crash_site.redis_returns()
    else:
        assert status is None
        await web.dies()

    async with at_work(crew):
        await assert_ended(crew, drop.id, drop.batch_id)
