"""Limits beyond one account: what a person and a device may claim of a batch, whoever taps."""

from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from server.core.drops.claims import Outcome
from server.core.ids import DropId, StudentId
from server.desk import DeskUnavailableError
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.outbox import Outbox
from server.flows.consistency.rebuild.rebuild_desk import DeskRebuilder
from server.flows.drops.claims.persist_claims import ClaimPersister
from server.flows.drops.views.drop_view import DropView
from server.ledger.coupons import holder_slots
from server.ledger.drops import claims
from server.ledger.tables import device_slots, person_slots
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms

pytestmark = pytest.mark.asyncio

TABLES = {"person": person_slots, "device": device_slots}


async def a_drop(classroom: Classroom, **limits: Any) -> DropView:
    template = await classroom.made_template()
    return await classroom.opened(await classroom.made_batch(template, **limits))


async def tap(
    classroom: Classroom,
    drop: DropView,
    student: str,
    *,
    person: str | None = None,
    device: str | None = None,
    request_id: str = "r1",
) -> ClaimAnswer:
    batch = await classroom.batch(drop.batch_id)
    return await classroom.desk.claims.claim(
        shard=batch.shard,
        drop_id=DropId(drop.id),
        batch_id=batch.id,
        student=StudentId(student),
        request_id=request_id,
        person=person,
        device=device,
    )


def said(answer: ClaimAnswer) -> tuple[Outcome, str | None]:
    return answer.outcome, answer.limit


async def rebuild(classroom: Classroom, shard: int) -> None:
    desk = classroom.desk
    persister = ClaimPersister(classroom.ledger, desk.fence, desk.feed)
    outbox = Outbox(desk.redis, desk.prefix, "tests")
    rebuilder = DeskRebuilder(classroom.ledger, desk.fence, desk.feed, outbox, persister)
    assert await rebuilder.rebuild(shard, now_ms())


async def lose_desk(classroom: Classroom, shard: int) -> None:
    desk = classroom.desk
    keys = [key async for key in desk.redis.scan_iter(f"{desk.prefix}:{{d{shard}}}:*")]
    await desk.redis.delete(*keys)
    await rebuild(classroom, shard)


async def slots_of(classroom: Classroom, kind: str, drop: DropView) -> list[tuple[str, int]]:
    table = TABLES[kind]
    query = select(table.c[kind], table.c.slot).where(table.c.batch_id == drop.batch_id)
    async with classroom.ledger.read() as conn:
        return sorted((row[0], row[1]) for row in await conn.execute(query))


async def test_two_accounts_of_one_person_get_one(classroom: Classroom) -> None:
    drop = await a_drop(classroom)
    assert (await tap(classroom, drop, "ann", person="p1")).outcome is Outcome.WON
    refused = await tap(classroom, drop, "ann2", person="p1")
    assert said(refused) == (Outcome.LIMIT_REACHED, "person")
    assert (await tap(classroom, drop, "bob", person="p2")).outcome is Outcome.WON
    assert (await tap(classroom, drop, "cyd")).outcome is Outcome.WON


async def test_a_device_has_a_limit_only_where_the_batch_says_so(classroom: Classroom) -> None:
    free, limited = await a_drop(classroom), await a_drop(classroom, per_device=1)
    for student in ("ann", "bob"):
        assert (await tap(classroom, free, student, device="d1")).outcome is Outcome.WON
    assert (await tap(classroom, limited, "ann", device="d1")).outcome is Outcome.WON
    refused = await tap(classroom, limited, "bob", device="d1")
    assert said(refused) == (Outcome.LIMIT_REACHED, "device")


async def test_a_repetition_is_the_same_win_and_another_request_is_told_so(
    classroom: Classroom,
) -> None:
    drop = await a_drop(classroom, per_device=1)
    who = {"person": "p1", "device": "d1"}
    first = await tap(classroom, drop, "ann", **who)
    again = await tap(classroom, drop, "ann", **who)
    other = await tap(classroom, drop, "ann", request_id="r2", **who)
    assert (again.outcome, again.held) == (Outcome.WON, first.held)
    assert (other.outcome, other.held) == (Outcome.ALREADY_WON, first.held)


async def test_an_account_that_used_up_its_own_hears_that(classroom: Classroom) -> None:
    batch = await classroom.made_batch(await classroom.made_template())
    first, second = await classroom.opened(batch), await classroom.opened(batch)
    await tap(classroom, first, "ann", person="p1")
    refused = await tap(classroom, second, "ann", person="p1")
    assert said(refused) == (Outcome.LIMIT_REACHED, "batch")


async def test_a_person_may_have_more_than_a_student(classroom: Classroom) -> None:
    drop = await a_drop(classroom, per_person=2)
    for student in ("ann", "ann2"):
        assert (await tap(classroom, drop, student, person="p1")).outcome is Outcome.WON
    assert (await tap(classroom, drop, "ann3", person="p1")).limit == "person"
    await classroom.confirm(drop.id)
    assert await slots_of(classroom, "person", drop) == [("p1", 1), ("p1", 2)]


