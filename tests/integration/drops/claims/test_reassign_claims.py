"""Claims that the ledger does not take as the desk sold them: they get another unit, or an apology where
there is none, or become dead letters."""

import asyncio

import pytest
from sqlalchemy import update

from server.desk import DeskUnavailableError
from server.desk.claims.outbox import OutboxEntry
from server.flows.drops.claims import reassign_claims
from server.flows.drops.claims.persist_claims import PersistResult
from server.flows.drops.claims.reassign_claims import ReassignOutcome
from server.ledger import tables
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.drops import claims
from tests.support.builders.classroom import ROOM, now_ms
from tests.support.faults.interruptions import crash, dies, interpose, ledger_nowhere, once
from tests.support.worker_rig import WorkerRig, everybody, listening

pytestmark = pytest.mark.asyncio


async def recorded_drop(rig: WorkerRig, units: int, taken: int) -> str:
    """s1, s2, … have units 1, 2, … in the ledger."""
    drop = await rig.classroom.opened(quantity=units)
    await rig.classroom.won(drop.id, *everybody(taken))
    row = await rig.classroom.row(drop.id)
    await rig.record(row.shard)
    return drop.id


async def record(rig: WorkerRig, *entries: OutboxEntry) -> PersistResult:
    """Persist the entries as a worker does in the end: a conflict shuts the desk, it is rebuilt, and the
    entries are persisted once more."""
    try:
        return await rig.persister.persist(entries, now_ms())
    except DeskUnavailableError:
        await rig.rebuild_all()
        return await rig.persister.persist(entries, now_ms())


async def reasons(rig: WorkerRig, drop_id: str) -> dict[str, tuple[str, str | None]]:
    """Return the coupons' codes by claim id."""
    return {row.id: (row.state, row.reason) for row in await rig.rows(drop_id)}


