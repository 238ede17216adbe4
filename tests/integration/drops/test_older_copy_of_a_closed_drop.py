"""Redis comes back as it was before a drop was closed, with wins that the close did not know."""

from pathlib import Path

import pytest
import pytest_asyncio

from server.core.drops.claims import Outcome
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.faults.interruptions import copy_of, hang_up
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import WorkerRig, lost

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def batch_id(flushable_rig: WorkerRig, flushable_redis: RedisServer, tmp_path: Path) -> str:
    """A drop of two units: s1 has won of it, was lost with Redis, and comes back when all units have gone
    back to the batch."""
    rig, rooms = flushable_rig, flushable_rig.classroom
    drop = await rooms.opened(quantity=2)
    await rooms.won(drop.id, "s1")
    copy = copy_of(flushable_redis, tmp_path / "copy")
    await lost(rig, flushable_redis)
    await rig.rebuild_all()
    assert granted(await rooms.drops.close(drop.id, ROOM, now_ms())).returned == 2
    copy.restore()
    await hang_up(rig.desk)
    await rig.rebuild_all()
    return drop.batch_id


async def test_no_unit_is_in_the_batch_and_in_a_wallet(
    flushable_rig: WorkerRig, batch_id: str
) -> None:
    (drop,) = granted(await flushable_rig.classroom.drops.list_for_room(ROOM, 10, None, now_ms()))
    assert drop.quantity == drop.returned + len(await flushable_rig.live(drop.id))
    assert (await flushable_rig.classroom.batch(batch_id)).allotted == 0


async def test_who_lost_it_may_claim_from_the_batch_again(
    flushable_rig: WorkerRig, batch_id: str
) -> None:
    rooms = flushable_rig.classroom
    again = await rooms.opened(await rooms.batch(batch_id))
    assert await rooms.tap(again.id, "s1") is Outcome.WON
