"""Students are reminded of coupons that end, once for each level, on both databases."""

import asyncio

import pytest
from sqlalchemy import select, update

from server.core.promotions.templates import FixedValidity
from server.flows.events.reminders import remind
from server.flows.events.send_messages import USUAL_POLICY, send_due
from server.ledger import tables
from tests.support.builders.classroom import granted, now_ms
from tests.support.builders.typed_codes import bind, made_codes
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio
HOUR_MS = 3_600_000
DAYS = 24 * HOUR_MS


async def given(
    rig: WorkerRig, ends_at: int, remind_before: tuple[int, ...] | None = None, *students: str
) -> None:
    """Give each student a coupon that ends then."""
    validity = FixedValidity(now_ms() - HOUR_MS, ends_at)
    template = await rig.classroom.made_template(validity=validity)
    batch = await rig.classroom.made_batch(template, remind_before=remind_before)
    codes = await made_codes(rig, batch, len(students))
    for code, student in zip(codes, students, strict=True):
        granted(await bind(rig, student, code))


async def asked(rig: WorkerRig) -> list[tuple[str, str]]:
    """Return (student, channel) of all reminders."""
    rows = tables.messages.c
    query = select(rows.student, rows.channel).where(rows.kind == "coupon_expires")
    async with rig.ledger.read() as conn:
        return sorted((row[0], row[1]) for row in await conn.execute(query))


async def test_each_level_reminds_once(rig: WorkerRig) -> None:
    now = now_ms()
    await remind(rig.stores, (72, 24), now)  # the levels begin
    await given(rig, now + 5 * DAYS, None, "ann")

    await remind(rig.stores, (72, 24), now + DAYS)
    assert await asked(rig) == []
    for _ in range(2):
        await remind(rig.stores, (72, 24), now + 2 * DAYS)
    assert await asked(rig) == [("ann", "in_app"), ("ann", "webhook")]
    await remind(rig.stores, (72, 24), now + 4 * DAYS)
    await remind(rig.stores, (72, 24), now + 4 * DAYS + HOUR_MS)
    assert len(await asked(rig)) == 4


async def test_a_batch_has_its_own_levels(rig: WorkerRig) -> None:
    now = now_ms()
    await given(rig, now + 3 * DAYS, (48,), "ann")
    await given(rig, now + 3 * DAYS, (), "bob")
    await remind(rig.stores, (24,), now)

    await remind(rig.stores, (24,), now + DAYS)
    assert {student for student, _ in await asked(rig)} == {"ann"}
    await remind(rig.stores, (24,), now + 2 * DAYS)
    assert {student for student, _ in await asked(rig)} == {"ann"}


async def test_many_that_end_at_once_are_read_in_pages_by_workers_at_once(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.flows.events.reminders.AT_ONCE", 3)
    now = now_ms()
    students = [f"s{number}" for number in range(10)]
    await remind(rig.stores, (24,), now)
    await given(rig, now + 2 * DAYS, None, *students)

    later = now + DAYS + HOUR_MS
    await asyncio.gather(*(remind(rig.stores, (24,), later) for _ in range(3)))

    assert [student for student, channel in await asked(rig) if channel == "in_app"] == students


async def test_a_coupon_that_is_locked_by_then_is_not_talked_about(rig: WorkerRig) -> None:
    now = now_ms()
    await remind(rig.stores, (24,), now)
    await given(rig, now + 2 * DAYS, None, "ann")
    await remind(rig.stores, (24,), now + DAYS)
    async with rig.ledger.begin() as conn:
        await conn.execute(update(tables.coupons).values(state="voided"))

    await send_due(rig.stores, USUAL_POLICY, now + DAYS + HOUR_MS)

    async with rig.ledger.read() as conn:
        found = set(await conn.scalars(select(tables.messages.c.state)))
    assert found == {"cancelled"}
