"""A desk that lost everything is as it was, for every kind of drop: draws, reopened ones, those that end by
hand or by the clock, links, tasks."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from server.core.drops.claims import Outcome
from server.core.drops.drop_ends import DropEnd
from server.core.drops.drops import DropState, EndsBy
from server.core.drops.tasks import EventTask
from server.core.ids import DropId
from server.core.links.links import LinkForm, LinkState
from server.flows.draws.drive_draws import drive_draws
from server.flows.drops.changes import reopen_drop
from server.flows.drops.changes.reopen_drop import ReopenForm
from server.flows.drops.intents.drive_intents import drive_pending
from server.flows.links.links import LinkChange, change_link, make_link
from server.flows.tasks.tell_passes import tell_passes
from server.ledger.tasks import passes
from server.ledger.tasks.passes import Pass
from tests.integration.draws.test_draws import draw_with, drawn_order, enter
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import WorkerRig, desk_state, everybody, lost, restarted

pytestmark = pytest.mark.asyncio
MINUTE = DropEnd(EndsBy.DURATION, 60)
UNKNOWN = "taps"  # a lost desk does not know them: each win counts as one

Build = Callable[[WorkerRig], Awaitable[str]]


async def open_draw(rig: WorkerRig) -> str:
    drop_id = await draw_with(rig, 5)
    await drive_draws(rig.stores, now_ms())
    return drop_id


async def over_draw(rig: WorkerRig) -> str:
    """Over, and no worker has drawn yet."""
    drop_id = await open_draw(rig)
    granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
    return drop_id


async def done_draw(rig: WorkerRig) -> str:
    drop_id = await over_draw(rig)
    await drive_draws(rig.stores, now_ms())
    await rig.confirm(drop_id)
    return drop_id


async def open_end(rig: WorkerRig) -> str:
    drop = await rig.classroom.opened(ends=DropEnd(EndsBy.HAND))
    return await with_winners(rig, drop.id)


async def end_by_the_clock(rig: WorkerRig) -> str:
    drop = await rig.classroom.opened(ends=DropEnd(EndsBy.CLOCK, at=now_ms() + 90_000))
    return await with_winners(rig, drop.id)


async def reopened(rig: WorkerRig) -> str:
    """Reopen it with fewer units than have a number of it."""
    drop = await rig.classroom.opened(quantity=8)
    await with_winners(rig, drop.id)
    granted(await rig.classroom.drops.close(drop.id, ROOM, now_ms()))
    granted(await rig.classroom.drops.reopen(drop.id, ROOM, ReopenForm(3, MINUTE), now_ms()))
    await rig.classroom.won(drop.id, "n1")
    await rig.confirm(drop.id)
    return drop.id


async def link(rig: WorkerRig) -> str:
    """Paused, after its window was moved."""
    batch = await rig.classroom.made_batch()
    made = granted(await make_link(rig.stores, LinkForm(batch.id, "wechat", 5), None, now_ms()))
    await with_winners(rig, made.link.drop_id)
    paused = LinkChange(state=LinkState.PAUSED)
    for change in (paused, LinkChange(state=LinkState.ACTIVE), paused):
        granted(await change_link(rig.stores, made.id, change, now_ms()))
    return made.link.drop_id


async def with_winners(rig: WorkerRig, drop_id: str) -> str:
    await rig.classroom.won(drop_id, *everybody(3))
    await rig.confirm(drop_id)
    return drop_id


async def seen(rig: WorkerRig, drop_id: str) -> tuple[object, ...]:
    """Return all that the desk has of the drop."""
    row = await rig.classroom.row(drop_id)
    keys, redis = rig.desk.keys(row.shard), rig.desk.redis
    state = await desk_state(rig, drop_id)
    fields = {name: value for name, value in state.fields.items() if name != UNKNOWN}
    entered: Any = await redis.hgetall(keys.entrants(drop_id))
    ends = [await redis.ttl(name(drop_id)) > 0 for name in (keys.drop, keys.entrants)]
    is_closed = row.state is DropState.CLOSED
    slots = {} if is_closed else state.slots  # of closed drops they are loaded when they are needed
    return fields, state.holders, state.free, slots, entered, ends


@pytest.mark.parametrize(
    "build", [open_draw, over_draw, done_draw, open_end, end_by_the_clock, reopened, link]
)
async def test_the_desk_is_as_it_was(
    flushable_rig: WorkerRig, flushable_redis: RedisServer, build: Build
) -> None:
    rig = flushable_rig
    drop_id = await build(rig)
    before = await seen(rig, drop_id)
    await lost(rig, flushable_redis)
    await rig.rebuild_all()

    assert await seen(rig, drop_id) == before


async def test_a_draw_that_is_over_is_drawn_by_the_new_desk_as_by_the_old(
    flushable_rig: WorkerRig, flushable_redis: RedisServer
) -> None:
    rig = flushable_rig
    drop_id = await over_draw(rig)
    await lost(rig, flushable_redis)
    await rig.rebuild_all()
    assert (await enter(rig, drop_id, "late")).outcome is Outcome.CLOSED
    await drive_draws(rig.stores, now_ms())
    await rig.confirm(drop_id)
    assert set(await rig.live(drop_id)) == set((await drawn_order(rig, drop_id))[:3])


@pytest.mark.parametrize("loss", [lost, restarted])
async def test_a_reopening_under_way_sells_nothing_before_it_is_finished(
    flushable_rig: WorkerRig,
    flushable_redis: RedisServer,
    loss: Callable[..., Awaitable[None]],
) -> None:
    """The window of the opening before, which its teacher has ended, is no window any more."""
    rig = flushable_rig
    drop = await rig.classroom.opened(quantity=8)
    await with_winners(rig, drop.id)
    granted(await rig.classroom.drops.close(drop.id, ROOM, now_ms()))
    form = ReopenForm(2, MINUTE)
    await reopen_drop.write_reopening(rig.stores, drop.id, ROOM, form, now_ms())
    await loss(rig, flushable_redis)
    await rig.rebuild_all()

    assert await rig.classroom.tap(drop.id, "early") is Outcome.CLOSED
    await drive_pending(rig.stores, 0, now_ms())
    await rig.classroom.won(drop.id, "n1", "n2")
    assert await rig.classroom.tap(drop.id, "n3") is Outcome.SOLD_OUT


async def test_a_pass_that_the_ledger_knows_is_told_to_the_new_desk(
    flushable_rig: WorkerRig, flushable_redis: RedisServer
) -> None:
    rig = flushable_rig
    drop = await rig.classroom.opened(task=EventTask("x.form"))
    async with rig.ledger.begin() as conn:
        await passes.insert(conn, [Pass(DropId(drop.id), "s1", now_ms())])
    await tell_passes(rig.stores)
    await lost(rig, flushable_redis)
    await rig.rebuild_all()
    assert await rig.classroom.tap(drop.id, "s1") is Outcome.TASK_OPEN
    await tell_passes(rig.stores)
    assert await rig.classroom.tap(drop.id, "s1") is Outcome.WON
    assert await rig.classroom.tap(drop.id, "s2") is Outcome.TASK_OPEN
