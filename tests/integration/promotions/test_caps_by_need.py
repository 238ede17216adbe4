"""The caps of a batch are loaded to the desk when students can claim from it, and not before.

The limit is kept (I2) for a drop that opens long after a rebuild; no rebuild reads the whole past (I15).
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, update

from loadtest.history import HistoryPlan, write_history
from server.core.drops.claims import Outcome
from server.core.drops.drops import Allotment
from server.core.ids import DropId, Slot, StudentId
from server.core.promotions.batches import Batch
from server.core.refusals import Code, Refused
from server.desk.claims.cap_loader import CapLoader
from server.desk.claims.caps import CapName, CapsMissing, KnownUnused
from server.desk.drops.drop_desk import DropDesk
from server.flows.consistency.rebuild import rebuild_desk
from server.ledger import tables
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.drops import caps, claims
from server.ledger.engine import Ledger
from tests.support.builders.campaigns import made_campaign
from tests.support.builders.classroom import ROOM, granted, now_ms, refused
from tests.support.builders.typed_codes import bind, made_codes
from tests.support.eventually import eventually
from tests.support.faults.interruptions import CrashError, crash, interpose, once
from tests.support.worker_rig import ALL_SHARDS, WorkerRig, everybody

pytestmark = pytest.mark.asyncio
DAY_MS = 24 * 3600 * 1000


async def ended_long_ago(rig: WorkerRig, drop_id: str) -> None:
    """Move the drop and its claims so far into the past that no rebuild loads them."""
    await rig.confirm(drop_id)
    granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
    async with rig.ledger.begin() as conn:
        past = update(tables.drops).where(tables.drops.c.id == drop_id)
        await conn.execute(past.values(closed_at=now_ms() - 3 * DAY_MS))


async def rebuilt(rig: WorkerRig) -> None:
    for shard in ALL_SHARDS:
        await rig.fence.shut(shard)
    await rig.rebuild_all()


async def with_a_past(rig: WorkerRig, *students: str, **batch: Any) -> Batch:
    """Return a batch from which these students have claimed, on a desk that was rebuilt since."""
    made = await rig.classroom.made_batch(**batch)
    drop = await rig.classroom.opened(made, quantity=len(students))
    await rig.classroom.won(drop.id, *students)
    await ended_long_ago(rig, drop.id)
    await rebuilt(rig)
    return made


@contextmanager
def statements_of(ledger: Ledger) -> Iterator[list[str]]:
    """Collect the statements that are executed within the block."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engines = [ledger.engine.sync_engine, ledger._reader.sync_engine]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


