"""Codes that are typed count for the person and the device of the student's token, together with taps."""

import asyncio

import pytest
from sqlalchemy import select

from server.core.drops.claims import Outcome
from server.core.ids import DropId, StudentId
from server.core.promotions.batches import Batch
from server.core.refusals import Code, Refused
from server.ledger.coupons import holder_slots
from server.ledger.tables import person_slots
from tests.support.builders.classroom import granted, refused
from tests.support.builders.typed_codes import bind, made_codes
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio

LIMITS = [{"person": "x1"}, {"device": "x1"}]


async def person_slots_of(rig: WorkerRig, batch: Batch) -> list[tuple[str, int]]:
    query = select(person_slots.c.person, person_slots.c.slot).where(
        person_slots.c.batch_id == batch.id
    )
    async with rig.ledger.read() as conn:
        return sorted((row[0], row[1]) for row in await conn.execute(query))


@pytest.mark.parametrize("quantity", [100, None], ids=["with drops", "without a desk"])
@pytest.mark.parametrize("who", LIMITS, ids=["person", "device"])
async def test_two_accounts_bind_one_code_between_them(
    rig: WorkerRig, who: dict[str, str], quantity: int | None
) -> None:
    batch = await rig.classroom.made_batch(quantity=quantity, per_device=1)
    first, second = await made_codes(rig, batch, 2)
    granted(await bind(rig, "ann", first, **who))  # type: ignore[arg-type]

    answer = refused(await bind(rig, "ann2", second, **who))  # type: ignore[arg-type]

    assert (answer.code, answer.facts) == (Code.LIMIT_REACHED, {"limit": next(iter(who))})
    granted(await bind(rig, "bob", second, person="x2", device="x2"))


@pytest.mark.parametrize("who", LIMITS, ids=["person", "device"])
async def test_a_tap_and_a_code_count_together(rig: WorkerRig, who: dict[str, str]) -> None:
    batch = await rig.classroom.made_batch(per_device=1)
    (code,) = await made_codes(rig, batch, 1)
    granted(await bind(rig, "ann", code, **who))  # type: ignore[arg-type]
    drop = await rig.classroom.opened(batch)

    answer = await rig.desk.claims.claim(
        shard=batch.shard,
        drop_id=DropId(drop.id),
        batch_id=batch.id,
        student=StudentId("ann2"),
        request_id="r1",
        **who,  # type: ignore[arg-type]
    )

    assert (answer.outcome, answer.limit) == (Outcome.LIMIT_REACHED, next(iter(who)))


async def test_a_refused_code_uses_no_slot_of_anybody(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(per_device=1)
    first, second, third = await made_codes(rig, batch, 3)
    granted(await bind(rig, "ann", first, person="p1", device="d1"))
    assert refused(await bind(rig, "bob", second, person="p2", device="d1")).facts == {
        "limit": "device"
    }
    granted(await bind(rig, "bob", third, person="p2", device="d2"))
    assert await person_slots_of(rig, batch) == [("p1", 1), ("p2", 1)]


async def test_a_code_of_somebody_else_meanwhile_gives_the_slots_back(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    first, second = await made_codes(rig, batch, 2)
    answers = await asyncio.gather(
        bind(rig, "ann", first, person="p1"), bind(rig, "bob", first, person="p2")
    )
    lost = isinstance(answers[0], Refused)
    student, person = ("ann", "p1") if lost else ("bob", "p2")
    granted(await bind(rig, student, second, person=person))
    assert await person_slots_of(rig, batch) == [("p1", 1), ("p2", 1)]


async def test_a_code_tells_whose_account_it_is(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    (code,) = await made_codes(rig, batch, 1)
    granted(await bind(rig, "ann", code, person="p1"))
    async with rig.ledger.read() as conn:
        assert await holder_slots.persons_of(conn, [StudentId("ann")]) == {"ann": "p1"}
