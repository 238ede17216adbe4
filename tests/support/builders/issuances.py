"""Issuances of a `rig`: asked for, driven as by a worker, and what has become of their students."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from server.core.coupons.issuances import Issuance, ItemOutcome, NewIssuance
from server.core.ids import StudentId
from server.core.promotions.batches import Batch
from server.flows.coupons.issuing.drive_issuances import IssueParts, drive_due
from server.flows.coupons.issuing.issue import DRIVEN_MS, add
from server.ledger.consistency import budget_audit, unit_audit
from server.ledger.coupons import issuance_items, issuances
from server.ledger.tables import coupons
from server.ledger.tables import issuance_items as item_rows
from tests.support.builders.classroom import now_ms
from tests.support.worker_rig import WorkerRig

UTC: Final = ZoneInfo("UTC")


def everyone(count: int) -> list[StudentId]:
    return [StudentId(f"s{number:05}") for number in range(count)]


def parts_of(rig: WorkerRig, later_ms: int = 0) -> IssueParts:
    """`later_ms`: how far its clock is ahead."""
    return IssueParts(rig.ledger, rig.desk.drops, lambda: now_ms() + later_ms, UTC)


async def asked(
    rig: WorkerRig, batch: Batch, students: Sequence[StudentId], hold_out_percent: int = 0
) -> Issuance:
    form = NewIssuance(reason="sorry", batch_id=batch.id, hold_out_percent=hold_out_percent)
    async with rig.ledger.begin() as conn:
        return await add(conn, form, actor="shop", now=now_ms(), students=students)


async def worked(rig: WorkerRig, *, after_a_crash: bool = False) -> None:
    """Let a worker do what is due, also what a dead one held."""
    await drive_due(parts_of(rig, DRIVEN_MS + 1 if after_a_crash else 0))


async def found(rig: WorkerRig, issuance: Issuance) -> Issuance:
    async with rig.ledger.read() as conn:
        current = await issuances.find(conn, issuance.id)
    assert current is not None
    return current


async def outcomes(rig: WorkerRig, issuance: Issuance) -> dict[str, ItemOutcome | None]:
    async with rig.ledger.read() as conn:
        rows = await issuance_items.page(conn, issuance.id, None, None, 10_000)
    return {one.student: one.outcome for one in rows}


async def assert_books(rig: WorkerRig, batch: Batch) -> None:
    """Check promise I10 and I6: each item has one outcome, who was issued one has one coupon and one slot on
    the desk, nobody else has; stock and budget add up.
    """
    async with rig.ledger.read() as conn:
        assert await unit_audit.mismatched_counters(conn) == []
        assert await budget_audit.mismatched_budgets(conn) == []
        live = select(coupons.c.student, coupons.c.slot).where(
            coupons.c.batch_id == batch.id, coupons.c.state != "revoked"
        )
        has = Counter[tuple[str, int]]((row[0], row[1]) for row in await conn.execute(live))
        issued = select(item_rows.c.student).where(
            item_rows.c.outcome == "issued", item_rows.c.taken_back_at.is_(None)
        )
        given = Counter(await conn.scalars(issued))
        per_student = await conn.execute(
            select(coupons.c.student, func.count())
            .where(
                coupons.c.batch_id == batch.id,
                coupons.c.issuance_id.is_not(None),
                coupons.c.state != "revoked",
            )
            .group_by(coupons.c.student)
        )
        assert {row[0]: row[1] for row in per_student} == dict(given)
    assert set(has.values()) <= {1}
    assert await desk_slots(rig, batch) == set(has)


async def desk_slots(rig: WorkerRig, batch: Batch) -> set[tuple[str, int]]:
    """Return the (student, slot) that the desk counts as used."""
    redis: Any = rig.desk.redis  # its answers are bytes
    caps = await redis.hgetall(rig.desk.keys(batch.shard).caps(batch.id))
    return {
        (student.decode(), int(slot))
        for student, slots in caps.items()
        if student
        for slot in slots.decode().strip(",").split(",")
        if slot
    }


async def left_on_desk(rig: WorkerRig, issuance: Issuance, batch: Batch) -> int:
    """Return how many students' slots are taken and not settled."""
    key = rig.desk.keys(batch.shard).taken(issuance.id, batch.id)
    return int(await rig.desk.redis.hlen(key))
