"""A batch that goes out faster than its plan pauses itself, once, until it is resumed; on both databases."""

import asyncio

import pytest
from sqlalchemy import select

from server.core.drops.claims import Outcome
from server.core.ids import StudentId
from server.core.promotions.stops import StopForm, Stoppable
from server.flows.access.pause_fast_batches import pause_fast_batches
from server.flows.coupons.bind_code import Account, bind_code
from server.flows.promotions.stops import change_stop
from server.ledger.promotions import stops
from server.ledger.tables import acts
from tests.support.builders.classroom import Classroom, granted, now_ms
from tests.support.builders.typed_codes import made_codes
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio


async def resume(classroom: Classroom, batch_id: str) -> None:
    form = StopForm(Stoppable.BATCH, batch_id, claims=True, use=False)
    desk = classroom.desk.drops
    granted(await change_stop(classroom.ledger, desk, form, False, "olga", now_ms()))


async def test_the_claim_that_is_too_many_pauses_it(classroom: Classroom) -> None:
    batch = await classroom.made_batch(max_per_minute=2)
    drop = await classroom.opened(batch)
    await classroom.won(drop.id, "ann", "bob")
    await classroom.confirm(drop.id)
    assert await pause_fast_batches(classroom.stores, now_ms()) == []

    counted: list[int] = []
    await classroom.won(drop.id, "cid")
    await classroom.confirm(drop.id)
    paused = await pause_fast_batches(classroom.stores, now_ms(), lambda: counted.append(1))
    assert (paused, counted) == ([batch.id], [1])
    assert await classroom.tap(drop.id, "dan") is Outcome.NOT_OPEN
    async with classroom.ledger.read() as conn:
        state = await stops.find(conn, batch.id)
    assert (state.claims, state.use, state.changed_by) == (True, False, "classdrop")
    assert state.reason == "went out faster than its plan: 3 in a minute, 2 planned"


async def test_it_is_paused_once_and_again_only_for_what_goes_out_later(
    classroom: Classroom,
) -> None:
    batch = await classroom.made_batch(max_per_minute=1)
    drop = await classroom.opened(batch)
    await classroom.won(drop.id, "ann", "bob")
    await classroom.confirm(drop.id)
    assert await pause_fast_batches(classroom.stores, now_ms()) == [batch.id]
    assert await pause_fast_batches(classroom.stores, now_ms()) == []

    await resume(classroom, batch.id)
    assert await pause_fast_batches(classroom.stores, now_ms()) == []
    await classroom.won(drop.id, "cid", "dan")
    await classroom.confirm(drop.id)
    assert await pause_fast_batches(classroom.stores, now_ms()) == [batch.id]


async def test_what_is_older_than_a_minute_does_not_count(classroom: Classroom) -> None:
    batch = await classroom.made_batch(max_per_minute=1)
    drop = await classroom.opened(batch)
    await classroom.won(drop.id, "ann", "bob")
    await classroom.confirm(drop.id)

    assert await pause_fast_batches(classroom.stores, now_ms() + 61_000) == []


async def test_a_batch_without_a_plan_is_never_paused(classroom: Classroom) -> None:
    await classroom.made_batch(max_per_minute=1)
    drop = await classroom.opened()
    await classroom.won(drop.id, "ann", "bob")
    await classroom.confirm(drop.id)

    assert await pause_fast_batches(classroom.stores, now_ms()) == []


async def test_bound_codes_count_and_codes_that_nobody_has_do_not(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(max_per_minute=1)
    codes = await made_codes(rig, batch, 5)
    later = now_ms() + 120_000  # made two minutes ago by then
    assert await pause_fast_batches(rig.classroom.stores, now_ms()) == []
    for number, code in enumerate(codes[:2]):
        student = Account(StudentId(f"s{number}"))
        granted(await bind_code(rig.ledger, rig.desk.drops, student, code, later))

    assert await pause_fast_batches(rig.classroom.stores, later) == [batch.id]


async def test_of_many_workers_one_pauses_it(classroom: Classroom) -> None:
    batch = await classroom.made_batch(max_per_minute=1)
    drop = await classroom.opened(batch)
    await classroom.won(drop.id, "ann", "bob")
    await classroom.confirm(drop.id)
    now = now_ms()
    found = await asyncio.gather(*(pause_fast_batches(classroom.stores, now) for _ in range(4)))

    assert [one for each in found for one in each] == [batch.id]
    query = select(acts.c.actor).where(acts.c.action == "batch.stopped")
    async with classroom.ledger.read() as conn:
        assert list(await conn.scalars(query)) == ["classdrop"]
