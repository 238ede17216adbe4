"""Each kind of damage is made by hand, found and named; it is repaired where nobody loses anything by it."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from server.core.drops.claims import Outcome
from server.core.ids import DropId, StudentId
from server.core.promotions.batches import Batch, RoomQuota
from server.desk.shards.desk_audit import DeskAudit
from server.flows.consistency import doctor as doctor_module
from server.flows.consistency.doctor import diagnose
from server.flows.consistency.findings import Finding, FindingKind, Repair
from server.flows.consistency.rebuild.repair_shard import ShardRepairer
from server.flows.consistency.repair import Repairer
from server.flows.drops.changes.change_drop import write_top_up
from server.ledger import tables
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.faults.corruption import forget_the_stream, let_go, spend
from tests.support.worker_rig import WorkerRig, at_work, desk_state, everybody, is_confirmed

pytestmark = pytest.mark.asyncio

AT_ONCE = 0.01  # seconds between two rounds
ROUNDS = doctor_module.ROUNDS


@pytest.fixture(autouse=True)
def one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run one round of checks: where claims go on beside a test, one round has to be right."""
    monkeypatch.setattr(doctor_module, "ROUNDS", 1)


async def found(rig: WorkerRig) -> list[Finding]:
    return await diagnose(rig.ledger, audit_of(rig), now_ms(), AT_ONCE)


def audit_of(rig: WorkerRig) -> DeskAudit:
    return DeskAudit(rig.desk.redis, rig.desk.prefix)


def kinds(findings: list[Finding]) -> list[FindingKind]:
    return [one.kind for one in findings]


async def repaired(rig: WorkerRig, findings: list[Finding] | None = None) -> list[Repair]:
    findings = findings if findings is not None else await found(rig)
    return await repairer_of(rig, deadline_s=5).repair(findings, now_ms())


def repairer_of(rig: WorkerRig, deadline_s: float) -> Repairer:
    shards = ShardRepairer(
        ledger=rig.ledger,
        desk=audit_of(rig),
        fence=rig.fence,
        outbox=rig.outbox,
        persister=rig.persister,
        rebuilder=rig.rebuilder,
        deadline_s=deadline_s,
    )
    return Repairer(rig.stores, shards)


async def mended(rig: WorkerRig) -> list[Repair]:
    """Repair everything that is wrong now; assert that all is well afterwards."""
    said = await repaired(rig)
    assert all(one.is_done for one in said), said
    assert await found(rig) == []
    return said


async def a_drop(
    rig: WorkerRig, *students: str, batch: Batch | None = None, **changes: object
) -> str:
    """Return an open drop that these students have won; all is confirmed, acknowledged and trimmed."""
    drop = await rig.classroom.opened(batch, **changes)
    await rig.classroom.won(drop.id, *students)
    while await rig.unacknowledged():
        await rig.loop.step()
    await forget_the_stream(rig)
    return drop.id


async def run(rig: WorkerRig, statement: Any) -> None:
    async with rig.ledger.begin() as conn:
        await conn.execute(statement)


async def keys_of(rig: WorkerRig, drop_id: str) -> tuple[Any, Any]:
    """Return the desk's keys of the drop, and a Redis client that returns bytes."""
    row = await rig.classroom.row(drop_id)
    redis: Any = rig.desk.redis
    return rig.desk.keys(row.shard), redis


async def a_lost_entry(rig: WorkerRig, drop_id: str, *students: str) -> None:
    """Let students win on the desk, and delete their entries from the outbox before a worker reads them."""
    await rig.classroom.won(drop_id, *students)
    await forget_the_stream(rig)


