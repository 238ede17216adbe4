"""Holds that end: unused units are free again, or back in their batch, whichever process dies meanwhile."""

import asyncio

import orjson
import pytest
from sqlalchemy import select

from server.core.checkout.redemptions import LOCK_LIMIT_MS, LockForm, Payment
from server.core.coupons.coupons import LEAST_HOLD_AFTER_LOCK_MS, Coupon, CouponState
from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drops import CloseReason
from server.core.instants import to_text
from server.core.promotions.batches import RoomQuota
from server.desk.drops.drop_desk import DropDesk
from server.desk.feed.feed import Feed
from server.flows.checkout.confirm_payment import confirm
from server.flows.checkout.redemptions import lock
from server.flows.checkout.unlock import cancel, expire_overdue
from server.flows.consistency.measure_difference import measure_differences
from server.flows.drops import end_holds
from server.flows.drops.intents.drive_intents import drive_pending
from server.flows.drops.intents.end_drop import end_drop
from server.flows.drops.views.drop_snapshot import read_drop_snapshot
from server.ledger import intents, tables
from server.ledger.coupons import coupons
from server.ledger.drops import drops
from tests.races.books import Books
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.builders.money import an_order
from tests.support.eventually import eventually
from tests.support.faults.interruptions import crash, dies, hang_up, interpose, once
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import WorkerRig, desk_state, everybody, listening, lost, taps

pytestmark = pytest.mark.asyncio

HOLD_SECONDS = 60
HOLD_MS = HOLD_SECONDS * 1000
EVEN_LATER = (
    -10 * LOCK_LIMIT_MS
)  # an intent that was written in the future counts as left behind, too
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def claimed(rig: WorkerRig, *students: str, quantity: int = 3, **batch: object) -> str:
    """Return a drop with a hold whose units these students have won, all of it confirmed."""
    made = await rig.classroom.made_batch(None, **{"hold_seconds": HOLD_SECONDS, **batch})
    drop = await rig.classroom.opened(made, quantity=quantity)
    await rig.classroom.won(drop.id, *students)
    await rig.loop.step()
    return drop.id


async def end_all(rig: WorkerRig, after_ms: int = HOLD_MS + 1) -> int:
    return await end_holds.end_holds(rig.stores, now_ms() + after_ms)


async def coupon_of(rig: WorkerRig, drop_id: str, student: str) -> Coupon:
    of_student = (tables.coupons.c.drop_id == drop_id) & (tables.coupons.c.student == student)
    async with rig.ledger.read() as conn:
        ids = await conn.scalars(select(tables.coupons.c.id).where(of_student))
        (coupon,) = await coupons.by_ids(conn, list(ids))
    return coupon


async def order_of(rig: WorkerRig, drop_id: str, student: str, now: int) -> str:
    """Lock the coupon on an order; return its redemption."""
    coupon = await coupon_of(rig, drop_id, student)
    form = LockForm(f"order-{student}", student, an_order(5000), (coupon.code,))
    return granted(await lock(rig.ledger, form, now)).id


async def state_of(rig: WorkerRig, drop_id: str, student: str) -> CouponState:
    return (await coupon_of(rig, drop_id, student)).state


def books_of(rig: WorkerRig) -> Books:
    return Books(rig.ledger, rig.desk.redis, rig.desk.prefix)


async def settle(rig: WorkerRig, drop_id: str) -> None:
    """Drive what was left behind; assert that desk and ledger agree on every unit."""
    await drive_pending(rig.stores, EVEN_LATER, now_ms())
    assert await rig.classroom.unfinished() == []
    await books_of(rig).settle(drop_id)


