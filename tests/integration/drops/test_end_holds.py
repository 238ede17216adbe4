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
from server.desk.drop_desk import DropDesk
from server.desk.feed import Feed
from server.flows.checkout.confirm_payment import confirm
from server.flows.checkout.redemptions import lock
from server.flows.checkout.unlock import cancel, expire_overdue
from server.flows.consistency.measure_difference import measure_differences
from server.flows.drops import end_holds
from server.flows.drops.drive_intents import drive_pending
from server.flows.drops.drop_snapshot import read_drop_snapshot
from server.flows.drops.end_drop import end_drop
from server.ledger import intents, tables
from server.ledger.coupons import coupons
from server.ledger.drops import drops
from tests.races.books import Books
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.builders.money import an_order
from tests.support.crews import Crew, desk_state, everybody, listening, lost, taps
from tests.support.eventually import eventually
from tests.support.faults.interruptions import crash, dies, hang_up, interpose, once
from tests.support.servers.redis_server import RedisServer

pytestmark = pytest.mark.asyncio

HOLD_SECONDS = 60
HOLD_MS = HOLD_SECONDS * 1000
EVEN_LATER = (
    -10 * LOCK_LIMIT_MS
)  # an intent that was written in the future counts as left behind, too
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def claimed(crew: Crew, *students: str, quantity: int = 3, **batch: object) -> str:
    """Return a drop with a hold whose units these students have won, all of it confirmed."""
    made = await crew.classroom.made_batch(None, **{"hold_seconds": HOLD_SECONDS, **batch})
    drop = await crew.classroom.opened(made, quantity=quantity)
    await crew.classroom.won(drop.id, *students)
    await crew.loop.step()
    return drop.id


async def end_all(crew: Crew, after_ms: int = HOLD_MS + 1) -> int:
    return await end_holds.end_holds(crew.stores, now_ms() + after_ms)


async def coupon_of(crew: Crew, drop_id: str, student: str) -> Coupon:
    of_student = (tables.coupons.c.drop_id == drop_id) & (tables.coupons.c.student == student)
    async with crew.ledger.read() as conn:
        ids = await conn.scalars(select(tables.coupons.c.id).where(of_student))
        (coupon,) = await coupons.by_ids(conn, list(ids))
    return coupon


async def order_of(crew: Crew, drop_id: str, student: str, now: int) -> str:
    """Lock the coupon on an order; return its redemption."""
    coupon = await coupon_of(crew, drop_id, student)
    form = LockForm(f"order-{student}", student, an_order(5000), (coupon.code,))
    return granted(await lock(crew.ledger, form, now)).id


async def state_of(crew: Crew, drop_id: str, student: str) -> CouponState:
    return (await coupon_of(crew, drop_id, student)).state


def books_of(crew: Crew) -> Books:
    return Books(crew.ledger, crew.desk.redis, crew.desk.prefix)


async def settle(crew: Crew, drop_id: str) -> None:
    """Drive what was left behind; assert that desk and ledger agree on every unit."""
    await drive_pending(crew.stores, EVEN_LATER, now_ms())
    assert await crew.classroom.unfinished() == []
    await books_of(crew).settle(drop_id)


