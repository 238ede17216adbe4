"""Claims that the ledger does not take as the desk sold them: they get another unit, or an apology where
there
is none, or become dead letters."""

import asyncio

import pytest
from sqlalchemy import update

from server.desk import DeskUnavailableError
from server.desk.outbox import OutboxEntry
from server.flows.drops import reassign_claims
from server.flows.drops.persist_claims import PersistResult
from server.flows.drops.reassign_claims import ReassignOutcome
from server.ledger import tables
from server.ledger.drops import claims
from server.ledger.engine import LedgerUnavailableError
from tests.support.builders.classroom import ROOM, now_ms
from tests.support.crews import Crew, everybody, listening
from tests.support.faults.interruptions import crash, dies, interpose, ledger_nowhere, once

pytestmark = pytest.mark.asyncio


async def recorded_drop(crew: Crew, units: int, taken: int) -> str:
    """s1, s2, … have units 1, 2, … in the ledger."""
    drop = await crew.classroom.opened(quantity=units)
    await crew.classroom.won(drop.id, *everybody(taken))
    row = await crew.classroom.row(drop.id)
    await crew.record(row.shard)
    return drop.id


async def record(crew: Crew, *entries: OutboxEntry) -> PersistResult:
    """Persist the entries as a worker does in the end: a conflict shuts the desk, it is rebuilt, and the
    entries are
    persisted once more."""
    try:
        return await crew.persister.persist(entries, now_ms())
    except DeskUnavailableError:
        await crew.rebuild_all()
        return await crew.persister.persist(entries, now_ms())


async def reasons(crew: Crew, drop_id: str) -> dict[str, tuple[str, str | None]]:
    """Return the coupons' codes by claim id."""
    return {row.id: (row.state, row.reason) for row in await crew.rows(drop_id)}


