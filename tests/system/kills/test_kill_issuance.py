"""kill -9 at each step of a piece of an issuance, and of its undo: another worker goes on, every student has
one outcome, whoever was issued a coupon has one, and stock, budgets and slots add up.
"""

import pytest
from sqlalchemy import update

from server.core.coupons.issuances import Issuance, IssuanceState, ItemOutcome
from server.flows.coupons.issuing import issuances as flows
from server.ledger import tables
from tests.support.builders.classroom import granted
from tests.support.builders.issuances import (
    asked,
    assert_books,
    everyone,
    found,
    left_on_desk,
    outcomes,
    parts_of,
)
from tests.support.eventually import eventually
from tests.support.servers.crash_points import CrashPoint, CrashSite
from tests.support.worker_rig import WorkerRig, at_work

pytestmark = pytest.mark.asyncio

STUDENTS = everyone(25)
SLOTS = "server.desk.claims.issuance_slots:IssuanceSlots"
ITEMS = "server.ledger.coupons.issuance_items"

STEPS = {
    "before_the_slots": CrashPoint(SLOTS, "take", "before"),
    "after_the_slots": CrashPoint(SLOTS, "take", "after"),
    "after_the_coupons": CrashPoint("server.ledger.coupons.coupons", "insert_issued", "after"),
    "after_the_outcomes": CrashPoint(ITEMS, "decide", "after"),
    "after_the_commit": CrashPoint(SLOTS, "give_back", "before"),
    "before_it_is_settled": CrashPoint(SLOTS, "keep", "before"),
    "before_the_end": CrashPoint(SLOTS, "left_behind", "after"),
}
UNDO_STEPS = {
    "before_the_commit": CrashPoint(ITEMS, "mark_taken_back", "after"),
    "before_the_desk": CrashPoint(SLOTS, "free", "before"),
    "after_the_desk": CrashPoint(SLOTS, "free", "after"),
    "before_the_last_commit": CrashPoint(ITEMS, "mark_slots_freed", "after"),
}


async def lease_is_over(rig: WorkerRig, issuance: Issuance) -> None:
    """Let the dead driver's time be over, without waiting for it."""
    of = tables.issuances.c.id == issuance.id
    async with rig.ledger.begin() as conn:
        await conn.execute(update(tables.issuances).where(of).values(driven_until=0))


async def is_finished(rig: WorkerRig, issuance: Issuance) -> bool:
    return (await found(rig, issuance)).due_at is None


@pytest.mark.parametrize("step", STEPS)
async def test_the_worker_dies_while_it_issues(crash_site: CrashSite, step: str) -> None:
    rig = crash_site.rig
    batch = await rig.classroom.made_batch(quantity=20)
    issuance = await asked(rig, batch, STUDENTS)

    await crash_site.start("worker", STEPS[step]).dies()
    await lease_is_over(rig, issuance)
    async with at_work(rig):
        await eventually(lambda: is_finished(rig, issuance), 10)

    done = await found(rig, issuance)
    assert (done.state, done.issued, done.refused) == (IssuanceState.DONE, 20, 5)
    said = list((await outcomes(rig, issuance)).values())
    assert said.count(ItemOutcome.ISSUED) == 20
    assert said.count(ItemOutcome.STOCK_SHORT) == 5
    assert await left_on_desk(rig, issuance, batch) == 0
    await assert_books(rig, batch)


@pytest.mark.parametrize("step", UNDO_STEPS)
async def test_the_worker_dies_while_it_takes_back(crash_site: CrashSite, step: str) -> None:
    rig = crash_site.rig
    batch = await rig.classroom.made_batch()
    issuance = await asked(rig, batch, STUDENTS)
    async with at_work(rig):
        await eventually(lambda: is_finished(rig, issuance), 10)
    granted(await flows.undo(parts_of(rig), issuance.id, "olga"))

    await crash_site.start("worker", UNDO_STEPS[step]).dies()
    await lease_is_over(rig, issuance)
    async with at_work(rig):
        await eventually(lambda: is_finished(rig, issuance), 10)

    undone = await found(rig, issuance)
    assert (undone.state, undone.taken_back) == (IssuanceState.UNDONE, len(STUDENTS))
    assert (await rig.classroom.batch(batch.id)).remaining == 100
    await assert_books(rig, batch)
