"""kill -9 at each step between `won` and `confirmed`: each winner gets one coupon, and nobody is ever told
of another code than the one that the ledger keeps."""

import pytest

from server.core.links.links import LinkForm
from server.flows.links.links import make_link
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.eventually import eventually
from tests.support.servers.crash_points import (
    ACKNOWLEDGE,
    CONFIRM,
    PUBLISH_CONFIRMATIONS,
    READ_BACK,
    CrashPoint,
    CrashSite,
)
from tests.support.worker_rig import at_work, everybody, is_confirmed, listening

pytestmark = pytest.mark.asyncio

UNITS = 6
WINNERS = everybody(5)

STEPS = {
    "before_the_commit": CrashPoint(*READ_BACK, "after"),
    "after_the_commit": CrashPoint(*CONFIRM, "before"),
    "after_the_desk": CrashPoint(*CONFIRM, "after"),
    "after_the_room": CrashPoint(*PUBLISH_CONFIRMATIONS, "after"),
    "after_acknowledging": CrashPoint(*ACKNOWLEDGE, "after"),
}


async def won(crash_site: CrashSite) -> str:
    drop = await crash_site.rig.classroom.opened(quantity=UNITS)
    await crash_site.rig.classroom.won(drop.id, *WINNERS)
    return drop.id


async def won_by_link(crash_site: CrashSite) -> str:
    rooms = crash_site.rig.classroom
    batch = await rooms.made_batch()
    form = LinkForm(batch_id=batch.id, channel="poster", quantity=UNITS)
    link = granted(await make_link(rooms.stores, form, None, now_ms())).link
    await rooms.won(link.drop_id, *WINNERS)
    return link.drop_id


async def assert_all_confirmed(crash_site: CrashSite, drop_id: str) -> None:
    rig = crash_site.rig
    await eventually(lambda: is_confirmed(rig, drop_id, *WINNERS), 10)
    assert set(await rig.live(drop_id)) == set(WINNERS)
    assert set(await rig.codes(drop_id)) == set(WINNERS)
    assert len(await rig.rows(drop_id)) == len(WINNERS)
    assert await rig.dead_letters() == []
    # A worker of its own process acknowledges when it gets to it.
    await eventually(lambda: _all_acknowledged(crash_site), 10)


async def _all_acknowledged(crash_site: CrashSite) -> bool:
    return await crash_site.rig.unacknowledged() == 0


@pytest.mark.parametrize("step", STEPS)
async def test_the_worker_dies(crash_site: CrashSite, step: str) -> None:
    drop_id = await won(crash_site)
    async with listening(crash_site.rig.desk, ROOM) as listener:
        await crash_site.start("worker", STEPS[step]).dies()
        async with at_work(crash_site.rig):
            await assert_all_confirmed(crash_site, drop_id)
        told = await listener.everything("confirmed")

    codes = await crash_site.rig.codes(drop_id)
    assert {student for student, _, _ in told} == set(WINNERS)
    assert {student: coupon["code"] for student, _, coupon in told} == codes
    assert all(coupon["code"] == codes[student] for student, _, coupon in told)


@pytest.mark.parametrize("step", STEPS)
async def test_the_worker_dies_while_a_link_is_claimed(crash_site: CrashSite, step: str) -> None:
    drop_id = await won_by_link(crash_site)
    await crash_site.start("worker", STEPS[step]).dies()
    async with at_work(crash_site.rig):
        await assert_all_confirmed(crash_site, drop_id)


@pytest.mark.parametrize("step", STEPS)
async def test_redis_dies(crash_site: CrashSite, step: str) -> None:
    """The worker lives, and makes Redis good by itself."""
    drop_id = await won(crash_site)
    crash_site.start("worker", STEPS[step], redis_dies=True)
    await crash_site.redis_returns()

    await assert_all_confirmed(crash_site, drop_id)
