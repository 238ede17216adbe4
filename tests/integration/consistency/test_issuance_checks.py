"""Doctor finds issuances whose counts, items and coupons differ, on both databases."""

import pytest
from sqlalchemy import delete, update

from server.core.ids import StudentId
from server.flows.consistency.checks.issuance_checks import check_issuances
from server.flows.consistency.findings import FindingKind
from server.ledger.tables import coupons, issuance_items, issuances
from tests.support.builders.issuances import asked, everyone, worked
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio


async def test_issuances_that_add_up_are_no_finding(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(quantity=3)
    for students in (everyone(5), [StudentId("late")]):
        await asked(rig, batch, students, hold_out_percent=20)
        assert await check_issuances(rig.ledger) == []
        await worked(rig)
        assert await check_issuances(rig.ledger) == []


@pytest.mark.parametrize(
    "damage",
    [
        delete(issuance_items).where(issuance_items.c.student == "s00000"),
        update(issuance_items)
        .where(issuance_items.c.student == "s00000")
        .values(outcome="blocked"),
        update(issuance_items)
        .where(issuance_items.c.student == "s00000")
        .values(outcome=None, decided_at=None),
        delete(coupons).where(coupons.c.student == "s00000"),
        update(issuances).values(issued=2, refused=1),
    ],
    ids=["lost item", "another outcome", "no outcome", "lost coupon", "wrong count"],
)
async def test_a_difference_is_found(rig: WorkerRig, damage: object) -> None:
    batch = await rig.classroom.made_batch()
    issuance = await asked(rig, batch, everyone(3))
    await worked(rig)
    async with rig.ledger.begin() as conn:
        await conn.execute(damage)  # type: ignore[call-overload]

    (found,) = await check_issuances(rig.ledger)

    assert (found.kind, found.issuance) == (FindingKind.ISSUANCE_DIFFERS, issuance.id)
