"""A desk that lost data is rebuilt from the ledger: holders, limits, free units, counters, windows.

Until then it sells nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drop_rules import DropForm, Start
from server.core.drops.drops import DropState
from server.core.ids import StudentId
from server.desk.feed.feed_messages import FeedKind
from server.desk.keys import SHARDS, RoomKeys
from server.desk.shards import fence as fence_module
from server.flows.consistency.rebuild import rebuild_desk
from server.flows.drops.intents.drive_intents import drive_pending
from server.ledger import tables
from server.worker import fence_recovery
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.faults.interruptions import copy_of, crash, dies, hang_up, interpose, once
from tests.support.faults.killed_at_hop import KilledError, drops_killed_at
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import WorkerRig, desk_state, everybody, lost, restarted, taps

pytestmark = pytest.mark.asyncio


async def release(rig: WorkerRig, drop_id: str, student: str) -> None:
    """Release the claim as the end of a hold does: in the ledger first."""
    row = await rig.classroom.row(drop_id)
    async with rig.ledger.begin() as conn:
        of_student = tables.claims.c.student == student
        await conn.execute(update(tables.claims).where(of_student).values(state="released"))
        claim_id = (await conn.scalars(select(tables.claims.c.id).where(of_student))).one()
    assert await rig.desk.drops.release(row.shard, drop_id, {StudentId(student): claim_id})


class TestEqualToTheLedger:
    @pytest.mark.parametrize("loss", [lost, restarted])
    async def test_an_open_drop_is_as_it_was(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer, loss: Callable[..., object]
    ) -> None:
        """The drop has a top-up, an extension, a unit that came back and a student with two slots."""
        rig, rooms = flushable_rig, flushable_rig.classroom
        batch = await rooms.made_batch(per_student=2)
        other = await rooms.opened(batch)
        await rooms.won(other.id, "s1")
        drop = await rooms.opened(batch, quantity=5)
        await rooms.won(drop.id, *everybody(4))
        granted(await rooms.drops.top_up(drop.id, ROOM, 3, 5, now_ms()))
        granted(await rooms.drops.extend(drop.id, ROOM, 30, drop.closes_at or 0, now_ms()))
        await rig.confirm(drop.id)
        await release(rig, drop.id, "s2")
        before = await desk_state(rig, drop.id), await desk_state(rig, other.id)
        await loss(rig, flushable_redis)  # type: ignore[misc]
        await rig.rebuild_all()

        assert (await desk_state(rig, drop.id), await desk_state(rig, other.id)) == before
        assert before[0].fields["live"] == "3"
        assert before[0].free == (2,)
        assert before[0].slots["s1"] == ",1,2,"

    async def test_it_goes_on_selling_what_is_free_and_nothing_else(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened(quantity=5)
        await rooms.won(drop.id, *everybody(3))
        await rig.confirm(drop.id)
        await release(rig, drop.id, "s1")
        await lost(rig, flushable_redis)
        await rig.rebuild_all()
        outcomes = await taps(rig, drop.id, "s1", "s2", *everybody(4, start=10))

        assert outcomes == {
            "s1": Outcome.RELEASED,
            "s2": Outcome.WON,  # the same request: it is repeated
            "s10": Outcome.WON,
            "s11": Outcome.WON,
            "s12": Outcome.WON,
            "s13": Outcome.SOLD_OUT,
        }
        await rig.confirm(drop.id)
        assert sorted((await rig.live(drop.id)).values()) == [1, 2, 3, 4, 5]

    async def test_a_repeated_request_gets_the_same_claim_with_its_coupon(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened()
        await rooms.won(drop.id, "s1")
        await rig.confirm(drop.id)
        row = await rooms.row(drop.id)
        ((before,),) = await rig.desk.drops.claims_of([(row.shard, drop.id, ["s1"])])
        await lost(rig, flushable_redis)
        await rig.rebuild_all()
        ((after,),) = await rig.desk.drops.claims_of([(row.shard, drop.id, ["s1"])])

        assert after == before
        assert after is not None
        assert after.state is ClaimState.CONFIRMED
        assert await rooms.tap(drop.id, "s1") is Outcome.WON
        assert await rooms.tap(drop.id, "s1", "another") is Outcome.ALREADY_WON

    async def test_the_limit_of_a_batch_holds_over_drops(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        batch = await rooms.made_batch()
        first, second = await rooms.opened(batch), await rooms.opened(batch)
        await rooms.won(first.id, "s1")
        await rig.confirm(first.id)
        await lost(rig, flushable_redis)
        await rig.rebuild_all()

        assert await rooms.tap(second.id, "s1") is Outcome.LIMIT_REACHED

    async def test_a_closed_drop_stays_closed(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened()
        await rooms.won(drop.id, "s1")
        await rig.confirm(drop.id)
        granted(await rooms.drops.close(drop.id, ROOM, now_ms()))
        row = await rooms.row(drop.id)
        before = await rig.desk.drops.close(row.shard, drop.id, only_if_over=False)
        await lost(rig, flushable_redis)
        await rig.rebuild_all()

        assert await taps(rig, drop.id, "s1", "s2") == {
            "s1": Outcome.WON,
            "s2": Outcome.CLOSED,
        }
        assert await rig.desk.drops.close(row.shard, drop.id, only_if_over=False) == before
        assert 0 < await rig.desk.redis.ttl(rig.desk.keys(row.shard).drop(drop.id)) <= 86_400

    async def test_a_drop_that_was_closed_before_it_was_ever_opened_is_no_obstacle(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        """The desk has no units of the drop at all."""
        rig, rooms = flushable_rig, flushable_rig.classroom
        batch = await rooms.made_batch()
        form = DropForm(batch.id, 10, 60, start=Start.PREPARED)
        prepared = granted(await rooms.drops.create(ROOM, form, None, now_ms()))
        granted(await rooms.drops.close(prepared.id, ROOM, now_ms()))
        drop = await rooms.opened(batch)
        await lost(rig, flushable_redis)
        await rig.rebuild_all()

        assert await rooms.tap(prepared.id, "s1") is Outcome.CLOSED
        assert await rooms.tap(drop.id, "s1") is Outcome.WON

    async def test_an_opening_under_way_can_be_finished(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        batch = await rooms.made_batch()
        with pytest.raises(KilledError):
            await drops_killed_at(rooms, "after", "open").create(
                ROOM, DropForm(batch.id, 3, 60), None, now_ms()
            )
        await lost(rig, flushable_redis)
        await rig.rebuild_all()
        await drive_pending(rooms.stores, 0, now_ms())
        (drop,) = granted(await rooms.drops.list_for_room(ROOM, 10, None, now_ms()))

        assert drop.state is DropState.OPEN
        assert set((await taps(rig, drop.id, *everybody(3))).values()) == {Outcome.WON}
        assert await rooms.tap(drop.id, "s4") is Outcome.SOLD_OUT

    async def test_the_window_that_a_room_was_told_of_is_kept_over_a_restart(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        """The process died before the ledger had the window; students who have won keep their claims."""
        rig, rooms = flushable_rig, flushable_rig.classroom
        batch = await rooms.made_batch()
        with pytest.raises(KilledError):
            await drops_killed_at(rooms, "after", "publish").create(
                ROOM, DropForm(batch.id, 3, 60), None, now_ms()
            )
        (told,) = await rooms.told()
        await rooms.won(told.drop.id, "s1")
        await restarted(rig, flushable_redis)
        await rig.rebuild_all()
        await drive_pending(rooms.stores, 0, now_ms())
        row = await rooms.row(told.drop.id)

        assert row.window == told.drop.window
        assert await rooms.tap(told.drop.id, "s1") is Outcome.WON
        assert await rig.live(told.drop.id) == {"s1": 1}

    async def test_a_revoked_claim_holds_nothing(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened(quantity=1)
        await rooms.won(drop.id, "s1")
        await rig.confirm(drop.id)
        async with rig.ledger.begin() as conn:
            await conn.execute(update(tables.claims).values(state="revoked"))
        await lost(rig, flushable_redis)
        await rig.rebuild_all()

        assert await rooms.tap(drop.id, "s2") is Outcome.WON

    async def test_a_claim_that_counts_is_shown_and_not_a_revoked_one_of_its_student(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        """Whichever of the two was won first."""
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened(quantity=2)
        await rooms.won(drop.id, "s1", "s2")
        await rig.confirm(drop.id)
        revoked = [
            await rig.entry(drop.id, "s1", 1, is_given_up=True, won_at=1),
            await rig.entry(drop.id, "s2", 2, is_given_up=True, won_at=now_ms() + 60_000),
        ]
        await rig.persister.write(revoked, now_ms())
        assert len(await rig.rows(drop.id)) == 4
        await lost(rig, flushable_redis)
        await rig.rebuild_all()

        row = await rooms.row(drop.id)
        (held,) = await rig.desk.drops.claims_of([(row.shard, drop.id, ["s1", "s2"])])
        assert [one and one.state for one in held] == [ClaimState.CONFIRMED] * 2

    async def test_a_dead_letter_keeps_its_unit_and_its_student_what_they_were_told(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened(quantity=3)
        await rooms.won(drop.id, "s1")
        bad = await rig.entry(drop.id, "eve", 2, per_student=2)
        await rig.slip_in(bad)
        await rig.loop.step()
        assert await rig.dead_letters() == [bad.claim_id]
        await lost(rig, flushable_redis)
        await rig.rebuild_all()
        outcomes = await taps(rig, drop.id, "eve", "s1", "s2", "s3")

        assert outcomes == {
            "eve": Outcome.WON,
            "s1": Outcome.WON,
            "s2": Outcome.WON,
            "s3": Outcome.SOLD_OUT,
        }
        await rig.confirm(drop.id)
        assert await rig.live(drop.id) == {"s1": 1, "s2": 3}

    async def test_a_dead_letter_whose_unit_is_taken_gets_another(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        """There are two dead letters and one unit more: doctor decides about it, not a rebuild that sells the
        unit.
        """
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened(quantity=3)
        await rooms.won(drop.id, "s1")
        await rig.confirm(drop.id)
        for student in ("eve", "zoe"):
            await rig.slip_in(await rig.entry(drop.id, student, 1, per_student=2))
        await rig.loop.step()
        assert len(await rig.dead_letters()) == 2
        await lost(rig, flushable_redis)
        await rig.rebuild_all()

        assert await taps(rig, drop.id, "eve", "zoe", "s1", "s2") == {
            "eve": Outcome.WON,
            "zoe": Outcome.WON,
            "s1": Outcome.WON,
            "s2": Outcome.SOLD_OUT,
        }

    async def test_a_dead_letter_counts_for_the_limit_of_its_batch(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        batch = await rooms.made_batch()
        drop = await rooms.opened(batch)
        bad = await rig.entry(drop.id, "eve", 1, per_student=2)  # which no transaction takes
        await rig.slip_in(bad)
        await rig.loop.step()
        assert await rig.dead_letters() == [bad.claim_id]
        await lost(rig, flushable_redis)
        await rig.rebuild_all()
        another = await rooms.opened(batch)

        assert await taps(rig, another.id, "eve") == {"eve": Outcome.LIMIT_REACHED}

    async def test_a_large_drop_is_loaded_in_pieces(
        self,
        flushable_rig: WorkerRig,
        flushable_redis: RedisServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened(quantity=30)
        await rooms.won(drop.id, *everybody(25))
        await rig.confirm(drop.id)
        for number in (1, 5, 9, 13, 17, 21):
            await release(rig, drop.id, f"s{number}")
        before = await desk_state(rig, drop.id)
        monkeypatch.setattr(fence_module, "_AT_ONCE", 4)
        await lost(rig, flushable_redis)
        await rig.rebuild_all()

        assert await desk_state(rig, drop.id) == before
        assert len(before.free) == 6


class TestHowLong:
    async def test_all_shards_take_a_few_calls_each(
        self,
        flushable_rig: WorkerRig,
        flushable_redis: RedisServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A worker may be 20 ms away from Redis: what counts is how often it asks."""
        rig = flushable_rig
        drop = await rig.classroom.opened()
        await rig.classroom.won(drop.id, *everybody(3))
        await restarted(rig, flushable_redis)
        asked: list[object] = []
        pool = rig.desk.redis.connection_pool
        interpose(
            pool.connection_class, "send_packed_command", before=lambda *said: asked.append(said)
        )
        monkeypatch.setattr(fence_recovery, "LOOK_SECONDS", 60)  # waits for all, however slow
        await rig.worker.jobs.claims.rebuild_shards()

        # Lease, group, outbox, stops, armed; some more for the drop and scripts. How often it connects is
        # left out: several shards at once have a connection each.
        assert await rig.fence.shut_shards() == []
        calls = [one for one in asked if not any(word in str(one) for word in ("HELLO", "SETINFO"))]
        assert len(calls) < 5 * SHARDS + 40

    async def test_what_is_open_comes_first(
        self,
        flushable_rig: WorkerRig,
        flushable_redis: RedisServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        batches = [await rooms.made_batch() for _ in range(12)]
        batch = max(batches, key=lambda one: one.shard)
        drop = await rooms.opened(batch)
        shard = (await rooms.row(drop.id)).shard
        begun: list[int] = []  # several at once, so they end in any order
        interpose(
            rig.rebuilder.fence, "take_lease", before=lambda shard, *_, **__: begun.append(shard)
        )
        await lost(rig, flushable_redis)
        monkeypatch.setattr(fence_recovery, "LOOK_SECONDS", 60)  # waits for all, however slow
        await rig.worker.jobs.claims.rebuild_shards()

        assert begun == [shard, *(n for n in range(SHARDS) if n != shard)]

    async def test_a_long_outbox_does_not_cost_the_lease(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Otherwise a rebuild whose outbox takes longer than the lease would start over for ever."""
        drop = await rig.classroom.opened(quantity=4)
        await rig.classroom.won(drop.id, *everybody(4))
        shard = (await rig.classroom.row(drop.id)).shard
        await rig.fence.shut(shard)
        monkeypatch.setattr(rebuild_desk, "AT_ONCE", 1)

        async def runs_out(*_: object) -> None:
            await rig.desk.redis.delete(rig.desk.keys(shard).lease)

        interpose(rig.rebuilder.persister, "write", before=runs_out)
        assert await rig.rebuilder.rebuild(shard, now_ms())


class TestOutbox:
    async def test_what_was_won_and_not_recorded_is_recorded_first(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened(quantity=3)
        await rooms.won(drop.id, "s1", "s2")
        await restarted(rig, flushable_redis)
        await rig.rebuild_all()

        assert await rig.live(drop.id) == {"s1": 1, "s2": 2}
        assert await taps(rig, drop.id, "s1", "s3", "s4") == {
            "s1": Outcome.WON,
            "s3": Outcome.WON,
            "s4": Outcome.SOLD_OUT,
        }

    async def test_a_worker_has_them_afterwards_and_tells_the_room(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened(quantity=3)
        await rooms.won(drop.id, "s1", "s2")
        await restarted(rig, flushable_redis)
        await rig.rebuild_all()
        result = await rig.record((await rooms.row(drop.id)).shard)

        assert {c.student for c in result.coupons} == {"s1", "s2"}

    async def test_a_claim_that_comes_into_the_ledger_behind_the_load_shuts_the_desk_again(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer, tmp_path: Path
    ) -> None:
        """A worker has read the entry from the Redis that is gone."""
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened(quantity=2)
        shard = (await rooms.row(drop.id)).shard
        copy = copy_of(flushable_redis, tmp_path / "copy")
        await rooms.won(drop.id, "s1")
        entries = await rig.outbox.read_all(shard)
        copy.restore()
        await hang_up(rig.desk)
        await rig.rebuild_all()
        await rig.persister.persist(entries, now_ms())
        assert await rig.fence.shut_shards() == [shard]

        await rig.rebuild_all()
        assert await taps(rig, drop.id, "s1", "s2", "s3") == {
            "s1": Outcome.WON,
            "s2": Outcome.WON,
            "s3": Outcome.SOLD_OUT,
        }


class TestOlderCopy:
    async def test_it_is_brought_up_to_the_ledger(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer, tmp_path: Path
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened(quantity=6)
        await rooms.won(drop.id, "s1", "s2")
        copy = copy_of(flushable_redis, tmp_path / "copy")
        await rooms.won(drop.id, "s3", "s4")
        await rig.confirm(drop.id)
        await release(rig, drop.id, "s1")
        before = await desk_state(rig, drop.id)
        copy.restore()
        await hang_up(rig.desk)
        assert set((await taps(rig, drop.id, "s5", "s6")).values()) == {Outcome.RETRY}
        await rig.rebuild_all()

        assert await desk_state(rig, drop.id) == before

    async def test_a_drop_that_was_closed_since_is_closed_on_the_desk_and_in_its_room(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer, tmp_path: Path
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened()
        copy = copy_of(flushable_redis, tmp_path / "copy")
        granted(await rooms.drops.close(drop.id, ROOM, now_ms()))
        copy.restore()
        await hang_up(rig.desk)
        await rig.rebuild_all()
        (shown,) = (await rig.feed.state(ROOM)).drops

        assert await rooms.tap(drop.id, "s1") is Outcome.CLOSED
        assert shown.closed_at == (await rooms.row(drop.id)).closed_at
        assert [one.kind for one in await rooms.told()] == [FeedKind.CLOSED]


class TestRoom:
    async def test_it_shows_the_open_drops_again_in_a_new_epoch(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        first, second = await rooms.opened(), await rooms.opened()
        granted(await rooms.drops.close(second.id, ROOM, now_ms()))
        before = await rig.feed.state(ROOM)
        await lost(rig, flushable_redis)
        await rig.rebuild_all()
        after = await rig.feed.state(ROOM)

        assert after.epoch != before.epoch
        assert [drop.id for drop in after.drops] == [first.id]
        assert after.drops[0] == next(drop for drop in before.drops if drop.id == first.id)

    async def test_it_is_told_before_the_desk_sells(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        """Otherwise a death in between would leave a room without drops, and no process to publish them."""
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened()
        await lost(rig, flushable_redis)
        interpose(rig.fence, "arm", before=once(crash))
        with dies():
            await rig.rebuilder.rebuild((await rooms.row(drop.id)).shard, now_ms())

        assert [shown.id for shown in (await rig.feed.state(ROOM)).drops] == [drop.id]
        assert await rooms.tap(drop.id, "s1") is Outcome.RETRY

    async def test_a_loss_after_a_rebuild_that_failed_is_told_as_well(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer, tmp_path: Path
    ) -> None:
        """The epoch of the one that failed was never committed, and is used again."""
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened()
        await lost(rig, flushable_redis)
        interpose(rig.fence, "arm", before=once(crash))
        with dies():
            await rig.rebuilder.rebuild((await rooms.row(drop.id)).shard, now_ms())
        await rig.desk.redis.delete(RoomKeys(rig.desk.prefix, ROOM).drops)
        await restarted(rig, flushable_redis)
        await rig.rebuild_all()

        assert [shown.id for shown in (await rig.feed.state(ROOM)).drops] == [drop.id]