async def test_a_desk_made_anew_knows_whose_they_were(classroom: Classroom) -> None:
    drop = await a_drop(classroom, per_device=1)
    await tap(classroom, drop, "ann", person="p1", device="d1")
    await classroom.confirm(drop.id)
    await lose_desk(classroom, (await classroom.batch(drop.batch_id)).shard)

    assert (await tap(classroom, drop, "ann2", person="p1", device="d2")).limit == "person"
    assert (await tap(classroom, drop, "bob", person="p2", device="d1")).limit == "device"
    assert (await tap(classroom, drop, "bob", person="p2", device="d2")).outcome is Outcome.WON


async def test_a_later_drop_of_the_batch_loads_them_with_its_caps(classroom: Classroom) -> None:
    batch = await classroom.made_batch(await classroom.made_template())
    first = await classroom.opened(batch)
    await tap(classroom, first, "ann", person="p1")
    await classroom.confirm(first.id)
    granted(await classroom.drops.close(first.id, ROOM, now_ms()))
    await lose_desk(classroom, batch.shard)
    second = await classroom.opened(batch)
    assert (await tap(classroom, second, "ann2", person="p1")).limit == "person"


@pytest.mark.parametrize("kind", ["person", "device"])
async def test_what_a_forgetful_desk_sold_beyond_it_is_taken_back(
    classroom: Classroom, kind: str
) -> None:
    drop = await a_drop(classroom, per_device=1)
    await tap(classroom, drop, "ann", **{kind: "x1"})
    await classroom.confirm(drop.id)
    batch = await classroom.batch(drop.batch_id)
    await classroom.desk.redis.hdel(
        classroom.desk.keys(batch.shard).caps(batch.id), f"{kind[0]}|x1"
    )
    assert (await tap(classroom, drop, "ann2", **{kind: "x1"})).outcome is Outcome.WON
    with pytest.raises(DeskUnavailableError):
        await classroom.confirm(drop.id)  # desk and ledger disagree: it has to be rebuilt
    await rebuild(classroom, batch.shard)

    async with classroom.ledger.read() as conn:
        rows = {str(row.student): row for row in await claims.of_drop(conn, drop.id)}
    assert rows["ann"].state == "live"
    assert (rows["ann2"].state, rows["ann2"].reason) == ("revoked", claims.REASON_NOTHING_LEFT)
    assert await slots_of(classroom, kind, drop) == [("x1", 1)]


async def test_a_redelivery_counts_once(classroom: Classroom) -> None:
    drop = await a_drop(classroom, per_person=2)
    await tap(classroom, drop, "ann", person="p1")
    for _ in range(2):
        await classroom.confirm(drop.id)
    assert await slots_of(classroom, "person", drop) == [("p1", 1)]


async def test_whose_account_it_is_is_remembered_the_last_one_counts(classroom: Classroom) -> None:
    for person in ("p1", "p2"):
        drop = await a_drop(classroom)
        await tap(classroom, drop, "ann", person=person)
        await tap(classroom, drop, "bob")
        await classroom.confirm(drop.id)
        async with classroom.ledger.read() as conn:
            found = await holder_slots.persons_of(conn, [StudentId("ann"), StudentId("bob")])
        assert found == {"ann": person}


@pytest.mark.parametrize("kind", ["person", "device"])
@pytest.mark.parametrize(("slot", "most"), [(1, 2), (3, 2), (3, 3), (0, 2)])
async def test_the_ledger_itself_refuses_a_slot_twice_beyond_the_limit_or_by_another_limit(
    classroom: Classroom, kind: str, slot: int, most: int
) -> None:
    drop = await a_drop(classroom, per_person=2, per_device=2)
    await tap(classroom, drop, "ann", person="x1", device="x1")
    await tap(classroom, drop, "bob")
    await classroom.confirm(drop.id)
    async with classroom.ledger.read() as conn:
        bobs = next(one for one in await claims.of_drop(conn, drop.id) if one.student == "bob")
    values = {"batch_id": drop.batch_id, kind: "x1", "slot": slot, f"per_{kind}": most}
    with pytest.raises(IntegrityError):
        async with classroom.ledger.begin() as conn:
            await conn.execute(insert(TABLES[kind]).values(**values, claim_id=bobs.id))


@pytest.mark.parametrize("kind", ["person", "device"])
async def test_a_control_the_next_slot_of_the_same_limit_is_taken(
    classroom: Classroom, kind: str
) -> None:
    drop = await a_drop(classroom, per_person=2, per_device=2)
    await tap(classroom, drop, "ann", person="x1", device="x1")
    await tap(classroom, drop, "bob")
    await classroom.confirm(drop.id)
    async with classroom.ledger.read() as conn:
        bobs = next(one for one in await claims.of_drop(conn, drop.id) if one.student == "bob")
    values = {"batch_id": drop.batch_id, kind: "x1", "slot": 2, f"per_{kind}": 2}
    async with classroom.ledger.begin() as conn:
        await conn.execute(insert(TABLES[kind]).values(**values, claim_id=bobs.id))
    assert await slots_of(classroom, kind, drop) == [("x1", 1), ("x1", 2)]
