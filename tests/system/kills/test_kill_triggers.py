"""kill -9 at each step of firing a trigger: another worker goes on, and each event has exactly one firing
and one coupon.
"""

from collections import Counter
from datetime import UTC

import pytest
from sqlalchemy import select, update

from server.core.audiences.student_events import StudentEvent
from server.flows.audiences.student_events import Accepted, accept_events
from server.ledger import tables
from tests.support.builders.classroom import now_ms
from tests.support.builders.issuances import assert_books
from tests.support.builders.triggers import active_trigger
from tests.support.eventually import eventually
from tests.support.servers.crash_points import CrashPoint, CrashSite
from tests.support.worker_rig import WorkerRig, at_work

pytestmark = pytest.mark.asyncio

STUDENTS = [f"s{number}" for number in range(20)]
TRIGGERS = "server.ledger.events.triggers"
POSITIONS = "server.ledger.event_positions"

STEPS = {
    "before_the_page": CrashPoint(TRIGGERS, "active_for_update", "before"),
    "after_the_issuance": CrashPoint("server.flows.coupons.issuing.issue", "add", "after"),
    "after_the_firings": CrashPoint(TRIGGERS, "insert_firings", "after"),
    "before_the_position_is_committed": CrashPoint(POSITIONS, "move", "after", mark="triggers"),
    "before_the_coupons": CrashPoint(
        "server.desk.claims.issuance_slots:IssuanceSlots", "take", "before"
    ),
    "before_the_coupons_are_committed": CrashPoint(
        "server.ledger.coupons.coupons", "insert_issued", "after"
    ),
}


async def coupons_of(rig: WorkerRig, batch_id: str) -> Counter[str]:
    query = select(tables.coupons.c.student).where(tables.coupons.c.batch_id == batch_id)
    async with rig.ledger.read() as conn:
        return Counter(await conn.scalars(query))


@pytest.mark.parametrize("step", STEPS)
async def test_the_worker_dies_while_a_trigger_fires(crash_site: CrashSite, step: str) -> None:
    rig = crash_site.rig
    batch = await rig.classroom.made_batch()
    trigger = await active_trigger(rig.ledger, batch_id=batch.id)
    events = [StudentEvent(f"e-{one}", "lesson_finished", one, now_ms()) for one in STUDENTS]
    assert isinstance(await accept_events(rig.ledger, events, UTC, now_ms()), Accepted)

    await crash_site.start("worker", STEPS[step]).dies()
    async with rig.ledger.begin() as conn:  # the dead driver's lease is over
        await conn.execute(update(tables.issuances).values(driven_until=0))
    async with at_work(rig):

        async def everybody_has_one() -> bool:
            return (await coupons_of(rig, batch.id)).keys() == set(STUDENTS)

        await eventually(everybody_has_one, 10)

    async with rig.ledger.read() as conn:
        fired = Counter(await conn.scalars(select(tables.trigger_firings.c.student)))
        total = await conn.scalar(select(tables.triggers.c.fired))
    assert fired == await coupons_of(rig, batch.id) == Counter(STUDENTS)
    assert (total, trigger.fired) == (len(STUDENTS), 0)
    await assert_books(rig, batch)