class TestOpenDrop:
    async def test_what_was_not_used_in_time_is_free_again(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1", "s2", "s3")
        assert await crew.classroom.tap(drop_id, "s4") is Outcome.SOLD_OUT
        assert await end_all(crew) == 3

        assert await taps(crew, drop_id, "s4", "s5", "s6", "s7") == {
            "s4": Outcome.WON,
            "s5": Outcome.WON,
            "s6": Outcome.WON,
            "s7": Outcome.SOLD_OUT,
        }
        await crew.loop.step()
        assert await crew.live(drop_id) == {"s4": 1, "s5": 2, "s6": 3}
        await settle(crew, drop_id)

    async def test_coupon_and_claim_say_why(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")
        await end_all(crew)
        (row,) = await crew.rows(drop_id)

        assert await state_of(crew, drop_id, "s1") is CouponState.RELEASED
        assert (row.state, row.reason) == ("released", "hold_ended")

    async def test_who_had_it_is_told_and_cannot_have_it_again(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")
        coupon = await coupon_of(crew, drop_id, "s1")
        async with listening(crew.desk, ROOM) as listener:
            await end_all(crew)
            told = await listener.next("lost")

        assert told == [["coupon_released", "s1", drop_id, coupon.id, "hold_ended"]]
        assert await taps(crew, drop_id, "s1") == {"s1": Outcome.RELEASED}
        assert await crew.classroom.tap(drop_id, "s1", "another") is Outcome.RELEASED

    async def test_its_slot_of_the_batch_stays_used(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")
        await end_all(crew)
        batch = await crew.classroom.batch((await crew.classroom.row(drop_id)).batch_id)
        second = await crew.classroom.opened(batch)

        assert await crew.classroom.tap(second.id, "s1") is Outcome.LIMIT_REACHED

    async def test_where_the_batch_allows_two_another_drop_gives_the_second(
        self, crew: Crew
    ) -> None:
        drop_id = await claimed(crew, "s1", per_student=2)
        await end_all(crew)
        batch = await crew.classroom.batch((await crew.classroom.row(drop_id)).batch_id)
        second, third = await crew.classroom.opened(batch), await crew.classroom.opened(batch)

        assert await crew.classroom.tap(second.id, "s1") is Outcome.WON
        assert await crew.classroom.tap(third.id, "s1") is Outcome.LIMIT_REACHED

    async def test_the_teacher_sees_it(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1", "s2")
        await end_all(crew)
        await crew.worker.jobs.update_live_counts()
        seen = await crew.classroom.view(drop_id)
        (board,) = await crew.feed.read_live_counts([(ROOM, drop_id)])

        assert (seen.claimed, seen.claimed_total, seen.remaining) == (0, 2, 3)
        assert (seen.confirmed, seen.confirmed_total, seen.difference) == (0, 2, 0)
        assert (seen.released, seen.returned) == (2, 0)
        assert board["released"] == 2

    async def test_the_worker_counts_it(self, crew: Crew) -> None:
        await claimed(crew, "s1", "s2", hold_seconds=1)
        await eventually(lambda: _ended(crew, 2))

    async def test_what_is_not_due_stays(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")

        assert await end_all(crew, after_ms=HOLD_MS - 10_000) == 0
        assert await state_of(crew, drop_id, "s1") is CouponState.USABLE

    async def test_a_drop_without_holds_keeps_what_was_claimed(self, crew: Crew) -> None:
        drop = await crew.classroom.opened()
        await crew.classroom.won(drop.id, "s1")
        await crew.loop.step()

        assert await end_all(crew, after_ms=365 * 24 * 3600 * 1000) == 0

    async def test_a_hold_begins_when_the_claim_is_in_the_ledger(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")
        (row,) = await crew.rows(drop_id)
        coupon = await coupon_of(crew, drop_id, "s1")

        assert coupon.use_by == row.confirmed_at + HOLD_MS


class TestPaying:
    async def test_a_lock_suspends_the_hold(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")
        await order_of(crew, drop_id, "s1", now_ms())

        assert await end_all(crew) == 0
        assert await state_of(crew, drop_id, "s1") is CouponState.LOCKED

    async def test_an_ended_lock_leaves_a_minute_and_then_it_goes_back(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")
        begun = now_ms()
        await order_of(crew, drop_id, "s1", begun)
        ended_at = begun + LOCK_LIMIT_MS
        assert await expire_overdue(crew.ledger, ended_at) == 1

        stores = crew.stores
        last_moment = ended_at + LEAST_HOLD_AFTER_LOCK_MS
        assert await end_holds.end_holds(stores, last_moment - 1) == 0
        assert await end_holds.end_holds(stores, last_moment) == 1
        assert await state_of(crew, drop_id, "s1") is CouponState.RELEASED

    async def test_the_one_date_moves_everywhere_when_a_lock_has_ended(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")
        begun = now_ms()
        await order_of(crew, drop_id, "s1", begun)
        assert await expire_overdue(crew.ledger, begun + LOCK_LIMIT_MS) == 1
        async with listening(crew.desk, ROOM) as listener:
            await drive_pending(crew.stores, EVEN_LATER, now_ms())
            ((student, drop, told),) = await listener.next("confirmed")
        row = await crew.classroom.row(drop_id)
        ((held,),) = await crew.desk.drops.claims_of([(row.shard, drop_id, ["s1"])])
        coupon = await coupon_of(crew, drop_id, "s1")

        assert coupon.use_by == begun + LOCK_LIMIT_MS + LEAST_HOLD_AFTER_LOCK_MS
        assert held is not None
        assert (student, drop, told) == ("s1", drop_id, orjson.loads(held.coupon))
        assert told["use_by"] == to_text(coupon.use_by)
        assert (await desk_state(crew, drop_id)).fields["confirmed"] == "1"
        await settle(crew, drop_id)

    async def test_a_date_that_moved_is_not_told_of_what_was_used_meanwhile(
        self, crew: Crew
    ) -> None:
        drop_id = await claimed(crew, "s1")
        begun = now_ms()
        redemption = await order_of(crew, drop_id, "s1", begun)
        late = begun + LOCK_LIMIT_MS
        assert await expire_overdue(crew.ledger, late) == 1
        granted(await confirm(crew.ledger, redemption, Payment(), late))
        async with listening(crew.desk, ROOM) as listener:
            await drive_pending(crew.stores, EVEN_LATER, now_ms())
            assert await listener.everything("confirmed") == []
        assert await crew.classroom.unfinished() == []

    async def test_a_lock_that_left_enough_of_the_hold_moves_no_date(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1", hold_seconds=3600)
        begun = now_ms()
        redemption = await order_of(crew, drop_id, "s1", begun)
        granted(await cancel(crew.ledger, redemption, begun + 1))

        assert await crew.classroom.unfinished() == []

    async def test_what_was_used_stays_used(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")
        redemption = await order_of(crew, drop_id, "s1", now_ms())
        granted(await confirm(crew.ledger, redemption, Payment(), now_ms()))

        assert await end_all(crew) == 0
        assert await crew.live(drop_id) == {"s1": 1}

    @ON_POSTGRESQL
    async def test_a_coupon_that_somebody_has_in_hand_keeps_no_other_waiting(
        self, crew: Crew
    ) -> None:
        drop_id = await claimed(crew, "s1", "s2")
        mine = await coupon_of(crew, drop_id, "s1")
        async with crew.ledger.begin() as conn:
            await coupons.lock_rows_for_update(conn, [mine.id])
            assert await end_all(crew) == 1
        assert await end_all(crew) == 1
        await settle(crew, drop_id)


class TestEndedDrop:
    @pytest.fixture(params=[None, (RoomQuota(ROOM, 10),)], ids=["any_room", "a_share"])
    def rooms(self, request: pytest.FixtureRequest) -> object:
        return request.param

    async def test_the_unit_goes_back_to_the_batch_and_the_rooms_share(
        self, crew: Crew, rooms: object
    ) -> None:
        drop_id = await claimed(crew, "s1", "s2", rooms=rooms)
        closed = granted(await crew.classroom.drops.close(drop_id, ROOM, now_ms()))
        assert (closed.returned, closed.claimed) == (1, 2)
        assert await end_all(crew) == 2
        seen = await crew.classroom.view(drop_id)
        batch = await crew.classroom.batch(seen.batch_id)

        assert (seen.returned, seen.claimed, seen.remaining, seen.released) == (3, 0, 0, 2)
        assert batch.allotted == 0
        assert [share.allotted for share in batch.rooms or ()] == ([0] if rooms else [])
        await settle(crew, drop_id)

    async def test_who_comes_back_to_the_room_sees_it(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")
        granted(await crew.classroom.drops.close(drop_id, ROOM, now_ms()))
        await end_all(crew)
        row = await crew.classroom.row(drop_id)
        ((held,),) = await crew.desk.drops.claims_of([(row.shard, drop_id, ["s1"])])

        assert held is not None
        assert held.state is ClaimState.RELEASED
        assert await crew.classroom.tap(drop_id, "s2") is Outcome.CLOSED

    async def test_nothing_of_it_stays_in_redis_for_ever(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")
        granted(await crew.classroom.drops.close(drop_id, ROOM, now_ms()))
        await end_all(crew)
        keys = crew.desk.keys((await crew.classroom.row(drop_id)).shard)

        for key in (keys.drop(drop_id), keys.holders(drop_id), keys.free(drop_id)):
            assert 0 < await crew.desk.redis.ttl(key) <= 86_400

    async def test_one_whose_desk_has_forgotten_it_goes_back_all_the_same(self, crew: Crew) -> None:
        """A hold may be thirty days, and the desk keeps a closed drop for one."""
        drop_id = await claimed(crew, "s1")
        granted(await crew.classroom.drops.close(drop_id, ROOM, now_ms()))
        keys = crew.desk.keys((await crew.classroom.row(drop_id)).shard)
        gone = (keys.drop(drop_id), keys.holders(drop_id), keys.free(drop_id))
        await crew.desk.redis.delete(*gone)
        assert await end_all(crew) == 1

        assert (await crew.classroom.row(drop_id)).returned == 3
        assert await crew.classroom.unfinished() == []
        assert await crew.desk.redis.exists(*gone) == 0

    async def test_some_holds_end_before_the_close_and_some_after(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1", "s2")
        stores = crew.stores
        first_due = (await coupon_of(crew, drop_id, "s1")).use_by
        await order_of(crew, drop_id, "s2", now_ms())
        assert await end_holds.end_holds(stores, first_due) == 1
        closed = granted(await crew.classroom.drops.close(drop_id, ROOM, now_ms()))
        assert (closed.returned, closed.claimed) == (2, 1)
        await books_of(crew).look(drop_id)

        await expire_overdue(crew.ledger, now_ms() + LOCK_LIMIT_MS)
        assert await end_holds.end_holds(stores, now_ms() + 2 * LOCK_LIMIT_MS) == 1
        assert (await crew.classroom.row(drop_id)).returned == 3
        await settle(crew, drop_id)

    async def test_claims_on_their_way_keep_their_units_whatever_was_released(
        self, crew: Crew
    ) -> None:
        drop_id = await claimed(crew, "s1", "s2", quantity=5)
        assert await end_all(crew) == 2
        await crew.classroom.won(drop_id, "s3", "s4", "s5")
        closed = granted(await crew.classroom.drops.close(drop_id, ROOM, now_ms()))
        assert closed.returned == 2

        await crew.loop.step()
        await settle(crew, drop_id)
        assert await crew.live(drop_id) == {"s3": 1, "s4": 2, "s5": 3}

    @pytest.mark.parametrize("is_told", [False, True])
    async def test_the_end_does_not_count_what_the_ledger_has_released(
        self, crew: Crew, is_told: bool
    ) -> None:
        """The sums are right whether or not the desk had been told before the close."""
        drop_id = await claimed(crew, "s1", "s2")
        when = {"after": once(crash)} if is_told else {"before": once(crash)}
        interpose(crew.desk.drops, "release", **when)
        with dies():
            await end_all(crew)
        closed = granted(await crew.classroom.drops.close(drop_id, ROOM, now_ms()))
        assert (closed.returned, closed.claimed, closed.remaining) == (3, 0, 0)
        await books_of(crew).look(drop_id)

        await settle(crew, drop_id)
        assert (await crew.classroom.row(drop_id)).returned == 3

    async def test_a_hold_that_ends_between_the_desks_close_and_the_ledgers(
        self, crew: Crew
    ) -> None:
        drop_id = await claimed(crew, "s1")
        stores = crew.stores
        whole = await read_drop_snapshot(crew.ledger, drop_id)
        interpose(crew.desk.drops, "close", after=once(lambda *_: end_all(crew)))
        assert await end_drop(stores, whole, CloseReason.STOPPED, now_ms())

        row = await crew.classroom.row(drop_id)
        assert row.returned == 3
        assert (await crew.classroom.batch(row.batch_id)).allotted == 0
        await settle(crew, drop_id)


STEPS = {
    "before_the_desk": (DropDesk, "release", "before"),
    "after_the_desk": (DropDesk, "release", "after"),
    "after_the_room": (Feed, "publish_losses", "after"),
}


class TestDying:
    @pytest.fixture
    def part(self, crew: Crew) -> dict[type, object]:
        return {DropDesk: crew.desk.drops, Feed: crew.feed}

    @pytest.mark.parametrize("step", STEPS)
    async def test_another_worker_finishes_it(
        self, crew: Crew, part: dict[type, object], step: str
    ) -> None:
        of, call, when = STEPS[step]
        drop_id = await claimed(crew, "s1", "s2", "s3")
        interpose(part[of], call, **{when: once(crash)})
        with dies():
            await end_all(crew)
        assert await crew.classroom.unfinished() == ["release"]
        async with listening(crew.desk, ROOM) as listener:
            await drive_pending(crew.another("wrk_2").stores, EVEN_LATER, now_ms())
            told = await listener.next("lost")

        assert sorted(student for _, student, *_ in told) == ["s1", "s2", "s3"]
        assert set((await taps(crew, drop_id, *everybody(3, start=4))).values()) == {Outcome.WON}
        await crew.loop.step()
        await settle(crew, drop_id)

    async def test_before_the_commit_nothing_has_happened(
        self, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drop_id = await claimed(crew, "s1")
        with monkeypatch.context() as patch:
            patch.setattr(intents, "write", crash)
            with dies():
                await end_all(crew)
        assert await state_of(crew, drop_id, "s1") is CouponState.USABLE
        await settle(crew, drop_id)

        assert await end_all(crew) == 1

    async def test_what_is_told_late_takes_nothing_from_who_has_the_unit_by_then(
        self, crew: Crew
    ) -> None:
        drop_id = await claimed(crew, "s1", quantity=1)
        interpose(crew.feed, "publish_losses", before=once(crash))
        with dies():
            await end_all(crew)
        await crew.classroom.won(drop_id, "s2")
        await crew.loop.step()
        await settle(crew, drop_id)

        assert await crew.live(drop_id) == {"s2": 1}
        assert await taps(crew, drop_id, "s1", "s2", "s3") == {
            "s1": Outcome.RELEASED,
            "s2": Outcome.WON,
            "s3": Outcome.SOLD_OUT,
        }

    async def test_where_redis_is_away_the_ledger_ends_it_and_the_desk_is_told_later(
        self, mortal_crew: Crew, flushable_redis: RedisServer
    ) -> None:
        crew = mortal_crew
        drop_id = await claimed(crew, "s1", "s2")
        flushable_redis.kill9()
        assert await end_all(crew) == 2
        assert await crew.live(drop_id) == {}

        flushable_redis.restart()
        await hang_up(crew.desk)
        await crew.rebuild_all()
        await settle(crew, drop_id)
        assert await crew.classroom.tap(drop_id, "s3") is Outcome.WON


class TestRebuild:
    @pytest.mark.parametrize("step", ["before_the_desk", "after_the_desk"])
    async def test_a_desk_made_anew_while_it_has_to_be_told_is_the_ledgers(
        self, mortal_crew: Crew, flushable_redis: RedisServer, step: str
    ) -> None:
        crew = mortal_crew
        drop_id = await claimed(crew, "s1", "s2", quantity=4)
        interpose(crew.desk.drops, "release", **{STEPS[step][2]: once(crash)})
        with dies():
            await end_all(crew)
        await lost(crew, flushable_redis)
        await crew.rebuild_all()
        rebuilt = await desk_state(crew, drop_id)
        assert rebuilt.fields["live"] == "0"
        async with listening(crew.desk, ROOM) as listener:
            await settle(crew, drop_id)
            told = await listener.next("lost")

        assert await desk_state(crew, drop_id) == rebuilt
        assert sorted(student for _, student, *_ in told) == ["s1", "s2"]
        wanted = await taps(crew, drop_id, "s1", *everybody(5, start=3))
        assert list(wanted.values()) == [Outcome.RELEASED, *[Outcome.WON] * 4, Outcome.SOLD_OUT]

    async def test_holds_end_when_everything_is_there_again(
        self, mortal_crew: Crew, flushable_redis: RedisServer
    ) -> None:
        crew = mortal_crew
        drop_id = await claimed(crew, "s1")
        await lost(crew, flushable_redis)
        await crew.rebuild_all()
        assert await end_all(crew) == 1

        await settle(crew, drop_id)


class TestManyAtOnce:
    async def test_workers_release_each_once(
        self, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(end_holds, "AT_ONCE", 4)
        drop_id = await claimed(crew, *everybody(30), quantity=30)
        others = [crew.another(f"wrk_{number}") for number in (2, 3)]
        async with listening(crew.desk, ROOM) as listener:
            ended = await asyncio.gather(*(end_all(one) for one in (crew, *others)))
            told = await listener.everything("lost")

        assert sum(ended) == 30
        assert sorted(student for _, student, *_ in told) == sorted(everybody(30))
        await settle(crew, drop_id)
        assert (await crew.classroom.view(drop_id)).remaining == 30

    async def test_workers_give_each_unit_of_an_ended_drop_back_once(
        self, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(end_holds, "AT_ONCE", 4)
        drop_id = await claimed(crew, *everybody(20), quantity=20)
        granted(await crew.classroom.drops.close(drop_id, ROOM, now_ms()))
        others = [crew.another(f"wrk_{number}") for number in (2, 3)]
        await asyncio.gather(*(end_all(one) for one in (crew, *others)))

        await settle(crew, drop_id)
        assert (await crew.classroom.row(drop_id)).returned == 20

    async def test_a_round_takes_the_longest_overdue_first_and_goes_on_in_the_next(
        self, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(end_holds, "_MAX_PER_CALL", 2)
        drop_id = await claimed(crew, "s1")
        await crew.classroom.won(drop_id, "s2", "s3")
        await crew.loop.step()

        assert [await end_all(crew), await end_all(crew), await end_all(crew)] == [2, 1, 0]

    async def test_several_drops_and_rooms_at_once(self, crew: Crew) -> None:
        first = await claimed(crew, "s1")
        second = await claimed(crew, "s1", "s2")
        assert await end_all(crew) == 3

        await settle(crew, first)
        await settle(crew, second)

    @ON_POSTGRESQL
    async def test_claims_are_recorded_while_holds_are_being_ended(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")
        await crew.classroom.won(drop_id, "s2")
        async with crew.ledger.begin() as conn:
            await drops.find_for_no_key_update(conn, drop_id)
            async with asyncio.timeout(3):
                await crew.loop.step()
        assert set(await crew.live(drop_id)) == {"s1", "s2"}

    @ON_POSTGRESQL
    async def test_control_a_drop_held_for_its_end_keeps_claims_waiting(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1")
        await crew.classroom.won(drop_id, "s2")
        recording = None
        async with crew.ledger.begin() as conn:
            await drops.find_for_update(conn, drop_id)
            recording = asyncio.create_task(crew.loop.step())
            done, _ = await asyncio.wait([recording], timeout=0.5)
            assert not done
        await recording


class TestDifference:
    async def test_what_the_desk_has_not_been_told_is_no_difference(self, crew: Crew) -> None:
        drop_id = await claimed(crew, "s1", "s2")
        await crew.loop.step()
        interpose(crew.desk.drops, "release", before=once(crash))
        with dies():
            await end_all(crew)
        assert await disagreements(crew) == []

        await settle(crew, drop_id)
        assert await disagreements(crew) == []


async def disagreements(crew: Crew) -> list[str]:
    """Return the drops on which desk and ledger differ, as the worker measures it."""
    books = await measure_differences(crew.stores, crew.outbox, crew.fence)
    assert books is not None
    return [one.drop_id for one in books if one.units]


async def _ended(crew: Crew, count: int) -> bool:
    await crew.worker.jobs.end_holds()
    counted: float = crew.loop.metrics.holds_ended._value.get()
    return counted == count