class TestAnotherSeat:
    async def test_a_unit_sold_twice_becomes_the_next_free_one(self, crew: Crew) -> None:
        drop_id = await recorded_drop(crew, units=3, taken=1)
        entry = await crew.entry(drop_id, "late", 1)
        result = await record(crew, entry)

        assert await crew.live(drop_id) == {"s1": 1, "late": 2}
        assert [coupon.student for coupon in result.coupons] == ["late"]
        assert result.apologies == []

    async def test_the_desk_is_shut_and_agrees_after_its_rebuild(self, crew: Crew) -> None:
        drop_id = await recorded_drop(crew, units=3, taken=1)
        entry = await crew.entry(drop_id, "late", 1)
        with pytest.raises(DeskUnavailableError):
            await crew.persister.persist([entry], now_ms())
        assert await crew.fence.shut_shards() == [entry.shard]

        await crew.rebuild_all()
        ((held,),) = await crew.desk.drops.claims_of([(entry.shard, drop_id, ["late"])])
        assert held is not None
        assert (held.claim_id, held.unit) == (entry.claim_id, 2)

    async def test_in_a_large_batch_only_the_conflicting_ones_are_moved(self, crew: Crew) -> None:
        drop_id = await recorded_drop(crew, units=40, taken=4)
        entries = [await crew.entry(drop_id, f"late{unit}", unit) for unit in range(3, 33)]
        result = await record(crew, *entries)
        live = await crew.live(drop_id)

        assert {f"late{unit}": unit for unit in range(5, 33)}.items() <= live.items()
        assert sorted([live["late3"], live["late4"]]) == [33, 34]
        assert len(result.coupons) == 30

    async def test_a_redelivery_leaves_it_where_it_is(self, crew: Crew) -> None:
        """The entry still names a unit that another student has."""
        drop_id = await recorded_drop(crew, units=3, taken=1)
        entry = await crew.entry(drop_id, "late", 1)
        await record(crew, entry)
        before = await crew.rows(drop_id), await crew.codes(drop_id)
        again = await crew.persister.persist(
            [entry, await crew.entry(drop_id, "more", 3)], now_ms()
        )

        assert (await crew.rows(drop_id))[: len(before[0])] == before[0]
        assert (await crew.codes(drop_id))["late"] == before[1]["late"]
        assert (again.reassigned, again.dead) == (0, 0)

    async def test_a_slot_used_twice_becomes_the_next_free_one(self, crew: Crew) -> None:
        batch = await crew.classroom.made_batch(per_student=2)
        first, second = await crew.classroom.opened(batch), await crew.classroom.opened(batch)
        await record(crew, await crew.entry(first.id, "s1", 1))
        await record(crew, await crew.entry(second.id, "s1", 1))

        assert [row.slot for row in await crew.rows(second.id)] == [2]

    async def test_an_allotment_that_the_ledger_has_forgotten_is_a_unit_sold_twice(
        self, crew: Crew
    ) -> None:
        drop_id = await recorded_drop(crew, units=3, taken=1)
        lost = {"allotment_id": "alt_lost", "allotment_first": 4, "allotment_last": 9}
        await record(crew, await crew.entry(drop_id, "late", 5, **lost))

        assert await crew.live(drop_id) == {"s1": 1, "late": 2}

    async def test_a_death_between_seat_and_coupon_is_made_good(self, crew: Crew) -> None:
        drop_id = await recorded_drop(crew, units=3, taken=1)
        entry = await crew.entry(drop_id, "late", 1)
        drops_killed_at = crew.another("wrk_2")
        interpose(drops_killed_at.persister, "_write_reassigned", before=crash)
        with dies():
            await drops_killed_at.persister.persist([entry], now_ms())
        await crew.fence.shut(entry.shard)  # what the next conflict, or doctor, comes to
        await crew.rebuild_all()
        await crew.persister.persist([entry], now_ms())

        assert set(await crew.codes(drop_id)) == {"s1", "late"}

    async def test_two_menders_at_once_take_different_seats(self, crew: Crew) -> None:
        drop_id = await recorded_drop(crew, units=12, taken=2)
        sold_twice = [await crew.entry(drop_id, f"late{n}", 1) for n in range(10)]
        crews = [crew, crew.another("wrk_2"), crew.another("wrk_3")]
        await asyncio.gather(
            *(one.persister.write(sold_twice[n::3], now_ms()) for n, one in enumerate(crews))
        )

        assert sorted((await crew.live(drop_id)).values()) == list(range(1, 13))
        assert await crew.dead_letters() == []

    async def test_a_seat_is_not_taken_by_another_writer_while_it_is_given(
        self, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Otherwise the unit could be taken before it is written, and a good claim become a dead letter."""
        drop_id = await recorded_drop(crew, units=4, taken=1)
        owner = await crew.entry(drop_id, "owner", 2)
        other = crew.another("wrk_2")
        writing: list[asyncio.Task[PersistResult]] = []

        async def write(*_: object) -> None:
            writing.append(asyncio.create_task(other.persister.write([owner], now_ms())))
            await asyncio.wait(writing, timeout=0.3)  # it gets nowhere

        monkeypatch.setattr(claims, "taken_units", claims.taken_units)  # undone afterwards
        interpose(claims, "taken_units", after=once(write))
        await crew.persister.write([await crew.entry(drop_id, "late", 1)], now_ms())
        await asyncio.gather(*writing)

        assert await crew.live(drop_id) == {"s1": 1, "late": 2, "owner": 3}
        assert await crew.dead_letters() == []


class TestDuplicate:
    async def test_another_claim_of_a_holder_is_no_second_coupon_and_no_apology(
        self, crew: Crew
    ) -> None:
        drop_id = await recorded_drop(crew, units=3, taken=1)
        entry = await crew.entry(drop_id, "s1", 2, request_id="r2")
        result = await record(crew, entry)

        assert await crew.live(drop_id) == {"s1": 1}
        assert (await reasons(crew, drop_id))[entry.claim_id] == ("revoked", "duplicate")
        assert (result.apologies, result.dead) == ([], 0)
        assert len(await crew.codes(drop_id)) == 1

    async def test_after_the_rebuild_the_desk_names_the_claim_that_counts(self, crew: Crew) -> None:
        drop_id = await recorded_drop(crew, units=3, taken=1)
        (counted,) = await crew.rows(drop_id)
        entry = await crew.entry(drop_id, "s1", 2, request_id="r2")
        await record(crew, entry)
        await crew.rebuild_all()
        ((held,),) = await crew.desk.drops.claims_of([(entry.shard, drop_id, ["s1"])])

        assert held is not None
        assert held.claim_id == counted.id


class TestApology:
    async def test_only_where_nothing_is_left(self, crew: Crew) -> None:
        drop_id = await recorded_drop(crew, units=3, taken=2)
        first, second = [await crew.entry(drop_id, name, 1) for name in ("late1", "late2")]
        async with listening(crew.desk, ROOM) as listener:
            await record(crew, first, second)
            told = await listener.next("lost")

        live = await crew.live(drop_id)
        assert sorted(live.values()) == [1, 2, 3]
        (unlucky,) = {"late1", "late2"} - set(live)
        assert told == [["claim_revoked", unlucky, drop_id, None, "nothing_left"]]
        assert unlucky not in await crew.codes(drop_id)

    async def test_a_student_without_a_free_slot_gets_one(self, crew: Crew) -> None:
        batch = await crew.classroom.made_batch()
        first, second = await crew.classroom.opened(batch), await crew.classroom.opened(batch)
        await record(crew, await crew.entry(first.id, "s1", 1))
        entry = await crew.entry(second.id, "s1", 1)
        result = await record(crew, entry)

        assert [one.claim_id for one in result.apologies] == [entry.claim_id]
        assert await crew.live(second.id) == {}

    async def test_it_is_said_although_the_desk_has_to_be_rebuilt_first(self, crew: Crew) -> None:
        """The apology is published with the confirmations of others, which a shut desk delays."""
        drop_id = await recorded_drop(crew, units=3, taken=2)
        entries = [await crew.entry(drop_id, "good", 3), await crew.entry(drop_id, "late", 1)]
        for entry in entries:
            await crew.slip_in(entry)
        async with listening(crew.desk, ROOM) as listener:
            while await crew.unacknowledged():
                try:
                    await crew.loop.step()
                except DeskUnavailableError:
                    await crew.rebuild_all()
            told = await listener.next("lost")

        assert [claim[1] for claim in told] == ["late"]

    async def test_it_is_said_by_the_next_worker_where_one_dies_before(self, crew: Crew) -> None:
        drop_id = await recorded_drop(crew, units=1, taken=1)
        entry = await crew.entry(drop_id, "late", 1)
        drops_killed_at = crew.another("wrk_2")
        interpose(drops_killed_at.feed, "publish_losses", before=crash)
        with dies():
            await drops_killed_at.persister.persist([entry], now_ms())
        async with listening(crew.desk, ROOM) as listener:
            await crew.persister.persist([entry], now_ms())

            assert [claim[1] for claim in await listener.next("lost")] == ["late"]

    async def test_the_student_can_try_again_when_a_unit_comes_back(self, crew: Crew) -> None:
        """A revoked claim counts against no limit."""
        drop_id = await recorded_drop(crew, units=1, taken=1)
        entry = await crew.entry(drop_id, "late", 1)
        await record(crew, entry)
        async with crew.ledger.begin() as conn:
            live = tables.claims.c.state == "live"
            await conn.execute(update(tables.claims).where(live).values(state="released"))
        await crew.fence.shut(entry.shard)
        await crew.rebuild_all()

        await crew.classroom.won(drop_id, "late")
        await crew.record(entry.shard)
        assert await crew.live(drop_id) == {"late": 1}


class TestClosedDrop:
    async def test_what_the_close_counted_as_taken_goes_back_with_the_apology(
        self, crew: Crew
    ) -> None:
        """The drop is closed with two units taken; the student of one has no slot left."""
        batch = await crew.classroom.made_batch()
        other = await crew.classroom.opened(batch)
        drop = await crew.classroom.opened(batch)
        await crew.classroom.won(drop.id, "s1", "s2")
        await crew.classroom.drops.close(drop.id, ROOM, now_ms())
        before = (await crew.classroom.batch(batch.id)).allotted
        await crew.persister.write([await crew.entry(other.id, "s2", 1)], now_ms())
        await record(crew, *await crew.outbox.read_all(batch.shard))
        row = await crew.classroom.row(drop.id)

        assert await crew.live(drop.id) == {"s1": 1}
        assert row.returned == row.quantity - 1
        assert (await crew.classroom.batch(batch.id)).allotted == before - 1

    async def test_units_that_went_back_seat_nobody(self, crew: Crew) -> None:
        drop_id = await recorded_drop(crew, units=3, taken=1)
        await crew.classroom.drops.close(drop_id, ROOM, now_ms())
        result = await record(crew, await crew.entry(drop_id, "late", 1))

        assert [one.student for one in result.apologies] == ["late"]
        row = await crew.classroom.row(drop_id)
        assert (row.returned, await crew.live(drop_id)) == (2, {"s1": 1})


class TestNoVerdict:
    async def test_a_ledger_that_is_away_says_nothing_about_an_entry(self, crew: Crew) -> None:
        drop_id = await recorded_drop(crew, units=3, taken=1)
        entry = await crew.entry(drop_id, "late", 1)
        with pytest.raises(LedgerUnavailableError):
            await reassign_claims.reassign(ledger_nowhere(), entry, now_ms(), Exception())

        assert (
            await reassign_claims.reassign(crew.ledger, entry, now_ms(), Exception())
            is ReassignOutcome.REASSIGNED
        )
        assert await crew.dead_letters() == []

    async def test_a_ledger_that_goes_while_it_is_mended_leaves_the_entry_pending(
        self, crew: Crew
    ) -> None:
        drop_id = await recorded_drop(crew, units=3, taken=1)
        while await crew.unacknowledged():
            await crew.loop.step()
        await crew.slip_in(await crew.entry(drop_id, "late", 1))

        def away(*_: object) -> None:
            raise LedgerUnavailableError("away")

        interpose(crew.persister, "_reassign", before=once(away))
        with pytest.raises(LedgerUnavailableError):
            await crew.loop.step()

        assert (await crew.unacknowledged(), await crew.dead_letters()) == (1, [])