class TestHealthy:
    async def test_an_empty_school_is_well(self, rig: WorkerRig) -> None:
        assert await found(rig) == []

    async def test_a_school_with_all_that_happens_is_well(self, rig: WorkerRig) -> None:
        batch = await rig.classroom.made_batch(per_student=9)
        running = await a_drop(rig, "s1", "s2", "s3", batch=batch)
        await spend(rig, running, "s1")
        await let_go(rig, running, "s2")
        granted(await rig.classroom.drops.top_up(running, ROOM, 5, 10, now_ms()))
        closed = await a_drop(rig, "s1", batch=batch)
        granted(await rig.classroom.drops.close(closed, ROOM, now_ms()))
        never = await rig.classroom.opened(batch, start="prepared")
        granted(await rig.classroom.drops.close(never.id, ROOM, now_ms()))
        await rig.classroom.opened(batch, start="prepared")
        await rig.classroom.opened(batch, opens_in_seconds=60)

        assert await found(rig) == []

    async def test_a_desk_that_was_built_anew_is_well(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1", "s2")
        await let_go(rig, drop_id, "s1")
        await rig.fence.shut((await rig.classroom.row(drop_id)).shard)
        await rig.rebuild_all()

        assert await found(rig) == []

    async def test_claims_on_their_way_are_no_fault(self, rig: WorkerRig) -> None:
        """Some claims are only won, some are in the ledger and not confirmed yet."""
        drop = await rig.classroom.opened()
        await rig.classroom.won(drop.id, "s1", "s2")
        row = await rig.classroom.row(drop.id)
        await rig.persister.write(await rig.outbox.read_all(row.shard), now_ms())
        await rig.classroom.won(drop.id, "s3")

        assert await found(rig) == []

    async def test_claims_on_their_way_of_a_drop_that_has_closed_are_no_fault(
        self, rig: WorkerRig
    ) -> None:
        drop = await rig.classroom.opened()
        await rig.classroom.won(drop.id, "s1", "s2")
        granted(await rig.classroom.drops.close(drop.id, ROOM, now_ms()))

        assert await found(rig) == []

    async def test_what_a_later_look_does_not_find_was_on_its_way(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A unit that comes back is in the ledger first, and on the desk a moment later."""
        monkeypatch.setattr(doctor_module, "ROUNDS", ROUNDS)
        drop_id = await a_drop(rig, "s1", "s2")
        await let_go(rig, drop_id, "s1", on_desk=False)
        row = await rig.classroom.row(drop_id)
        claim = next(one for one in await rig.rows(drop_id) if one.student == "s1")
        pauses: list[float] = []

        async def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == ROUNDS - 1:
                await rig.desk.drops.release(row.shard, drop_id, {StudentId("s1"): claim.id})

        monkeypatch.setattr(asyncio, "sleep", pause)

        assert await found(rig) == []
        assert len(pauses) == ROUNDS - 1

    async def test_a_school_under_load_is_well_at_every_look(self, rig: WorkerRig) -> None:
        """Each check is one round, so that nothing is left out because a second round did not find it.

        The control: whoever only counts on both sides finds differences all the time.
        """
        batch = await rig.classroom.made_batch(per_student=3, quantity=4000)
        opened = [await rig.classroom.opened(batch, quantity=2000) for _ in range(2)]
        await rig.classroom.won(opened[1].id, "early")  # on its way before anybody works
        shard, looks, naive = batch.shard, 0, 0

        async def claim() -> None:
            for first in range(1, 1900, 10):
                for drop in opened:
                    students = everybody(10, start=first)
                    await asyncio.gather(*(rig.classroom.tap(drop.id, s) for s in students))
                if looks > 2:
                    break
            granted(await rig.classroom.drops.close(opened[0].id, ROOM, now_ms()))

        async with at_work(rig):
            claiming = asyncio.create_task(claim())
            while not claiming.done() or await rig.unacknowledged():
                assert await found(rig) == []
                looks += 1
                live = len(await rig.live(opened[1].id))
                counted = await audit_of(rig).counters(shard, opened[1].id)
                naive += counted is not None and counted.live != live
            await claiming

        assert looks > 2
        assert naive > 0
        assert await found(rig) == []


class TestDesk:
    async def test_a_win_that_only_the_desk_knows_is_recorded_and_told(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await a_drop(rig, "s1")
        await a_lost_entry(rig, drop_id, "s2", "s3")
        findings = await found(rig)

        assert kinds(findings) == [FindingKind.UNRECORDED_WIN] * 2
        assert {(one.drop, one.student, one.unit) for one in findings} == {
            (drop_id, "s2", 2),
            (drop_id, "s3", 3),
        }
        await mended(rig)
        assert await rig.live(drop_id) == {"s1": 1, "s2": 2, "s3": 3}
        assert await is_confirmed(rig, drop_id, "s2", "s3")
        assert set(await rig.codes(drop_id)) == {"s1", "s2", "s3"}

    async def test_beside_a_worker_as_well(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        await a_lost_entry(rig, drop_id, "s2")
        async with at_work(rig.another("wrk_2")):
            await mended(rig)

        assert await rig.live(drop_id) == {"s1": 1, "s2": 2}

    async def test_whose_unit_the_ledger_has_given_away_gets_another(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        await a_lost_entry(rig, drop_id, "s2")
        await rig.persister.write([await rig.entry(drop_id, "other", 2)], now_ms())
        await mended(rig)

        assert await rig.live(drop_id) == {"s1": 1, "other": 2, "s2": 3}

    async def test_where_nothing_is_left_nobody_loses_what_they_were_told(
        self, rig: WorkerRig
    ) -> None:
        """The claim is left as it is and reported; after a top-up it can be repaired."""
        drop_id = await a_drop(rig, "s1", quantity=2)
        await a_lost_entry(rig, drop_id, "s2")
        await rig.persister.write([await rig.entry(drop_id, "other", 2)], now_ms())
        said = await repaired(rig)
        before = await desk_state(rig, drop_id)

        assert [one.is_done for one in said] == [False, False]
        assert "top" in said[0].what
        assert before.holders["s2"].startswith("w|")
        assert await rig.fence.shut_shards() == []
        assert FindingKind.DEAD_LETTER in kinds(await found(rig))
        granted(await rig.classroom.drops.top_up(drop_id, ROOM, 1, 2, now_ms()))
        await mended(rig)
        assert await rig.live(drop_id) == {"s1": 1, "other": 2, "s2": 3}
        assert await is_confirmed(rig, drop_id, "s1", "s2", "other")

    async def test_a_holder_the_ledger_has_forgotten_keeps_claim_and_code(
        self, rig: WorkerRig
    ) -> None:
        """The ledger was restored from an older copy."""
        drop_id = await a_drop(rig, "s1", "s2")
        codes, live = await rig.codes(drop_id), await rig.live(drop_id)
        await run(rig, delete(tables.coupons).where(tables.coupons.c.student == "s2"))
        await run(rig, delete(tables.claims).where(tables.claims.c.student == "s2"))
        findings = await found(rig)

        assert kinds(findings) == [FindingKind.UNKNOWN_HOLDER]
        assert (findings[0].student, findings[0].unit) == ("s2", 2)
        await mended(rig)
        assert (await rig.codes(drop_id), await rig.live(drop_id)) == (codes, live)

    async def test_a_claim_the_desk_has_forgotten_is_given_back_to_it(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1", "s2")
        before = await desk_state(rig, drop_id)
        keys, redis = await keys_of(rig, drop_id)
        await redis.hdel(keys.holders(drop_id), "s2")
        findings = await found(rig)

        assert {(FindingKind.FORGOTTEN_CLAIM, "s2"), (FindingKind.DESK_DIFFERS, None)} == {
            (one.kind, one.student) for one in findings
        }
        await mended(rig)
        assert await desk_state(rig, drop_id) == before

    async def test_a_drop_the_desk_has_forgotten_is_given_back_to_it(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1", "s2")
        keys, redis = await keys_of(rig, drop_id)
        await redis.delete(keys.drop(drop_id), keys.holders(drop_id))

        assert FindingKind.FORGOTTEN_CLAIM in kinds(await found(rig))
        await mended(rig)
        assert await is_confirmed(rig, drop_id, "s1", "s2")
        await rig.classroom.won(drop_id, "s3")

    async def test_an_open_drop_without_claims_that_the_desk_has_forgotten(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await a_drop(rig)
        keys, redis = await keys_of(rig, drop_id)
        await redis.delete(keys.drop(drop_id))

        assert [(one.kind, one.drop) for one in await found(rig)] == [
            (FindingKind.DESK_DIFFERS, drop_id)
        ]
        await mended(rig)
        await rig.classroom.won(drop_id, "s3")

    @pytest.mark.parametrize(
        ("field", "value"), [("live", "7"), ("next", "9"), ("quantity", "12"), ("live", "0")]
    )
    async def test_counters_of_the_desk_that_are_wrong(
        self, rig: WorkerRig, field: str, value: str
    ) -> None:
        drop_id = await a_drop(rig, "s1", "s2")
        before = await desk_state(rig, drop_id)
        keys, redis = await keys_of(rig, drop_id)
        await redis.hset(keys.drop(drop_id), field, value)
        findings = await found(rig)

        assert kinds(findings) == [FindingKind.DESK_DIFFERS]
        assert drop_id in findings[0].what
        await mended(rig)
        assert await desk_state(rig, drop_id) == before

    async def test_a_unit_that_somebody_holds_and_that_is_offered_again(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await a_drop(rig, "s1", "s2")
        keys, redis = await keys_of(rig, drop_id)
        await redis.zadd(keys.free(drop_id), {"1": 1})

        assert "offered again" in (await found(rig))[0].what
        await mended(rig)

    async def test_a_unit_with_two_holders(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1", "s2")
        keys, redis = await keys_of(rig, drop_id)
        record = await redis.hget(keys.holders(drop_id), "s2")
        await redis.hset(keys.holders(drop_id), "s2", record.replace(b"|2|1|", b"|1|1|"))
        findings = await found(rig)

        assert set(kinds(findings)) == {FindingKind.DESK_DIFFERS, FindingKind.ANOTHER_UNIT}
        await mended(rig)
        assert await rig.live(drop_id) == {"s1": 1, "s2": 2}

    async def test_a_student_who_was_never_told(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        await rig.classroom.won(drop_id, "s2")
        row = await rig.classroom.row(drop_id)
        await rig.persister.write(await rig.outbox.read_all(row.shard), now_ms())
        await forget_the_stream(rig)
        findings = await found(rig)

        assert [(one.kind, one.student) for one in findings] == [
            (FindingKind.NEVER_CONFIRMED, "s2")
        ]
        await mended(rig)
        assert await is_confirmed(rig, drop_id, "s2")

    async def test_a_unit_that_came_back_in_the_ledger_alone(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1", "s2")
        await let_go(rig, drop_id, "s2", on_desk=False)
        findings = await found(rig)

        assert [(one.kind, one.student) for one in findings] == [
            (FindingKind.HELD_THOUGH_GONE, "s2")
        ]
        await mended(rig)
        assert (await desk_state(rig, drop_id)).free == (2,) or (
            await desk_state(rig, drop_id)
        ).fields["next"] == "2"

    async def test_a_slot_that_could_be_used_again(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        row = await rig.classroom.row(drop_id)
        keys, redis = await keys_of(rig, drop_id)
        await redis.hdel(keys.caps(row.batch_id), "s1")
        findings = await found(rig)

        assert [(one.kind, one.student) for one in findings] == [
            (FindingKind.SLOT_NOT_COUNTED, "s1")
        ]
        await mended(rig)
        assert (await desk_state(rig, drop_id)).slots == {"s1": ",1,"}

    @pytest.mark.parametrize("field", ["p|p1", "d|d1"])
    async def test_a_person_or_device_that_another_account_could_win_by(
        self, rig: WorkerRig, field: str
    ) -> None:
        batch = await rig.classroom.made_batch(per_device=1)
        drop = await rig.classroom.opened(batch)
        tapped = await rig.classroom.desk.claims.claim(
            shard=batch.shard,
            drop_id=DropId(drop.id),
            batch_id=batch.id,
            student=StudentId("s1"),
            request_id="r1",
            person="p1",
            device="d1",
        )
        assert tapped.outcome is Outcome.WON
        await rig.classroom.confirm(drop.id)
        await forget_the_stream(rig)
        keys, redis = await keys_of(rig, drop.id)
        assert await found(rig) == []
        await redis.hdel(keys.caps(drop.batch_id), field)

        assert [(one.kind, one.batch) for one in await found(rig)] == [
            (FindingKind.HOLDER_NOT_COUNTED, drop.batch_id)
        ]
        await mended(rig)
        assert await redis.hget(keys.caps(drop.batch_id), field) == b",1,"

    async def test_a_drop_that_the_ledger_does_not_know_is_left_to_a_person(
        self, rig: WorkerRig
    ) -> None:
        redis: Any = rig.desk.redis
        await redis.hset(rig.desk.keys(3).drop("drp_lost"), "next", "1")
        findings = await found(rig)

        assert [(one.kind, one.drop, one.shard) for one in findings] == [
            (FindingKind.UNKNOWN_DROP, "drp_lost", 3)
        ]
        assert await repaired(rig) == []

    async def test_a_shut_fence_is_opened_where_no_worker_runs(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        shard = (await rig.classroom.row(drop_id)).shard
        await rig.fence.shut(shard)

        assert [(one.kind, one.shard) for one in await found(rig)] == [
            (FindingKind.FENCE_SHUT, shard)
        ]
        await mended(rig)
        assert await rig.fence.shut_shards() == []

    async def test_a_desk_that_somebody_else_keeps_building_is_said(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        shard = (await rig.classroom.row(drop_id)).shard
        findings = [Finding(FindingKind.DESK_DIFFERS, "", "", drop=drop_id, shard=shard)]
        assert await rig.another("wrk_2").fence.take_lease(shard)
        (said,) = await repairer_of(rig, deadline_s=0.2).repair(findings, now_ms())

        assert not said.is_done
        assert "somebody else" in said.what

    async def test_claims_that_wait_too_long_are_counted(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drop = await rig.classroom.opened()
        await rig.classroom.won(drop.id, "s1", "s2")
        monkeypatch.setattr(doctor_module, "OUTBOX_WAITS_MS", 0)
        (finding,) = await found(rig)

        assert finding.kind is FindingKind.OUTBOX_WAITS
        assert finding.what.startswith("2 claims")
        while await rig.unacknowledged():
            await rig.loop.step()
        assert await found(rig) == []


class TestLedger:
    async def test_a_claim_without_its_coupon_gets_the_one_the_student_has_seen(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await a_drop(rig, "s1", "s2")
        codes = await rig.codes(drop_id)
        await run(rig, delete(tables.coupons).where(tables.coupons.c.student == "s2"))
        findings = await found(rig)

        assert [(one.kind, one.student, one.unit) for one in findings] == [
            (FindingKind.CLAIM_WITHOUT_COUPON, "s2", 2),
            (FindingKind.BOOKS_DO_NOT_ADD_UP, None, None),
        ]
        await mended(rig)
        assert await rig.codes(drop_id) == codes

    @pytest.mark.parametrize("source", ["claim", "list"])
    async def test_as_many_coupons_as_claims_hide_no_claim_without_its_coupon(
        self, rig: WorkerRig, source: str
    ) -> None:
        """The drop's numbers add up: it has a coupon too many that belongs to no claim."""
        await a_drop(rig, "s1", "s2")
        of_student = tables.coupons.c.student
        await run(
            rig,
            update(tables.coupons).where(of_student == "s2").values(claim_id=None, source=source),
        )
        findings = await found(rig)

        strays = [(FindingKind.COUPON_WITHOUT_CLAIM, "s2")] if source == "claim" else []
        assert [(one.kind, one.student) for one in findings] == [
            (FindingKind.CLAIM_WITHOUT_COUPON, "s2"),
            *strays,
        ]

    async def test_a_code_that_is_somebody_elses_by_now_is_made_anew(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1", "s2")
        codes = await rig.codes(drop_id)
        of_student = tables.coupons.c.student
        await run(rig, delete(tables.coupons).where(of_student == "s2"))
        await run(
            rig,
            update(tables.coupons).where(of_student == "s1").values(code=codes["s2"]),
        )
        await repaired(rig)
        after = await rig.codes(drop_id)

        assert after["s1"] == codes["s2"]
        assert after["s2"] not in codes.values()
        assert await found(rig) == []

    async def test_a_coupon_whose_claim_is_gone_is_left_to_a_person(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        await run(rig, update(tables.coupons).values(claim_id=None))
        await run(rig, delete(tables.claims))
        findings = await found(rig)

        assert (FindingKind.COUPON_WITHOUT_CLAIM, "s1") in {
            (one.kind, one.student) for one in findings
        }
        assert any("a person" in one.todo for one in findings)
        codes = await rig.codes(drop_id)
        await repaired(
            rig, [one for one in findings if one.kind is FindingKind.COUPON_WITHOUT_CLAIM]
        )
        assert await rig.codes(drop_id) == codes

    async def test_a_claim_whose_coupon_gave_its_unit_up_is_left_to_a_person(
        self, rig: WorkerRig
    ) -> None:
        await a_drop(rig, "s1")
        await run(rig, update(tables.coupons).values(state="released"))
        findings = await found(rig)

        assert findings[0].kind is FindingKind.CLAIM_WITHOUT_COUPON
        assert "released" in findings[0].what
        assert "a person" in findings[0].todo

    async def test_counters_of_a_batch_and_of_a_rooms_share_are_set_right(
        self, rig: WorkerRig
    ) -> None:
        batch = await rig.classroom.made_batch(rooms=(RoomQuota(ROOM, 50),))
        await a_drop(rig, "s1", batch=batch)
        await run(rig, update(tables.batches).values(allotted=3))
        await run(rig, update(tables.batch_rooms).values(allotted=12))
        findings = await found(rig)

        assert [(one.kind, one.batch, one.room) for one in findings] == [
            (FindingKind.BATCH_COUNTER, batch.id, None),
            (FindingKind.BATCH_COUNTER, batch.id, ROOM),
        ]
        await mended(rig)
        after = await rig.classroom.batch(batch.id)
        assert after.rooms is not None
        assert (after.allotted, after.rooms[0].allotted) == (10, 10)

    async def test_drops_that_hold_more_than_their_batch_has_are_left_to_a_person(
        self, rig: WorkerRig
    ) -> None:
        batch = await rig.classroom.made_batch(quantity=10)
        await a_drop(rig, batch=batch)
        await run(rig, update(tables.batches).values(quantity=5, allotted=5))
        (said,) = await repaired(rig)

        assert not said.is_done
        assert (await rig.classroom.batch(batch.id)).allotted == 5

    async def test_units_of_a_closed_drop_that_are_nowhere_go_back_to_the_batch(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await a_drop(rig, "s1", "s2")
        batch_id = (await rig.classroom.row(drop_id)).batch_id
        granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        await run(rig, update(tables.drops).values(returned=5))
        await run(rig, update(tables.batches).values(allotted=5))
        findings = await found(rig)

        assert [(one.kind, one.drop) for one in findings] == [
            (FindingKind.BOOKS_DO_NOT_ADD_UP, drop_id)
        ]
        assert "3 units" in findings[0].what
        await mended(rig)
        assert (await rig.classroom.row(drop_id)).returned == 8
        assert (await rig.classroom.batch(batch_id)).allotted == 2

    async def test_claims_beyond_what_a_closed_drop_kept_take_their_units_again(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await a_drop(rig, "s1", "s2")
        batch_id = (await rig.classroom.row(drop_id)).batch_id
        granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        await run(rig, update(tables.drops).values(returned=9))
        await run(rig, update(tables.batches).values(allotted=1))
        findings = await found(rig)

        assert [(one.kind, one.drop) for one in findings] == [
            (FindingKind.CLAIMS_BEYOND_STOCK, drop_id)
        ]
        await mended(rig)
        assert await rig.live(drop_id) == {"s1": 1, "s2": 2}
        assert (await rig.classroom.batch(batch_id)).allotted == 2

    async def test_an_intent_that_was_left_behind_is_driven(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        intent = await write_top_up(rig.classroom.stores, drop_id, ROOM, 5, 10, now_ms())
        long_ago = now_ms() - 60_000
        await run(
            rig,
            update(tables.intents)
            .where(tables.intents.c.id == intent.id)
            .values(created_at=long_ago),
        )
        findings = await found(rig)

        assert [(one.kind, one.drop) for one in findings] == [
            (FindingKind.INTENT_LEFT_BEHIND, drop_id)
        ]
        await mended(rig)
        assert await rig.classroom.unfinished() == []
        assert (await rig.classroom.view(drop_id)).quantity == 15


class TestDeadLetters:
    async def letter(self, rig: WorkerRig, drop_id: str, student: str, unit: int) -> None:
        """Write a dead letter as a worker does, while the desk still has the claim as won."""
        entry = await rig.entry(drop_id, student, unit)
        await run(
            rig,
            insert(tables.dead_letters).values(
                claim_id=entry.claim_id,
                shard=entry.shard,
                entry_id="7-1",
                entry=entry._asdict(),
                error="no coupon could be made",
                created_at=now_ms(),
            ),
        )
        await rig.fence.shut(entry.shard)
        await rig.rebuild_all()

    async def test_it_is_listed_with_whom_what_when_and_why(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        await self.letter(rig, drop_id, "s2", 2)
        (finding,) = await found(rig)

        assert (finding.kind, finding.drop, finding.student, finding.unit, finding.error) == (
            FindingKind.DEAD_LETTER,
            drop_id,
            "s2",
            2,
            "no coupon could be made",
        )
        assert finding.at is not None

    async def test_it_is_recorded_where_its_cause_has_gone(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        await self.letter(rig, drop_id, "s2", 2)
        await mended(rig)

        assert await rig.live(drop_id) == {"s1": 1, "s2": 2}
        assert await is_confirmed(rig, drop_id, "s2")
        assert await rig.dead_letters() == []

    async def test_it_is_left_where_the_ledger_still_does_not_take_it(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        entry = await rig.entry(drop_id, "s2", 2, drop_id="drp_lost")
        await run(
            rig,
            insert(tables.dead_letters).values(
                claim_id=entry.claim_id,
                shard=entry.shard,
                entry_id="7-1",
                entry=entry._asdict(),
                error="no such drop",
                created_at=now_ms(),
            ),
        )
        said = await repaired(rig)

        assert [one.is_done for one in said] == [False, True]
        assert await rig.dead_letters() == [entry.claim_id]
        assert kinds(await found(rig)) == [FindingKind.DEAD_LETTER]

    async def test_of_a_student_who_has_another_claim_nothing_is_left(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        await self.letter(rig, drop_id, "s1", 2)
        await mended(rig)

        assert await rig.live(drop_id) == {"s1": 1}
        assert await rig.dead_letters() == []

    async def test_one_that_a_closed_drop_kept_a_unit_for_gets_it(self, rig: WorkerRig) -> None:
        drop_id = await a_drop(rig, "s1")
        await self.letter(rig, drop_id, "s2", 2)
        granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        assert kinds(await found(rig)) == [FindingKind.DEAD_LETTER]
        await mended(rig)

        assert await rig.live(drop_id) == {"s1": 1, "s2": 2}
        assert (await rig.classroom.row(drop_id)).returned == 8


class TestTwoAtOnce:
    async def test_two_doctors_mend_the_same_and_neither_breaks_what_the_other_did(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await a_drop(rig, "s1", "s2")
        codes = await rig.codes(drop_id)
        await a_lost_entry(rig, drop_id, "s3", "s4")
        await run(rig, delete(tables.coupons).where(tables.coupons.c.student == "s2"))
        await run(rig, update(tables.batches).values(allotted=1))
        findings = await found(rig)
        both = [rig, rig.another("wrk_2")]
        async with at_work(rig.another("wrk_3")):
            said = await asyncio.gather(*(repaired(one, findings) for one in both))

        assert all(one.is_done for one in [*said[0], *said[1]]), said
        assert await found(rig) == []
        assert await rig.live(drop_id) == {"s1": 1, "s2": 2, "s3": 3, "s4": 4}
        after = await rig.codes(drop_id)
        assert {name: after[name] for name in codes} == codes
        assert set(after) == {"s1", "s2", "s3", "s4"}
