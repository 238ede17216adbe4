"""A desk that is rebuilt between two steps of an opening, a top-up, an extension or a close, or between two
steps of another rebuild, or of the same one, which dies."""

from collections.abc import Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.claims import Outcome
from server.core.drops.drop_rules import DropForm
from server.core.drops.drops import DropState
from server.flows.drops.drop_service import DropService
from server.flows.drops.intents.drive_intents import drive_pending
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.faults.interruptions import CrashError, crash, interpose, once
from tests.support.worker_rig import WorkerRig, desk_state, everybody, taps

pytestmark = pytest.mark.asyncio


async def flushed(rig: WorkerRig) -> None:
    """Empty Redis while it runs, and rebuild the desk from the ledger."""
    await rig.desk.redis.flushall()
    await rig.outbox.make_groups()
    await rig.rebuild_all()


async def reloaded(rig: WorkerRig) -> None:
    """Rebuild the desk as after a conflict: Redis has lost nothing."""
    for shard in range(16):
        await rig.fence.shut(shard)
    await rig.rebuild_all()


LOADS = pytest.mark.parametrize("load", [flushed, reloaded])


def interrupted(rig: WorkerRig, hop: str, load: Callable[[WorkerRig], object]) -> DropService:
    """Return flows whose desk is rebuilt right after that step, before the ledger has its outcome."""
    drops = rig.classroom.drops
    interpose(drops._stores.desk, hop, after=once(lambda *_: load(rig)))
    return drops


@pytest.fixture
def rig(flushable_rig: WorkerRig) -> WorkerRig:
    return flushable_rig


