"""A rehearsal runs on the real system, and nothing of it counts anywhere."""

import orjson
import pytest
from sqlalchemy import select

from server.core.drops.claims import Audience, Outcome
from server.core.drops.drop_ends import DropEnd
from server.core.drops.drops import DropState, EndsBy
from server.core.ids import StudentId
from server.core.promotions.batches import Batch
from server.core.promotions.claim_conditions import ClaimConditions
from server.flows.drops.changes.reopen_drop import ReopenForm
from server.ledger import tables
from server.ledger.consistency import unit_audit
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms

pytestmark = pytest.mark.asyncio
TESTERS = Audience(students=frozenset(["amy", "ben"]))
# What a lesson would change, and a rehearsal must not.
COUNTED = (
    *("batches", "batch_rooms", "campaign_budgets", "claims", "campaign_claims", "coupons"),
    *("coupon_moves", "person_slots", "device_slots", "issuances"),
)


async def _everything(classroom: Classroom) -> bytes:
    found: dict[str, object] = {}
    async with classroom.ledger.read() as conn:
        for name in COUNTED:
            rows = (await conn.execute(select(tables.metadata.tables[name]))).all()
            found[name] = sorted(repr(tuple(row)) for row in rows)
    return orjson.dumps(found)


async def _rehearsed(classroom: Classroom, batch: Batch) -> str:
    drop = await classroom.opened(batch, audience=TESTERS, rehearsal=True, quantity=2)
    answer = [await _tap(classroom, drop.id, student) for student in ("amy", "ben", "cem")]
    assert answer == [Outcome.WON, Outcome.WON, Outcome.SOLD_OUT]
    await classroom.confirm(drop.id)
    return drop.id


async def _tap(classroom: Classroom, drop_id: str, student: str) -> Outcome:
    shown = (await classroom.told())[-1].drop
    answer = await classroom.desk.claims.claim(
        shard=shown.shard,
        drop_id=shown.id,
        batch_id=shown.batch_id,
        student=StudentId(student),
        request_id="r1",
        campaign_id=shown.campaign_id,
    )
    return answer.outcome


async def test_batch_budget_and_results_are_byte_for_byte_as_before(classroom: Classroom) -> None:
    batch = await classroom.made_batch()
    before = await _everything(classroom)
    drop_id = await _rehearsed(classroom, batch)
    open_view = await classroom.view(drop_id)
    assert (open_view.claimed, open_view.confirmed, open_view.difference) == (2, 2, 0)
    granted(await classroom.drops.close(drop_id, ROOM, now_ms()))
    closed = await classroom.view(drop_id)
    assert (closed.state, closed.claimed, closed.difference) == (DropState.CLOSED, 2, 0)
    assert await _everything(classroom) == before
    # A rehearsal uses nothing up: the same students claim in the lesson.
    real = await classroom.opened(batch)
    await classroom.won(real.id, "amy", "ben")


async def test_its_coupon_is_marked_and_is_in_no_table(classroom: Classroom) -> None:
    drop_id = await _rehearsed(classroom, await classroom.made_batch())
    row = await classroom.row(drop_id)
    held = (await classroom.desk.drops.claims_of([(row.shard, drop_id, ["amy"])]))[0][0]
    assert held is not None
    coupon = orjson.loads(held.coupon)
    assert coupon["rehearsal"] is True
    async with classroom.ledger.read() as conn:
        codes = await conn.scalars(select(tables.coupons.c.code))
        assert coupon["code"] not in set(codes)


async def test_only_its_testers_are_admitted_whatever_the_batch_asks(classroom: Classroom) -> None:
    batch = await classroom.made_batch(conditions=ClaimConditions(frozenset(["vip"])))
    await classroom.opened(batch, audience=TESTERS, rehearsal=True)
    shown = (await classroom.told())[-1].drop
    assert shown.audience.admits("amy", frozenset())
    assert not shown.audience.admits("cem", frozenset(["vip"]))


async def test_doctor_counts_it_nowhere(classroom: Classroom) -> None:
    await _rehearsed(classroom, await classroom.made_batch())
    async with classroom.ledger.read() as conn:
        assert await unit_audit.mismatched_counters(conn) == []
        assert await unit_audit.page_of_drops(conn, "", 10, 1_000) == ([], False)


async def test_it_is_opened_again_like_any_other(classroom: Classroom) -> None:
    batch = await classroom.made_batch()
    before = await _everything(classroom)
    drop_id = await _rehearsed(classroom, batch)
    granted(await classroom.drops.close(drop_id, ROOM, now_ms()))
    form = ReopenForm(1, DropEnd(EndsBy.DURATION, 60))
    again = granted(await classroom.drops.reopen(drop_id, ROOM, form, now_ms()))
    assert (again.remaining, again.claimed) == (1, 2)
    assert await _everything(classroom) == before