class TestOpenDrop:
    async def test_what_was_not_used_in_time_is_free_again(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1", "s2", "s3")
        assert await rig.classroom.tap(drop_id, "s4") is Outcome.SOLD_OUT
        assert await end_all(rig) == 3

        assert await taps(rig, drop_id, "s4", "s5", "s6", "s7") == {
            "s4": Outcome.WON,
            "s5": Outcome.WON,
            "s6": Outcome.WON,
            "s7": Outcome.SOLD_OUT,
        }
        await rig.loop.step()
        assert await rig.live(drop_id) == {"s4": 1, "s5": 2, "s6": 3}
        await settle(rig, drop_id)

    async def test_coupon_and_claim_say_why(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1")
        await end_all(rig)
        (row,) = await rig.rows(drop_id)

        assert await state_of(rig, drop_id, "s1") is CouponState.RELEASED
        assert (row.state, row.reason) == ("released", "hold_ended")

    async def test_who_had_it_is_told_and_cannot_have_it_again(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1")
        coupon = await coupon_of(rig, drop_id, "s1")
        async with listening(rig.desk, ROOM) as listener:
            await end_all(rig)
            told = await listener.next("lost")

        assert told == [["coupon_released", "s1", drop_id, coupon.id, "hold_ended"]]
        assert await taps(rig, drop_id, "s1") == {"s1": Outcome.RELEASED}
        assert await rig.classroom.tap(drop_id, "s1", "another") is Outcome.RELEASED

    async def test_its_slot_of_the_batch_stays_used(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1")
        await end_all(rig)
        batch = await rig.classroom.batch((await rig.classroom.row(drop_id)).batch_id)
        second = await rig.classroom.opened(batch)

        assert await rig.classroom.tap(second.id, "s1") is Outcome.LIMIT_REACHED

    async def test_where_the_batch_allows_two_another_drop_gives_the_second(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await claimed(rig, "s1", per_student=2)
        await end_all(rig)
        batch = await rig.classroom.batch((await rig.classroom.row(drop_id)).batch_id)
        second, third = await rig.classroom.opened(batch), await rig.classroom.opened(batch)

        assert await rig.classroom.tap(second.id, "s1") is Outcome.WON
        assert await rig.classroom.tap(third.id, "s1") is Outcome.LIMIT_REACHED

    async def test_the_teacher_sees_it(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1", "s2")
        await end_all(rig)
        await rig.worker.jobs.drops.update_live_counts()
        seen = await rig.classroom.view(drop_id)
        (board,) = await rig.feed.read_live_counts([(ROOM, drop_id)])

        assert (seen.claimed, seen.claimed_total, seen.remaining) == (0, 2, 3)
        assert (seen.confirmed, seen.confirmed_total, seen.difference) == (0, 2, 0)
        assert (seen.released, seen.returned) == (2, 0)
        assert board["released"] == 2

    async def test_the_worker_counts_it(self, rig: WorkerRig) -> None:
        await claimed(rig, "s1", "s2", hold_seconds=1)
        await eventually(lambda: _ended(rig, 2))

    async def test_what_is_not_due_stays(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1")

        assert await end_all(rig, after_ms=HOLD_MS - 10_000) == 0
        assert await state_of(rig, drop_id, "s1") is CouponState.USABLE

    async def test_a_drop_without_holds_keeps_what_was_claimed(self, rig: WorkerRig) -> None:
        drop = await rig.classroom.opened()
        await rig.classroom.won(drop.id, "s1")
        await rig.loop.step()

        assert await end_all(rig, after_ms=365 * 24 * 3600 * 1000) == 0

    async def test_a_hold_begins_when_the_claim_is_in_the_ledger(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1")
        (row,) = await rig.rows(drop_id)
        coupon = await coupon_of(rig, drop_id, "s1")

        assert coupon.use_by == row.confirmed_at + HOLD_MS


class TestPaying:
    async def test_a_lock_suspends_the_hold(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1")
        await order_of(rig, drop_id, "s1", now_ms())

        assert await end_all(rig) == 0
        assert await state_of(rig, drop_id, "s1") is CouponState.LOCKED

    async def test_an_ended_lock_leaves_a_minute_and_then_it_goes_back(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await claimed(rig, "s1")
        begun = now_ms()
        await order_of(rig, drop_id, "s1", begun)
        ended_at = begun + LOCK_LIMIT_MS
        assert await expire_overdue(rig.ledger, ended_at) == 1

        stores = rig.stores
        last_moment = ended_at + LEAST_HOLD_AFTER_LOCK_MS
        assert await end_holds.end_holds(stores, last_moment - 1) == 0
        assert await end_holds.end_holds(stores, last_moment) == 1
        assert await state_of(rig, drop_id, "s1") is CouponState.RELEASED

    async def test_the_one_date_moves_everywhere_when_a_lock_has_ended(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await claimed(rig, "s1")
        begun = now_ms()
        await order_of(rig, drop_id, "s1", begun)
        assert await expire_overdue(rig.ledger, begun + LOCK_LIMIT_MS) == 1
        async with listening(rig.desk, ROOM) as listener:
            await drive_pending(rig.stores, EVEN_LATER, now_ms())
            ((student, drop, told),) = await listener.next("confirmed")
        row = await rig.classroom.row(drop_id)
        ((held,),) = await rig.desk.drops.claims_of([(row.shard, drop_id, ["s1"])])
        coupon = await coupon_of(rig, drop_id, "s1")

        assert coupon.use_by == begun + LOCK_LIMIT_MS + LEAST_HOLD_AFTER_LOCK_MS
        assert held is not None
        assert (student, drop, told) == ("s1", drop_id, orjson.loads(held.coupon))
        assert told["use_by"] == to_text(coupon.use_by)
        assert (await desk_state(rig, drop_id)).fields["confirmed"] == "1"
        await settle(rig, drop_id)

    async def test_a_date_that_moved_is_not_told_of_what_was_used_meanwhile(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await claimed(rig, "s1")
        begun = now_ms()
        redemption = await order_of(rig, drop_id, "s1", begun)
        late = begun + LOCK_LIMIT_MS
        assert await expire_overdue(rig.ledger, late) == 1
        granted(await confirm(rig.ledger, redemption, Payment(), late))
        async with listening(rig.desk, ROOM) as listener:
            await drive_pending(rig.stores, EVEN_LATER, now_ms())
            assert await listener.everything("confirmed") == []
        assert await rig.classroom.unfinished() == []

    async def test_a_lock_that_left_enough_of_the_hold_moves_no_date(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1", hold_seconds=3600)
        begun = now_ms()
        redemption = await order_of(rig, drop_id, "s1", begun)
        granted(await cancel(rig.ledger, redemption, begun + 1))

        assert await rig.classroom.unfinished() == []

    async def test_what_was_used_stays_used(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1")
        redemption = await order_of(rig, drop_id, "s1", now_ms())
        granted(await confirm(rig.ledger, redemption, Payment(), now_ms()))

        assert await end_all(rig) == 0
        assert await rig.live(drop_id) == {"s1": 1}

    @ON_POSTGRESQL
    async def test_a_coupon_that_somebody_has_in_hand_keeps_no_other_waiting(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await claimed(rig, "s1", "s2")
        mine = await coupon_of(rig, drop_id, "s1")
        async with rig.ledger.begin() as conn:
            await coupons.lock_rows_for_update(conn, [mine.id])
            assert await end_all(rig) == 1
        assert await end_all(rig) == 1
        await settle(rig, drop_id)


class TestEndedDrop:
    @pytest.fixture(params=[None, (RoomQuota(ROOM, 10),)], ids=["any_room", "a_share"])
    def rooms(self, request: pytest.FixtureRequest) -> object:
        return request.param

    async def test_the_unit_goes_back_to_the_batch_and_the_rooms_share(
        self, rig: WorkerRig, rooms: object
    ) -> None:
        drop_id = await claimed(rig, "s1", "s2", rooms=rooms)
        closed = granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        assert (closed.returned, closed.claimed) == (1, 2)
        assert await end_all(rig) == 2
        seen = await rig.classroom.view(drop_id)
        batch = await rig.classroom.batch(seen.batch_id)

        assert (seen.returned, seen.claimed, seen.remaining, seen.released) == (3, 0, 0, 2)
        assert batch.allotted == 0
        assert [share.allotted for share in batch.rooms or ()] == ([0] if rooms else [])
        await settle(rig, drop_id)

    async def test_who_comes_back_to_the_room_sees_it(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1")
        granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        await end_all(rig)
        row = await rig.classroom.row(drop_id)
        ((held,),) = await rig.desk.drops.claims_of([(row.shard, drop_id, ["s1"])])

        assert held is not None
        assert held.state is ClaimState.RELEASED
        assert await rig.classroom.tap(drop_id, "s2") is Outcome.CLOSED

    async def test_nothing_of_it_stays_in_redis_for_ever(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1")
        granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        await end_all(rig)
        keys = rig.desk.keys((await rig.classroom.row(drop_id)).shard)

        for key in (keys.drop(drop_id), keys.holders(drop_id), keys.free(drop_id)):
            assert 0 < await rig.desk.redis.ttl(key) <= 86_400

    async def test_one_whose_desk_has_forgotten_it_goes_back_all_the_same(
        self, rig: WorkerRig
    ) -> None:
        """A hold may be thirty days, and the desk keeps a closed drop for one."""
        drop_id = await claimed(rig, "s1")
        granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        keys = rig.desk.keys((await rig.classroom.row(drop_id)).shard)
        gone = (keys.drop(drop_id), keys.holders(drop_id), keys.free(drop_id))
        await rig.desk.redis.delete(*gone)
        assert await end_all(rig) == 1

        assert (await rig.classroom.row(drop_id)).returned == 3
        assert await rig.classroom.unfinished() == []
        assert await rig.desk.redis.exists(*gone) == 0

    async def test_some_holds_end_before_the_close_and_some_after(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1", "s2")
        stores = rig.stores
        first_due = (await coupon_of(rig, drop_id, "s1")).use_by
        await order_of(rig, drop_id, "s2", now_ms())
        assert await end_holds.end_holds(stores, first_due) == 1
        closed = granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        assert (closed.returned, closed.claimed) == (2, 1)
        await books_of(rig).look(drop_id)

        await expire_overdue(rig.ledger, now_ms() + LOCK_LIMIT_MS)
        assert await end_holds.end_holds(stores, now_ms() + 2 * LOCK_LIMIT_MS) == 1
        assert (await rig.classroom.row(drop_id)).returned == 3
        await settle(rig, drop_id)

    async def test_claims_on_their_way_keep_their_units_whatever_was_released(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await claimed(rig, "s1", "s2", quantity=5)
        assert await end_all(rig) == 2
        await rig.classroom.won(drop_id, "s3", "s4", "s5")
        closed = granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        assert closed.returned == 2

        await rig.loop.step()
        await settle(rig, drop_id)
        assert await rig.live(drop_id) == {"s3": 1, "s4": 2, "s5": 3}

    @pytest.mark.parametrize("is_told", [False, True])
    async def test_the_end_does_not_count_what_the_ledger_has_released(
        self, rig: WorkerRig, is_told: bool
    ) -> None:
        """The sums are right whether or not the desk had been told before the close."""
        drop_id = await claimed(rig, "s1", "s2")
        when = {"after": once(crash)} if is_told else {"before": once(crash)}
        interpose(rig.desk.drops, "release", **when)
        with dies():
            await end_all(rig)
        closed = granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        assert (closed.returned, closed.claimed, closed.remaining) == (3, 0, 0)
        await books_of(rig).look(drop_id)

        await settle(rig, drop_id)
        assert (await rig.classroom.row(drop_id)).returned == 3

    async def test_a_hold_that_ends_between_the_desks_close_and_the_ledgers(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await claimed(rig, "s1")
        stores = rig.stores
        whole = await read_drop_snapshot(rig.ledger, drop_id)
        interpose(rig.desk.drops, "close", after=once(lambda *_: end_all(rig)))
        assert await end_drop(stores, whole, CloseReason.STOPPED, now_ms())

        row = await rig.classroom.row(drop_id)
        assert row.returned == 3
        assert (await rig.classroom.batch(row.batch_id)).allotted == 0
        await settle(rig, drop_id)


STEPS = {
    "before_the_desk": (DropDesk, "release", "before"),
    "after_the_desk": (DropDesk, "release", "after"),
    "after_the_room": (Feed, "publish_losses", "after"),
}


class TestDying:
    @pytest.fixture
    def part(self, rig: WorkerRig) -> dict[type, object]:
        return {DropDesk: rig.desk.drops, Feed: rig.feed}

    @pytest.mark.parametrize("step", STEPS)
    async def test_another_worker_finishes_it(
        self, rig: WorkerRig, part: dict[type, object], step: str
    ) -> None:
        of, call, when = STEPS[step]
        drop_id = await claimed(rig, "s1", "s2", "s3")
        interpose(part[of], call, **{when: once(crash)})
        with dies():
            await end_all(rig)
        assert await rig.classroom.unfinished() == ["release"]
        async with listening(rig.desk, ROOM) as listener:
            await drive_pending(rig.another("wrk_2").stores, EVEN_LATER, now_ms())
            told = await listener.next("lost")

        assert sorted(student for _, student, *_ in told) == ["s1", "s2", "s3"]
        assert set((await taps(rig, drop_id, *everybody(3, start=4))).values()) == {Outcome.WON}
        await rig.loop.step()
        await settle(rig, drop_id)

    async def test_before_the_commit_nothing_has_happened(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drop_id = await claimed(rig, "s1")
        with monkeypatch.context() as patch:
            patch.setattr(intents, "write", crash)
            with dies():
                await end_all(rig)
        assert await state_of(rig, drop_id, "s1") is CouponState.USABLE
        await settle(rig, drop_id)

        assert await end_all(rig) == 1

    async def test_what_is_told_late_takes_nothing_from_who_has_the_unit_by_then(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await claimed(rig, "s1", quantity=1)
        interpose(rig.feed, "publish_losses", before=once(crash))
        with dies():
            await end_all(rig)
        await rig.classroom.won(drop_id, "s2")
        await rig.loop.step()
        await settle(rig, drop_id)

        assert await rig.live(drop_id) == {"s2": 1}
        assert await taps(rig, drop_id, "s1", "s2", "s3") == {
            "s1": Outcome.RELEASED,
            "s2": Outcome.WON,
            "s3": Outcome.SOLD_OUT,
        }

    async def test_where_redis_is_away_the_ledger_ends_it_and_the_desk_is_told_later(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig = flushable_rig
        drop_id = await claimed(rig, "s1", "s2")
        flushable_redis.kill9()
        assert await end_all(rig) == 2
        assert await rig.live(drop_id) == {}

        flushable_redis.restart()
        await hang_up(rig.desk)
        await rig.rebuild_all()
        await settle(rig, drop_id)
        assert await rig.classroom.tap(drop_id, "s3") is Outcome.WON


class TestRebuild:
    @pytest.mark.parametrize("step", ["before_the_desk", "after_the_desk"])
    async def test_a_desk_made_anew_while_it_has_to_be_told_is_the_ledgers(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer, step: str
    ) -> None:
        rig = flushable_rig
        drop_id = await claimed(rig, "s1", "s2", quantity=4)
        interpose(rig.desk.drops, "release", **{STEPS[step][2]: once(crash)})
        with dies():
            await end_all(rig)
        await lost(rig, flushable_redis)
        await rig.rebuild_all()
        rebuilt = await desk_state(rig, drop_id)
        assert rebuilt.fields["live"] == "0"
        async with listening(rig.desk, ROOM) as listener:
            await settle(rig, drop_id)
            told = await listener.next("lost")

        assert await desk_state(rig, drop_id) == rebuilt
        assert sorted(student for _, student, *_ in told) == ["s1", "s2"]
        wanted = await taps(rig, drop_id, "s1", *everybody(5, start=3))
        assert list(wanted.values()) == [Outcome.RELEASED, *[Outcome.WON] * 4, Outcome.SOLD_OUT]

    async def test_holds_end_when_everything_is_there_again(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig = flushable_rig
        drop_id = await claimed(rig, "s1")
        await lost(rig, flushable_redis)
        await rig.rebuild_all()
        assert await end_all(rig) == 1

        await settle(rig, drop_id)


class TestManyAtOnce:
    async def test_workers_release_each_once(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(end_holds, "AT_ONCE", 4)
        drop_id = await claimed(rig, *everybody(30), quantity=30)
        others = [rig.another(f"wrk_{number}") for number in (2, 3)]
        async with listening(rig.desk, ROOM) as listener:
            ended = await asyncio.gather(*(end_all(one) for one in (rig, *others)))
            told = await listener.everything("lost")

        assert sum(ended) == 30
        assert sorted(student for _, student, *_ in told) == sorted(everybody(30))
        await settle(rig, drop_id)
        assert (await rig.classroom.view(drop_id)).remaining == 30

    async def test_workers_give_each_unit_of_an_ended_drop_back_once(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(end_holds, "AT_ONCE", 4)
        drop_id = await claimed(rig, *everybody(20), quantity=20)
        granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        others = [rig.another(f"wrk_{number}") for number in (2, 3)]
        await asyncio.gather(*(end_all(one) for one in (rig, *others)))

        await settle(rig, drop_id)
        assert (await rig.classroom.row(drop_id)).returned == 20

    async def test_a_round_takes_the_longest_overdue_first_and_goes_on_in_the_next(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(end_holds, "_MAX_PER_CALL", 2)
        drop_id = await claimed(rig, "s1")
        await rig.classroom.won(drop_id, "s2", "s3")
        await rig.loop.step()

        assert [await end_all(rig), await end_all(rig), await end_all(rig)] == [2, 1, 0]

    async def test_several_drops_and_rooms_at_once(self, rig: WorkerRig) -> None:
        first = await claimed(rig, "s1")
        second = await claimed(rig, "s1", "s2")
        assert await end_all(rig) == 3

        await settle(rig, first)
        await settle(rig, second)

    @ON_POSTGRESQL
    async def test_claims_are_recorded_while_holds_are_being_ended(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1")
        await rig.classroom.won(drop_id, "s2")
        async with rig.ledger.begin() as conn:
            await drops.find_for_no_key_update(conn, drop_id)
            async with asyncio.timeout(3):
                await rig.loop.step()
        assert set(await rig.live(drop_id)) == {"s1", "s2"}

    @ON_POSTGRESQL
    async def test_control_a_drop_held_for_its_end_keeps_claims_waiting(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await claimed(rig, "s1")
        await rig.classroom.won(drop_id, "s2")
        recording = None
        async with rig.ledger.begin() as conn:
            await drops.find_for_update(conn, drop_id)
            recording = asyncio.create_task(rig.loop.step())
            done, _ = await asyncio.wait([recording], timeout=0.5)
            assert not done
        await recording


class TestDifference:
    async def test_what_the_desk_has_not_been_told_is_no_difference(self, rig: WorkerRig) -> None:
        drop_id = await claimed(rig, "s1", "s2")
        await rig.loop.step()
        interpose(rig.desk.drops, "release", before=once(crash))
        with dies():
            await end_all(rig)
        assert await disagreements(rig) == []

        await settle(rig, drop_id)
        assert await disagreements(rig) == []


async def disagreements(rig: WorkerRig) -> list[str]:
    """Return the drops on which desk and ledger differ, as the worker measures it."""
    books = await measure_differences(rig.stores, rig.outbox, rig.fence)
    assert books is not None
    return [one.drop_id for one in books if one.units]


async def _ended(rig: WorkerRig, count: int) -> bool:
    await rig.worker.jobs.drops.end_holds()
    counted: float = rig.loop.metrics.holds_ended._value.get()
    return counted == count