class TestAfterTheDeskAndBeforeTheLedger:
    @LOADS
    async def test_a_close_is_closed_on_the_new_desk_too(
        self, rig: WorkerRig, load: Callable[[WorkerRig], object]
    ) -> None:
        drop = await rig.classroom.opened(quantity=3)
        await rig.classroom.won(drop.id, "s1")
        await rig.confirm(drop.id)
        closed = granted(await interrupted(rig, "close", load).close(drop.id, ROOM, now_ms()))

        assert closed.state is DropState.CLOSED
        assert await rig.classroom.tap(drop.id, "s2") is Outcome.CLOSED
        assert (await rig.classroom.row(drop.id)).returned == 2

    async def test_control_without_a_look_at_the_epoch_units_that_went_back_are_sold(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def trust(conn: AsyncConnection, drop_id: str, _epoch: int) -> DropRow | None:
            return await drops.find_for_update(conn, drop_id)

        monkeypatch.setattr(drops, "find_for_update_on_desk", trust)
        drop = await rig.classroom.opened(quantity=3)
        granted(await interrupted(rig, "close", reloaded).close(drop.id, ROOM, now_ms()))
        assert (await rig.classroom.row(drop.id)).returned == 3
        assert await rig.classroom.tap(drop.id, "s2") is Outcome.WON

    @LOADS
    async def test_an_extension_holds(
        self, rig: WorkerRig, load: Callable[[WorkerRig], object]
    ) -> None:
        drop = await rig.classroom.opened()
        moved = granted(
            await interrupted(rig, "extend", load).extend(
                drop.id, ROOM, 30, drop.closes_at or 0, now_ms()
            )
        )
        row = await rig.classroom.row(drop.id)
        counts = await rig.desk.drops.counts(row.shard, drop.id)

        assert moved.closes_at == row.closes_at == (drop.closes_at or 0) + 30_000
        assert counts is not None
        assert counts.window == row.window

    @LOADS
    async def test_an_opening_can_be_claimed(
        self, rig: WorkerRig, load: Callable[[WorkerRig], object]
    ) -> None:
        batch = await rig.classroom.made_batch()
        drop = granted(
            await interrupted(rig, "open", load).create(
                ROOM, DropForm(batch.id, 2, 60), None, now_ms()
            )
        )
        row = await rig.classroom.row(drop.id)
        counts = await rig.desk.drops.counts(row.shard, drop.id)

        assert counts is not None
        assert counts.window == row.window
        assert set((await taps(rig, drop.id, *everybody(2))).values()) == {Outcome.WON}
        assert [told.drop.window for told in await rig.classroom.told()][-1] == row.window

    @LOADS
    async def test_a_top_up_is_there(
        self, rig: WorkerRig, load: Callable[[WorkerRig], object]
    ) -> None:
        drop = await rig.classroom.opened(quantity=1)
        granted(await interrupted(rig, "add_units", load).top_up(drop.id, ROOM, 2, 1, now_ms()))
        assert list((await taps(rig, drop.id, *everybody(4))).values()) == [
            *[Outcome.WON] * 3,
            Outcome.SOLD_OUT,
        ]


class TestWhileItIsLoaded:
    """Everything about a drop is requested while the fence is shut, and done when it is armed."""

    async def test_what_a_teacher_asks_for_is_done_afterwards(self, rig: WorkerRig) -> None:
        rooms = rig.classroom
        batch = await rooms.made_batch()
        first, second, third = [await rooms.opened(batch, quantity=1) for _ in range(3)]

        async def ask(*_: object) -> None:
            now = now_ms()
            form = DropForm(batch.id, 2, 60)
            await rooms.drops.create(ROOM, form, None, now)
            await rooms.drops.top_up(first.id, ROOM, 1, 1, now)
            await rooms.drops.extend(second.id, ROOM, 30, second.closes_at or 0, now)
            await rooms.drops.close(third.id, ROOM, now)

        shard = (await rooms.row(first.id)).shard
        await rig.fence.shut(shard)
        # Before the rebuild's transaction: on SQLite there is one writer.
        interpose(rig.rebuilder.outbox, "make_group", after=once(ask))
        assert await rig.rebuilder.rebuild(shard, now_ms())
        await drive_pending(rooms.stores, 0, now_ms())
        new, *_ = granted(await rooms.drops.list_for_room(ROOM, 10, None, now_ms()))

        assert await rooms.unfinished() == []
        assert new.state is DropState.OPEN
        assert (await rooms.row(second.id)).closes_at == (second.closes_at or 0) + 30_000
        assert await rooms.tap(third.id, "s9") is Outcome.CLOSED
        assert (await taps(rig, first.id, "s1")) == {"s1": Outcome.WON}
        assert (await rooms.view(first.id)).quantity == 2


STEPS = [
    ("fence", "take_lease"),
    ("outbox", "make_group"),
    ("outbox", "read_all"),
    ("persister", "write"),
    ("fence", "load_drop"),
    ("fence", "load_caps"),
    ("feed", "publish"),
    ("fence", "arm"),
]


@pytest.mark.parametrize(("part", "call"), STEPS)
async def test_wherever_a_worker_dies_the_next_one_finishes(
    rig: WorkerRig, part: str, call: str
) -> None:
    """The worker dies just after each step; one win is only in the outbox."""
    drop = await rig.classroom.opened(quantity=2)
    await rig.classroom.won(drop.id, "s1")
    shard = (await rig.classroom.row(drop.id)).shard
    await rig.fence.shut(shard)
    dead = rig.another("wrk_dead")
    interpose(getattr(dead, part), call, after=once(crash))
    with pytest.raises(CrashError):
        await dead.rebuilder.rebuild(shard, now_ms())
    if call != "arm":
        assert await rig.classroom.tap(drop.id, "s2") is Outcome.RETRY

    await rig.desk.redis.delete(rig.desk.keys(shard).lease)  # it has run out
    assert await rig.rebuilder.rebuild(shard, now_ms())
    await rig.confirm(drop.id)
    before = await desk_state(rig, drop.id)
    await reloaded(rig)
    assert await desk_state(rig, drop.id) == before
    assert await taps(rig, drop.id, "s1", "s2", "s3") == {
        "s1": Outcome.WON,
        "s2": Outcome.WON,
        "s3": Outcome.SOLD_OUT,
    }


async def test_a_desk_that_was_armed_by_one_that_died_is_known_by_its_epoch(rig: WorkerRig) -> None:
    """The rebuild's transaction was never committed.

    Otherwise a process that had closed a drop before would take this desk for the one on which it did.
    """
    drop = await rig.classroom.opened(quantity=3)
    shard = (await rig.classroom.row(drop.id)).shard

    async def dies_when_armed(*_: object) -> None:
        dead = rig.another("wrk_dead")
        interpose(dead.fence, "arm", after=crash)
        await rig.fence.shut(shard)
        with pytest.raises(CrashError):
            await dead.rebuilder.rebuild(shard, now_ms())

    drops = rig.classroom.drops
    interpose(drops._stores.desk, "close", after=once(dies_when_armed))
    granted(await drops.close(drop.id, ROOM, now_ms()))
    assert await rig.classroom.tap(drop.id, "s1") is Outcome.CLOSED
