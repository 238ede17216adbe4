"""The limit of a campaign for each student, over all its batches: the desk decides, the ledger refuses."""

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from server.core.drops.claims import Outcome
from server.core.ids import DropId, StudentId
from server.desk import DeskUnavailableError
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.outbox import Outbox
from server.flows.consistency.rebuild.rebuild_desk import DeskRebuilder
from server.flows.drops.claims.persist_claims import ClaimPersister
from server.flows.drops.views.drop_view import DropView
from server.ledger.drops import claims
from server.ledger.drops.claims import ClaimRow
from server.ledger.tables import campaign_claims
from tests.support.builders.campaigns import made_campaign
from tests.support.builders.classroom import Classroom, now_ms

pytestmark = pytest.mark.asyncio


async def two_drops(classroom: Classroom, per_student: int) -> tuple[DropView, DropView]:
    """Return two batches of one campaign; each gives a student one coupon."""
    campaign = await made_campaign(classroom.ledger, per_student=per_student)
    template = await classroom.made_template()
    first = await classroom.made_batch(template, campaign_id=campaign.id)
    second = await classroom.made_batch(template, campaign_id=campaign.id)
    assert first.shard == second.shard
    return await classroom.opened(first), await classroom.opened(second)


async def tap(classroom: Classroom, drop: DropView, student: str) -> ClaimAnswer:
    batch = await classroom.batch(drop.batch_id)
    return await classroom.desk.claims.claim(
        shard=batch.shard,
        drop_id=DropId(drop.id),
        batch_id=batch.id,
        student=StudentId(student),
        request_id="r1",
        campaign_id=batch.campaign_id,
    )


async def rebuild(classroom: Classroom, shard: int) -> None:
    desk = classroom.desk
    persister = ClaimPersister(classroom.ledger, desk.fence, desk.feed)
    outbox = Outbox(desk.redis, desk.prefix, "tests")
    rebuilder = DeskRebuilder(classroom.ledger, desk.fence, desk.feed, outbox, persister)
    assert await rebuilder.rebuild(shard, now_ms())


async def test_who_has_one_of_the_campaign_gets_none_of_its_other_batches(
    classroom: Classroom,
) -> None:
    first, second = await two_drops(classroom, per_student=1)
    assert (await tap(classroom, first, "ann")).outcome is Outcome.WON

    refused = await tap(classroom, second, "ann")
    assert (refused.outcome, refused.limit) == (Outcome.LIMIT_REACHED, "campaign")
    assert (await tap(classroom, second, "bob")).outcome is Outcome.WON


async def test_a_larger_limit_lets_them_have_as_many(classroom: Classroom) -> None:
    first, second = await two_drops(classroom, per_student=2)
    for drop in (first, second):
        assert (await tap(classroom, drop, "ann")).outcome is Outcome.WON


async def test_a_desk_made_anew_knows_who_has_had_theirs(classroom: Classroom) -> None:
    first, second = await two_drops(classroom, per_student=1)
    await tap(classroom, first, "ann")
    await classroom.confirm(first.id)
    shard = (await classroom.batch(first.batch_id)).shard
    desk = classroom.desk
    keys = [key async for key in desk.redis.scan_iter(f"{desk.prefix}:{{d{shard}}}:*")]
    await desk.redis.delete(*keys)
    await rebuild(classroom, shard)

    assert (await tap(classroom, second, "ann")).limit == "campaign"
    assert (await tap(classroom, second, "bob")).outcome is Outcome.WON


async def test_what_a_forgetful_desk_sold_beyond_it_is_taken_back(classroom: Classroom) -> None:
    first, second = await two_drops(classroom, per_student=1)
    await tap(classroom, first, "ann")
    await classroom.confirm(first.id)
    batch = await classroom.batch(first.batch_id)
    assert batch.campaign_id is not None
    await classroom.desk.redis.delete(
        classroom.desk.keys(batch.shard).campaign_caps(batch.campaign_id)
    )
    assert (await tap(classroom, second, "ann")).outcome is Outcome.WON
    assert (await tap(classroom, second, "bob")).outcome is Outcome.WON
    with pytest.raises(DeskUnavailableError):
        await classroom.confirm(second.id)  # desk and ledger disagree: it has to be rebuilt
    await rebuild(classroom, batch.shard)

    async with classroom.ledger.read() as conn:
        rows: dict[str, ClaimRow] = {
            row.student: row for row in await claims.of_drop(conn, second.id)
        }
    assert (rows["ann"].state, rows["ann"].reason) == (
        "revoked",
        claims.REASON_NOTHING_LEFT,
    )
    assert rows["bob"].state == "live"
    assert (await classroom.view(second.id)).revoked == 1


async def test_a_redelivery_counts_once(classroom: Classroom) -> None:
    first, _ = await two_drops(classroom, per_student=2)
    await tap(classroom, first, "ann")
    for _ in range(2):
        await classroom.confirm(first.id)

    batch = await classroom.batch(first.batch_id)
    assert batch.campaign_id is not None
    async with classroom.ledger.read() as conn:
        assert await claims.used_campaign_slots(conn, batch.campaign_id, "ann") == {1}


@pytest.mark.parametrize("slot", [1, 3])
async def test_the_ledger_itself_refuses_a_slot_twice_or_beyond_the_limit(
    classroom: Classroom, slot: int
) -> None:
    first, second = await two_drops(classroom, per_student=2)
    await tap(classroom, first, "ann")
    await tap(classroom, second, "bob")
    await classroom.confirm(first.id)
    async with classroom.ledger.read() as conn:
        (bobs,) = await claims.of_drop(conn, second.id)
    batch = await classroom.batch(first.batch_id)

    with pytest.raises(IntegrityError):
        await _count_again(classroom, bobs.id, batch.campaign_id, slot)


async def _count_again(
    classroom: Classroom, claim_id: str, campaign_id: str | None, slot: int
) -> None:
    """Return a claim like Ann's, on this slot."""
    values = {"claim_id": claim_id, "campaign_id": campaign_id, "student": "ann", "slot": slot}
    async with classroom.ledger.begin() as conn:
        counted = campaign_claims.c.claim_id == claim_id
        await conn.execute(campaign_claims.delete().where(counted))
        await conn.execute(insert(campaign_claims).values(**values, per_student=2))
