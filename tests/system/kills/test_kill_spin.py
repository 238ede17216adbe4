"""kill -9 of a web process at each step of a spin: the same request gets one outcome, with one coupon, by a
worker that lives and another web process.
"""

import httpx
import pytest
from sqlalchemy import func, select, update

from server.core.identity import Role
from server.flows.consistency.checks.lottery_checks import check_lotteries
from server.ledger import tables
from tests.integration.lotteries.test_spins import made
from tests.support.builders.classroom import now_ms
from tests.support.builders.issuances import assert_books
from tests.support.eventually import eventually
from tests.support.servers.crash_points import CrashPoint, CrashSite, RoleProcess
from tests.support.worker_rig import WorkerRig, at_work

pytestmark = pytest.mark.asyncio

SPINS = "server.ledger.lotteries.spins"
STEPS = {
    "before_the_draw_is_written": CrashPoint(SPINS, "insert_spins", "after"),
    "before_the_slots": CrashPoint(
        "server.desk.claims.issuance_slots:IssuanceSlots", "take", "before"
    ),
    "before_the_coupon_is_written": CrashPoint(
        "server.ledger.coupons.coupons", "insert_issued", "after"
    ),
    "before_the_outcome": CrashPoint(SPINS, "store", "before"),
    "after_the_outcome": CrashPoint(SPINS, "find_by_ids", "before"),
}


async def spun(site: CrashSite, web: RoleProcess, lottery_id: str) -> httpx.Response | None:
    """Return the answer; None where the connection broke."""
    async with site.asking(web, Role.STUDENT, "ann") as clients:
        try:
            path = f"/v1/lotteries/{lottery_id}/spins"
            return await clients["ann"].post(path, json={"request_id": "r"})
        except httpx.TransportError:
            return None


async def leases_are_over(rig: WorkerRig) -> None:
    """Let the dead driver's time be over, without waiting for it."""
    async with rig.ledger.begin() as conn:
        await conn.execute(update(tables.issuances).values(driven_until=0))


@pytest.mark.parametrize("step", STEPS)
async def test_the_web_process_dies_while_a_student_spins(crash_site: CrashSite, step: str) -> None:
    rig = crash_site.rig
    batch = await rig.classroom.made_batch()
    lottery = await made(rig, batch)
    web = await crash_site.web(STEPS[step])
    assert await spun(crash_site, web, lottery.id) is None
    await web.dies()
    await leases_are_over(rig)

    living = await crash_site.web()

    async def is_answered() -> httpx.Response | None:
        answer = await spun(crash_site, living, lottery.id)
        return answer if answer is not None and answer.status_code == 200 else None

    async with at_work(rig):
        first = await eventually(is_answered, 15)
        again = await eventually(is_answered, 15)
        await eventually(lambda: is_done(rig), 10)

    assert first is not None
    assert again is not None
    assert first.json() == again.json()
    assert (first.json()["outcome"], first.json()["n"]) == ("won", 1)
    async with rig.ledger.read() as conn:
        assert await conn.scalar(select(func.count()).select_from(tables.coupons)) == 1
    assert await check_lotteries(rig.ledger, now_ms()) == []
    await assert_books(rig, batch)


async def is_done(rig: WorkerRig) -> bool:
    """Return whether every issuance is finished."""
    async with rig.ledger.read() as conn:
        query = select(func.count()).where(tables.issuances.c.due_at.is_not(None))
        return not await conn.scalar(query.select_from(tables.issuances))
