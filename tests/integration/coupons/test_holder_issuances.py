"""Coupons without a tap count for the person whose account it is, as far as that is known."""

import pytest
import pytest_asyncio
from sqlalchemy import select

from server.core.coupons.issuances import Issuance, ItemOutcome
from server.core.drops.claims import Outcome
from server.core.ids import DropId, StudentId
from server.core.promotions.batches import Batch
from server.flows.coupons.issuing import issuances as flows
from server.ledger.coupons import holder_slots
from server.ledger.tables import person_slots
from tests.support.builders.classroom import granted, now_ms
from tests.support.builders.issuances import asked, desk_slots, outcomes, parts_of, worked
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import WorkerRig, lost

pytestmark = pytest.mark.asyncio

ANN, ANN2, BOB = StudentId("ann"), StudentId("ann2"), StudentId("bob")
ISSUED, LIMITED = ItemOutcome.ISSUED, ItemOutcome.LIMIT_REACHED
QUANTITIES = pytest.mark.parametrize("quantity", [100, None], ids=["with drops", "without a desk"])


@pytest_asyncio.fixture(autouse=True)
async def accounts(rig: WorkerRig) -> None:
    """Ann has two accounts; whose Bob's is, nobody knows."""
    await known(rig)


async def known(rig: WorkerRig) -> None:
    async with rig.ledger.begin() as conn:
        await holder_slots.note_persons(conn, [(ANN, "p1"), (ANN2, "p1")], now_ms())


async def slots_of(rig: WorkerRig, batch: Batch) -> list[tuple[str, int]]:
    query = select(person_slots.c.person, person_slots.c.slot)
    async with rig.ledger.read() as conn:
        rows = await conn.execute(query.where(person_slots.c.batch_id == batch.id))
        return sorted((row[0], row[1]) for row in rows)


async def issued(rig: WorkerRig, batch: Batch, *students: StudentId) -> Issuance:
    issuance = await asked(rig, batch, students)
    await worked(rig)
    return issuance


@QUANTITIES
async def test_two_accounts_of_one_person_get_one(rig: WorkerRig, quantity: int | None) -> None:
    batch = await rig.classroom.made_batch(quantity=quantity)
    issuance = await issued(rig, batch, ANN, ANN2, BOB)
    assert await outcomes(rig, issuance) == {ANN: ISSUED, ANN2: LIMITED, BOB: ISSUED}
    assert await slots_of(rig, batch) == [("p1", 1)]


@QUANTITIES
async def test_a_person_who_may_have_two_gets_two(rig: WorkerRig, quantity: int | None) -> None:
    batch = await rig.classroom.made_batch(quantity=quantity, per_person=2)
    issuance = await issued(rig, batch, ANN, ANN2)
    assert await outcomes(rig, issuance) == {ANN: ISSUED, ANN2: ISSUED}
    assert await slots_of(rig, batch) == [("p1", 1), ("p1", 2)]


@QUANTITIES
async def test_a_second_issuance_finds_the_first(rig: WorkerRig, quantity: int | None) -> None:
    batch = await rig.classroom.made_batch(quantity=quantity)
    await issued(rig, batch, ANN)
    issuance = await issued(rig, batch, ANN2)
    assert await outcomes(rig, issuance) == {ANN2: LIMITED}


async def test_a_tap_and_an_issuance_count_together(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    await issued(rig, batch, ANN)
    drop = await rig.classroom.opened(batch)
    answer = await rig.desk.claims.claim(
        shard=batch.shard,
        drop_id=DropId(drop.id),
        batch_id=batch.id,
        student=StudentId("ann3"),
        request_id="r1",
        person="p1",
    )
    assert (answer.outcome, answer.limit) == (Outcome.LIMIT_REACHED, "person")


async def test_what_is_taken_back_counts_for_nobody(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    first = await issued(rig, batch, ANN)
    granted(await flows.undo(parts_of(rig), first.id, "olga"))
    await worked(rig)
    assert await slots_of(rig, batch) == []
    assert await desk_slots(rig, batch) == set()
    issuance = await issued(rig, batch, ANN2)
    assert await outcomes(rig, issuance) == {ANN2: ISSUED}


async def test_who_gets_nothing_uses_no_slot_of_the_person(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(quantity=1)
    await issued(rig, batch, BOB)
    issuance = await issued(rig, batch, ANN)
    assert await outcomes(rig, issuance) == {ANN: ItemOutcome.STOCK_SHORT}
    assert await desk_slots(rig, batch) == {("bob", 1)}


async def test_slots_that_the_desk_forgot_are_read_from_the_ledger(
    flushable_rig: WorkerRig, flushable_redis: RedisServer
) -> None:
    rig = flushable_rig
    await known(rig)
    batch = await rig.classroom.made_batch(per_student=2, per_person=2)
    await issued(rig, batch, ANN)
    await lost(rig, flushable_redis)
    await rig.rebuild_all()
    issuance = await issued(rig, batch, ANN, ANN2)
    assert await outcomes(rig, issuance) == {ANN: ISSUED, ANN2: LIMITED}
    assert await slots_of(rig, batch) == [("p1", 1), ("p1", 2)]