class TestTheLimit:
    async def test_it_holds_for_a_drop_that_opens_long_after_a_rebuild(
        self, rig: WorkerRig
    ) -> None:
        batch = await with_a_past(rig, "ann", "bob")
        drop = await rig.classroom.opened(batch)

        assert await rig.classroom.tap(drop.id, "ann") is Outcome.LIMIT_REACHED
        assert await rig.classroom.tap(drop.id, "eve") is Outcome.WON

    async def test_without_the_loading_it_would_not(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: an opening that takes incomplete caps for complete sells beyond the limit."""
        batch = await with_a_past(rig, "ann")
        real = DropDesk.open

        async def trusting(self: DropDesk, **asked: Any) -> object:
            epoch = (await self.epochs())[asked["shard"]]
            unused = KnownUnused(epoch or 0, frozenset(CapName))
            return await real(self, **{**asked, "unused": unused})

        monkeypatch.setattr(DropDesk, "open", trusting)
        drop = await rig.classroom.opened(batch)

        assert await rig.classroom.tap(drop.id, "ann") is Outcome.WON

    async def test_it_holds_over_the_batches_of_a_campaign(self, rig: WorkerRig) -> None:
        campaign = await made_campaign(rig.ledger, per_student=1)
        await with_a_past(rig, "ann", campaign_id=campaign.id)
        other = await rig.classroom.made_batch(campaign_id=campaign.id)
        drop = await rig.classroom.opened(other)

        assert await rig.classroom.tap(drop.id, "ann") is Outcome.LIMIT_REACHED
        assert await rig.classroom.tap(drop.id, "eve") is Outcome.WON

    async def test_it_holds_for_codes_of_a_batch_of_which_nothing_is_open(
        self, rig: WorkerRig
    ) -> None:
        batch = await with_a_past(rig, "ann", per_student=1)
        first, second, third = await made_codes(rig, batch, 3)

        assert refused(await bind(rig, "ann", first)).code is Code.LIMIT_REACHED
        granted(await bind(rig, "eve", first))
        assert refused(await bind(rig, "eve", second)).code is Code.LIMIT_REACHED

        drop = await rig.classroom.opened(batch)
        assert await rig.classroom.tap(drop.id, "eve") is Outcome.LIMIT_REACHED
        granted(await bind(rig, "joe", third))
        assert await rig.classroom.tap(drop.id, "joe") is Outcome.LIMIT_REACHED

    async def test_a_win_that_is_not_in_the_ledger_yet_is_counted(self, rig: WorkerRig) -> None:
        """The ledger is unavailable for longer than the desk keeps the caps of a closed drop."""
        rooms = rig.classroom
        await rebuilt(rig)
        batch = await rooms.made_batch()
        drop = await rooms.opened(batch)
        await rooms.won(drop.id, "ann")
        await rig.desk.redis.delete(rig.desk.keys(batch.shard).caps(batch.id))  # it has run out
        second = await rooms.opened(batch)

        assert await rooms.tap(second.id, "ann") is Outcome.LIMIT_REACHED

    async def test_a_desk_that_is_loaded_anew_while_it_loads_has_it_too(
        self, rig: WorkerRig
    ) -> None:
        batch = await with_a_past(rig, "ann")
        interpose(rig.desk.drops.caps, "fill", after=once(lambda *_: rebuilt(rig)))
        drop = await rig.classroom.opened(batch)

        assert await rig.classroom.tap(drop.id, "ann") is Outcome.LIMIT_REACHED
        assert await rig.classroom.tap(drop.id, "eve") is Outcome.WON

    async def test_that_nothing_was_used_is_known_of_one_load_of_the_desk_only(
        self, rig: WorkerRig
    ) -> None:
        """The opening is late: meanwhile another drop of the batch was opened and closed, and the desk
        rebuilt.
        """
        await rebuilt(rig)
        epochs = await rig.desk.drops.epochs()
        batch = await with_a_past(rig, "ann")
        answer = await rig.desk.drops.open(
            shard=batch.shard,
            drop_id=DropId("drp_late"),
            batch_id=batch.id,
            room=ROOM,
            per_student=1,
            allotments=[Allotment("alt_late", 1, 5)],
            opens_in_ms=0,
            duration_ms=60_000,
            unused=KnownUnused(epochs[batch.shard] or 0, frozenset(CapName)),
        )

        assert isinstance(answer, CapsMissing)

    async def test_taps_codes_and_openings_at_once(self, rig: WorkerRig) -> None:
        students = everybody(40)
        batch = await with_a_past(rig, *students[:20], per_student=2, quantity=1_000)
        told = await taps_codes_and_openings(rig, batch, students, students)

        # Each `won` is kept: the ledger has taken all that the desk has sold.
        assert await refused_by_the_ledger(rig) == []
        assert {student: wins + (student in students[:20]) for student, wins in told.items()} == (
            dict.fromkeys(students, 2)
        )
        for student in students:
            async with rig.ledger.read() as conn:
                used = [*await _slots(conn, batch, student)]
            assert sorted(used) == [1, 2]

    async def test_the_same_race_gives_too_many_where_the_caps_are_not_loaded_before_it(
        self, rig: WorkerRig
    ) -> None:
        """The control: the caps are marked as complete before anything is loaded.

        Students with earlier claims type no code here: the ledger would refuse it, and the desk count it.
        """
        students = everybody(40)
        batch = await with_a_past(rig, *students[:20], per_student=2, quantity=1_000)
        redis: Any = rig.desk.redis
        keys = rig.desk.keys(batch.shard)
        await redis.delete(keys.caps(batch.id))  # as a Redis that has lost it
        await redis.hset(keys.caps(batch.id), "", await redis.hget(keys.fence, "caps"))
        # Written at the end only: a worker finds the fault, and shuts the desk.
        told = await taps_codes_and_openings(rig, batch, students, students[20:], recorded=False)
        await rig.persister.write(await rig.outbox.read_all(batch.shard), now_ms())

        assert [one for one in students[:20] if told[one] + 1 > 2] != []
        assert await refused_by_the_ledger(rig) != []


async def taps_codes_and_openings(
    rig: WorkerRig,
    batch: Batch,
    tapping: Sequence[str],
    typing: Sequence[str],
    *,
    recorded: bool = True,
) -> Counter[str]:
    """Open three drops at once; these students tap on each as soon as it is open, those type a code
    meanwhile.

    Return how many coupons each student was promised.
    """
    codes = await made_codes(rig, batch, len(typing))
    told = Counter[str]()

    async def tap(drop_id: str, student: str) -> None:
        has_won = await rig.classroom.tap(drop_id, student) is Outcome.WON
        told[student] += has_won

    async def type_code(student: str, code: str) -> None:
        is_bound = not isinstance(await bind(rig, student, code), Refused)
        told[student] += is_bound

    async def open_and_tap() -> None:
        drop = await rig.classroom.opened(batch, quantity=100)
        await asyncio.gather(*(tap(drop.id, one) for one in tapping))
        if recorded:
            await rig.confirm(drop.id)

    await asyncio.gather(
        *(open_and_tap() for _ in range(3)),
        *(type_code(one, code) for one, code in zip(typing, codes, strict=True)),
    )
    return told


async def refused_by_the_ledger(rig: WorkerRig) -> list[str]:
    """Count the claims that the desk has sold and the ledger did not take unchanged."""
    async with rig.ledger.read() as conn:
        rows = (await conn.execute(tables.claims.select())).mappings().all()
    return [row["id"] for row in rows if row["state"] != "live"] + await rig.dead_letters()


async def _slots(conn: Any, batch: Batch, student: str) -> list[int]:
    found: list[int] = []
    for source in (caps.SlotSource.CLAIMS, caps.SlotSource.CODES):
        rows = await caps.page(conn, source, batch.id, caps.BEGINNING)
        found += [row.slot for row in rows if row.student == student]
    return found


class TestWhatIsRead:
    async def test_a_rebuild_asks_as_much_whatever_there_has_been(
        self, rig: WorkerRig, database_url: str
    ) -> None:
        await rebuilt(rig)
        with statements_of(rig.ledger) as before:
            await rebuilt(rig)
        await asyncio.to_thread(
            write_history, database_url, HistoryPlan(4_000, now_ms(), batches=16, drops_each=2)
        )
        with statements_of(rig.ledger) as after:
            await rebuilt(rig)

        assert len(after) == len(before)
        assert not [one for one in after if "FROM claims" in one or "FROM coupons" in one]

    async def test_the_first_drop_of_a_batch_asks_for_nothing_more(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await rebuilt(rig)
        monkeypatch.setattr(CapLoader, "progress", crash)
        campaign = await made_campaign(rig.ledger, per_student=1)
        batch = await rig.classroom.made_batch(campaign_id=campaign.id)
        await rig.classroom.opened(batch)
        await rig.classroom.opened(batch)

    async def test_a_loading_that_was_cut_short_goes_on_where_it_was(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(caps, "PAGE", 2)
        batch = await with_a_past(rig, *everybody(6))
        pages = 0
        real = CapLoader.fill

        async def dying(self: CapLoader, *said: Any) -> None:
            nonlocal pages
            pages += bool(said[-1])
            if said[-1] and pages == 3:
                raise CrashError
            await real(self, *said)

        monkeypatch.setattr(CapLoader, "fill", dying)
        with pytest.raises(CrashError):
            await rig.classroom.opened(batch)
        pages = 3  # the third, which was not written, and no more
        await rig.classroom.opened(batch)

        assert pages == 4

    async def test_each_page_is_read_along_an_index(
        self, ledger: Ledger, database_url: str
    ) -> None:
        await asyncio.to_thread(
            write_history, database_url, HistoryPlan(20_000, now_ms(), batches=4, drops_each=5)
        )
        for source in caps.SlotSource:
            with statements_of(ledger) as seen:
                async with ledger.read() as conn:
                    await caps.page(
                        conn, source, "bat_old_1", caps.UsedSlot(StudentId("s3"), Slot(0)), 100
                    )
            plan = await _plan(ledger, seen[-1])
            assert "Seq Scan" not in plan, plan
            assert "SCAN" not in plan, plan
            assert "TEMP B-TREE" not in plan, plan
            if source is not caps.SlotSource.CODES:  # there are none: any way is as good
                assert "Sort" not in plan, plan


async def _plan(ledger: Ledger, statement: str) -> str:
    is_sqlite = ledger.engine.dialect.name == "sqlite"
    values: list[object] = ["bat_old_1", "s3", 0, 100, 0]
    words = statement
    for number, value in enumerate(values, start=1):
        text = f"'{value}'" if isinstance(value, str) else str(value)
        if is_sqlite:
            words = words.replace("?", text, 1)
        else:
            words = words.replace(f"${number}::VARCHAR", text).replace(f"${number}::INTEGER", text)
    async with ledger.read() as conn:
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        if not is_sqlite:  # which it prefers for a table that is nearly empty
            await conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = await conn.exec_driver_sql(f"{explain} {words}")
        return "\n".join(str(row) for row in rows)


class TestHowLongItStays:
    async def test_as_long_as_a_drop_and_a_day(self, rig: WorkerRig) -> None:
        await rebuilt(rig)
        batch = await rig.classroom.made_batch()
        drop = await rig.classroom.opened(batch)
        key = rig.desk.keys(batch.shard).caps(batch.id)
        assert drop.closes_at is not None
        assert await rig.desk.redis.pexpiretime(key) == drop.closes_at + DAY_MS

        longer = granted(
            await rig.classroom.drops.extend(drop.id, ROOM, 30, drop.closes_at, now_ms())
        )
        assert longer.closes_at is not None
        assert await rig.desk.redis.pexpiretime(key) == longer.closes_at + DAY_MS

        await rebuilt(rig)
        assert await rig.desk.redis.pexpiretime(key) == longer.closes_at + DAY_MS

    async def test_a_desk_that_another_version_has_loaded_has_all_and_forgets_none(
        self, rig: WorkerRig
    ) -> None:
        """The desk was armed without a name of its load: its caps are complete, and not marked so."""
        batch = await rig.classroom.made_batch()
        drop = await rig.classroom.opened(batch)
        await rig.classroom.won(drop.id, "ann")
        second = await rig.classroom.opened(batch)
        key = rig.desk.keys(batch.shard).caps(batch.id)

        assert await rig.desk.redis.pttl(key) == -1
        assert await rig.classroom.tap(second.id, "ann") is Outcome.LIMIT_REACHED


class TestOneBadShard:
    async def test_its_statement_runs_out_of_time_and_the_others_are_armed(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rebuild_desk, "STATEMENT_SECONDS", 0.2)
        real = claims.drops_on_desk

        async def slow(conn: Any, shard: int, closed_after: int) -> list[DropId]:
            if shard == 3:
                if conn.dialect.name == "sqlite":  # it knows no limit for a statement
                    raise LedgerUnavailableError("canceling statement due to statement timeout")
                await conn.exec_driver_sql("SELECT pg_sleep(5)")
            return await real(conn, shard, closed_after)

        monkeypatch.setattr(claims, "drops_on_desk", slow)
        for shard in ALL_SHARDS:
            await rig.fence.shut(shard)
        worker = rig.worker

        async def armed_but_one() -> bool:
            await worker.jobs.claims.rebuild_shards()
            return await rig.fence.shut_shards() == [3]

        await eventually(armed_but_one)
        assert list(await rig.fence.troubles(ALL_SHARDS)) == [3]
        assert rig.loop.metrics.rebuild_failures.labels(3)._value.get() >= 1

        monkeypatch.undo()
        await rig.desk.redis.delete(rig.desk.keys(3).lease)  # it has run out

        async def mended() -> bool:
            await worker.jobs.claims.rebuild_shards()
            return not await rig.fence.shut_shards()

        await eventually(mended)
