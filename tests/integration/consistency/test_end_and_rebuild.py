"""A desk that is rebuilt while a drop ends: the ledger still has it open, so the desk sells again what
the ending had counted as free."""

import pytest

from server.core.drops.claims import Outcome
from server.core.drops.drops import DropState
from server.desk.feed.feed import Feed
from server.flows.drops.drop_service import DropService
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.faults.interruptions import interpose, once
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio


async def test_a_unit_sold_by_a_desk_rebuilt_during_the_end_does_not_go_back_to_the_batch_too(
    rig: WorkerRig,
) -> None:
    rooms = rig.classroom
    drop = await rooms.opened(quantity=5)
    shard = (await rooms.row(drop.id)).shard
    await rooms.won(drop.id, "s1")

    async def rebuilt(*_: object) -> None:
        await rig.fence.shut(shard)
        assert await rig.rebuilder.rebuild(shard, now_ms())
        assert await rooms.tap(drop.id, "s2") is Outcome.WON

    feed = Feed(rig.desk.redis, rig.desk.prefix)
    interpose(feed, "publish", before=once(rebuilt))
    await DropService(rig.ledger, rig.desk.drops, feed, "teacher").close(drop.id, ROOM, now_ms())
    await rig.confirm(drop.id)

    row = await rooms.row(drop.id)
    assert row.state is DropState.CLOSED
    assert set(await rig.live(drop.id)) == {"s1", "s2"}
    assert row.returned == 3
    assert (await rooms.batch(drop.batch_id)).allotted == 2
    assert await rooms.tap(drop.id, "s3") is Outcome.CLOSED
    assert granted(await rooms.drops.close(drop.id, ROOM, now_ms())).returned == 3