class TestAnotherSeat:
    async def test_a_unit_sold_twice_becomes_the_next_free_one(self, rig: WorkerRig) -> None:
        drop_id = await recorded_drop(rig, units=3, taken=1)
        entry = await rig.entry(drop_id, "late", 1)
        result = await record(rig, entry)

        assert await rig.live(drop_id) == {"s1": 1, "late": 2}
        assert [coupon.student for coupon in result.coupons] == ["late"]
        assert result.apologies == []

    async def test_the_desk_is_shut_and_agrees_after_its_rebuild(self, rig: WorkerRig) -> None:
        drop_id = await recorded_drop(rig, units=3, taken=1)
        entry = await rig.entry(drop_id, "late", 1)
        with pytest.raises(DeskUnavailableError):
            await rig.persister.persist([entry], now_ms())
        assert await rig.fence.shut_shards() == [entry.shard]

        await rig.rebuild_all()
        ((held,),) = await rig.desk.drops.claims_of([(entry.shard, drop_id, ["late"])])
        assert held is not None
        assert (held.claim_id, held.unit) == (entry.claim_id, 2)

    async def test_in_a_large_batch_only_the_conflicting_ones_are_moved(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await recorded_drop(rig, units=40, taken=4)
        entries = [await rig.entry(drop_id, f"late{unit}", unit) for unit in range(3, 33)]
        result = await record(rig, *entries)
        live = await rig.live(drop_id)

        assert {f"late{unit}": unit for unit in range(5, 33)}.items() <= live.items()
        assert sorted([live["late3"], live["late4"]]) == [33, 34]
        assert len(result.coupons) == 30

    async def test_a_redelivery_leaves_it_where_it_is(self, rig: WorkerRig) -> None:
        """The entry still names a unit that another student has."""
        drop_id = await recorded_drop(rig, units=3, taken=1)
        entry = await rig.entry(drop_id, "late", 1)
        await record(rig, entry)
        before = await rig.rows(drop_id), await rig.codes(drop_id)
        again = await rig.persister.persist([entry, await rig.entry(drop_id, "more", 3)], now_ms())

        assert (await rig.rows(drop_id))[: len(before[0])] == before[0]
        assert (await rig.codes(drop_id))["late"] == before[1]["late"]
        assert (again.reassigned, again.dead) == (0, 0)

    async def test_a_slot_used_twice_becomes_the_next_free_one(self, rig: WorkerRig) -> None:
        batch = await rig.classroom.made_batch(per_student=2)
        first, second = await rig.classroom.opened(batch), await rig.classroom.opened(batch)
        await record(rig, await rig.entry(first.id, "s1", 1))
        await record(rig, await rig.entry(second.id, "s1", 1))

        assert [row.slot for row in await rig.rows(second.id)] == [2]

    async def test_an_allotment_that_the_ledger_has_forgotten_is_a_unit_sold_twice(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await recorded_drop(rig, units=3, taken=1)
        lost = {"allotment_id": "alt_lost", "allotment_first": 4, "allotment_last": 9}
        await record(rig, await rig.entry(drop_id, "late", 5, **lost))

        assert await rig.live(drop_id) == {"s1": 1, "late": 2}

    async def test_a_death_between_seat_and_coupon_is_made_good(self, rig: WorkerRig) -> None:
        drop_id = await recorded_drop(rig, units=3, taken=1)
        entry = await rig.entry(drop_id, "late", 1)
        drops_killed_at = rig.another("wrk_2")
        interpose(drops_killed_at.persister, "_write_reassigned", before=crash)
        with dies():
            await drops_killed_at.persister.persist([entry], now_ms())
        await rig.fence.shut(entry.shard)  # what the next conflict, or doctor, comes to
        await rig.rebuild_all()
        await rig.persister.persist([entry], now_ms())

        assert set(await rig.codes(drop_id)) == {"s1", "late"}

    async def test_two_menders_at_once_take_different_seats(self, rig: WorkerRig) -> None:
        drop_id = await recorded_drop(rig, units=12, taken=2)
        sold_twice = [await rig.entry(drop_id, f"late{n}", 1) for n in range(10)]
        rigs = [rig, rig.another("wrk_2"), rig.another("wrk_3")]
        await asyncio.gather(
            *(one.persister.write(sold_twice[n::3], now_ms()) for n, one in enumerate(rigs))
        )

        assert sorted((await rig.live(drop_id)).values()) == list(range(1, 13))
        assert await rig.dead_letters() == []

    async def test_a_seat_is_not_taken_by_another_writer_while_it_is_given(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Otherwise the unit could be taken before it is written, and a good claim become a dead letter."""
        drop_id = await recorded_drop(rig, units=4, taken=1)
        owner = await rig.entry(drop_id, "owner", 2)
        other = rig.another("wrk_2")
        writing: list[asyncio.Task[PersistResult]] = []

        async def write(*_: object) -> None:
            writing.append(asyncio.create_task(other.persister.write([owner], now_ms())))
            await asyncio.wait(writing, timeout=0.3)  # it gets nowhere

        monkeypatch.setattr(claims, "taken_units", claims.taken_units)  # undone afterwards
        interpose(claims, "taken_units", after=once(write))
        await rig.persister.write([await rig.entry(drop_id, "late", 1)], now_ms())
        await asyncio.gather(*writing)

        assert await rig.live(drop_id) == {"s1": 1, "late": 2, "owner": 3}
        assert await rig.dead_letters() == []


class TestDuplicate:
    async def test_another_claim_of_a_holder_is_no_second_coupon_and_no_apology(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await recorded_drop(rig, units=3, taken=1)
        entry = await rig.entry(drop_id, "s1", 2, request_id="r2")
        result = await record(rig, entry)

        assert await rig.live(drop_id) == {"s1": 1}
        assert (await reasons(rig, drop_id))[entry.claim_id] == ("revoked", "duplicate")
        assert (result.apologies, result.dead) == ([], 0)
        assert len(await rig.codes(drop_id)) == 1

    async def test_after_the_rebuild_the_desk_names_the_claim_that_counts(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await recorded_drop(rig, units=3, taken=1)
        (counted,) = await rig.rows(drop_id)
        entry = await rig.entry(drop_id, "s1", 2, request_id="r2")
        await record(rig, entry)
        await rig.rebuild_all()
        ((held,),) = await rig.desk.drops.claims_of([(entry.shard, drop_id, ["s1"])])

        assert held is not None
        assert held.claim_id == counted.id


class TestApology:
    async def test_only_where_nothing_is_left(self, rig: WorkerRig) -> None:
        drop_id = await recorded_drop(rig, units=3, taken=2)
        first, second = [await rig.entry(drop_id, name, 1) for name in ("late1", "late2")]
        async with listening(rig.desk, ROOM) as listener:
            await record(rig, first, second)
            told = await listener.next("lost")

        live = await rig.live(drop_id)
        assert sorted(live.values()) == [1, 2, 3]
        (unlucky,) = {"late1", "late2"} - set(live)
        assert told == [["claim_revoked", unlucky, drop_id, None, "nothing_left"]]
        assert unlucky not in await rig.codes(drop_id)

    async def test_a_student_without_a_free_slot_gets_one(self, rig: WorkerRig) -> None:
        batch = await rig.classroom.made_batch()
        first, second = await rig.classroom.opened(batch), await rig.classroom.opened(batch)
        await record(rig, await rig.entry(first.id, "s1", 1))
        entry = await rig.entry(second.id, "s1", 1)
        result = await record(rig, entry)

        assert [one.claim_id for one in result.apologies] == [entry.claim_id]
        assert await rig.live(second.id) == {}

    async def test_it_is_said_although_the_desk_has_to_be_rebuilt_first(
        self, rig: WorkerRig
    ) -> None:
        """The apology is published with the confirmations of others, which a shut desk delays."""
        drop_id = await recorded_drop(rig, units=3, taken=2)
        entries = [await rig.entry(drop_id, "good", 3), await rig.entry(drop_id, "late", 1)]
        for entry in entries:
            await rig.slip_in(entry)
        async with listening(rig.desk, ROOM) as listener:
            while await rig.unacknowledged():
                try:
                    await rig.loop.step()
                except DeskUnavailableError:
                    await rig.rebuild_all()
            told = await listener.next("lost")

        assert [claim[1] for claim in told] == ["late"]

    async def test_it_is_said_by_the_next_worker_where_one_dies_before(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await recorded_drop(rig, units=1, taken=1)
        entry = await rig.entry(drop_id, "late", 1)
        drops_killed_at = rig.another("wrk_2")
        interpose(drops_killed_at.feed, "publish_losses", before=crash)
        with dies():
            await drops_killed_at.persister.persist([entry], now_ms())
        async with listening(rig.desk, ROOM) as listener:
            await rig.persister.persist([entry], now_ms())

            assert [claim[1] for claim in await listener.next("lost")] == ["late"]

    async def test_the_student_can_try_again_when_a_unit_comes_back(self, rig: WorkerRig) -> None:
        """A revoked claim counts against no limit."""
        drop_id = await recorded_drop(rig, units=1, taken=1)
        entry = await rig.entry(drop_id, "late", 1)
        await record(rig, entry)
        async with rig.ledger.begin() as conn:
            live = tables.claims.c.state == "live"
            await conn.execute(update(tables.claims).where(live).values(state="released"))
        await rig.fence.shut(entry.shard)
        await rig.rebuild_all()

        await rig.classroom.won(drop_id, "late")
        await rig.record(entry.shard)
        assert await rig.live(drop_id) == {"late": 1}


class TestClosedDrop:
    async def test_what_the_close_counted_as_taken_goes_back_with_the_apology(
        self, rig: WorkerRig
    ) -> None:
        """The drop is closed with two units taken; the student of one has no slot left."""
        batch = await rig.classroom.made_batch()
        other = await rig.classroom.opened(batch)
        drop = await rig.classroom.opened(batch)
        await rig.classroom.won(drop.id, "s1", "s2")
        await rig.classroom.drops.close(drop.id, ROOM, now_ms())
        before = (await rig.classroom.batch(batch.id)).allotted
        await rig.persister.write([await rig.entry(other.id, "s2", 1)], now_ms())
        await record(rig, *await rig.outbox.read_all(batch.shard))
        row = await rig.classroom.row(drop.id)

        assert await rig.live(drop.id) == {"s1": 1}
        assert row.returned == row.quantity - 1
        assert (await rig.classroom.batch(batch.id)).allotted == before - 1

    async def test_units_that_went_back_seat_nobody(self, rig: WorkerRig) -> None:
        drop_id = await recorded_drop(rig, units=3, taken=1)
        await rig.classroom.drops.close(drop_id, ROOM, now_ms())
        result = await record(rig, await rig.entry(drop_id, "late", 1))

        assert [one.student for one in result.apologies] == ["late"]
        row = await rig.classroom.row(drop_id)
        assert (row.returned, await rig.live(drop_id)) == (2, {"s1": 1})


class TestNoVerdict:
    async def test_a_ledger_that_is_away_says_nothing_about_an_entry(self, rig: WorkerRig) -> None:
        drop_id = await recorded_drop(rig, units=3, taken=1)
        entry = await rig.entry(drop_id, "late", 1)
        with pytest.raises(LedgerUnavailableError):
            await reassign_claims.reassign(ledger_nowhere(), entry, now_ms(), Exception())

        assert (
            await reassign_claims.reassign(rig.ledger, entry, now_ms(), Exception())
            is ReassignOutcome.REASSIGNED
        )
        assert await rig.dead_letters() == []

    async def test_a_ledger_that_goes_while_it_is_mended_leaves_the_entry_pending(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await recorded_drop(rig, units=3, taken=1)
        while await rig.unacknowledged():
            await rig.loop.step()
        await rig.slip_in(await rig.entry(drop_id, "late", 1))

        def away(*_: object) -> None:
            raise LedgerUnavailableError("away")

        interpose(rig.persister, "_reassign", before=once(away))
        with pytest.raises(LedgerUnavailableError):
            await rig.loop.step()

        assert (await rig.unacknowledged(), await rig.dead_letters()) == (1, [])
