"""Codes that are typed count for their campaign's limit as claims do, on both databases."""

import asyncio

import pytest
from sqlalchemy import select

from server.core.coupons.coupons import Coupon
from server.core.drops.claims import Outcome
from server.core.ids import CouponId, DropId, Slot, StudentId
from server.core.promotions.batches import Batch
from server.core.refusals import Code, Refused
from server.flows.coupons import bind_code as flow
from server.flows.coupons import codes as flows
from server.flows.coupons.load_caps import caps_of
from server.flows.drops.drop_view import DropView
from server.ledger import tables
from server.ledger.drops import claims
from tests.support.builders.campaigns import made_campaign
from tests.support.builders.classroom import granted, now_ms, refused
from tests.support.builders.typed_codes import bind, made_codes
from tests.support.crews import Crew, lost
from tests.support.servers.redis_server import RedisServer

pytestmark = pytest.mark.asyncio


async def batches_of(crew: Crew, per_student: int, *quantities: int | None) -> list[Batch]:
    """Return batches of one campaign with this limit, which is lower than the limit of each batch."""
    campaign = await made_campaign(crew.ledger, per_student=per_student)
    template = await crew.classroom.made_template()
    return [
        await crew.classroom.made_batch(
            template, campaign_id=campaign.id, quantity=quantity, per_student=9
        )
        for quantity in quantities
    ]


async def tap(crew: Crew, drop: DropView, student: str) -> Outcome:
    batch = await crew.classroom.batch(drop.batch_id)
    answer = await crew.desk.claims.claim(
        shard=batch.shard,
        drop_id=DropId(drop.id),
        batch_id=batch.id,
        student=StudentId(student),
        request_id="r1",
        campaign_id=batch.campaign_id,
    )
    return answer.outcome


async def ledger_slots(crew: Crew, batch: Batch, student: str) -> set[Slot]:
    assert batch.campaign_id is not None
    async with crew.ledger.read() as conn:
        return await claims.used_campaign_slots(conn, batch.campaign_id, student)


def is_over(answer: Coupon | Refused) -> bool:
    return isinstance(answer, Refused) and (answer.code, answer.facts) == (
        Code.LIMIT_REACHED,
        {"limit": "campaign"},
    )


@pytest.mark.parametrize("quantity", [100, None])
async def test_a_code_is_refused_where_the_campaign_has_given_them_theirs(
    crew: Crew, quantity: int | None
) -> None:
    first, second = await batches_of(crew, 1, quantity, quantity)
    (one,), (other, free) = await made_codes(crew, first, 1), await made_codes(crew, second, 2)
    bound = granted(await bind(crew, "ann", one))

    assert is_over(await bind(crew, "ann", other))
    assert granted(await bind(crew, "ann", one)) == bound  # is theirs already
    granted(await bind(crew, "bob", free))
    assert await ledger_slots(crew, first, "ann") == {1}


@pytest.mark.parametrize("quantity", [100, None])
async def test_taps_and_codes_count_for_one_limit(crew: Crew, quantity: int | None) -> None:
    dropped, typed = await batches_of(crew, 1, 100, quantity)
    anns, bobs = await made_codes(crew, typed, 2)
    drop = await crew.classroom.opened(dropped)

    granted(await bind(crew, "ann", anns))
    assert await tap(crew, drop, "ann") is Outcome.LIMIT_REACHED
    assert await tap(crew, drop, "bob") is Outcome.WON
    assert is_over(await bind(crew, "bob", bobs))

    await crew.confirm(drop.id)
    assert await ledger_slots(crew, typed, "ann") == {1} == await ledger_slots(crew, typed, "bob")


async def test_whose_batch_gives_no_more_has_lost_nothing_of_the_campaign(crew: Crew) -> None:
    """Slots are taken of both or of none: otherwise a refused code would cost a coupon of another batch."""
    campaign = await made_campaign(crew.ledger, per_student=2)
    small, other = [
        await crew.classroom.made_batch(campaign_id=campaign.id, per_student=1) for _ in range(2)
    ]
    one, in_vain = await made_codes(crew, small, 2)
    (last,) = await made_codes(crew, other, 1)

    granted(await bind(crew, "ann", one))
    over = refused(await bind(crew, "ann", in_vain))

    assert (over.code, over.facts) == (Code.LIMIT_REACHED, {"limit": "batch"})
    granted(await bind(crew, "ann", last))


@pytest.mark.parametrize("quantity", [100, None])
async def test_who_comes_second_for_a_code_has_their_slot_back(
    crew: Crew, quantity: int | None
) -> None:
    (batch,) = await batches_of(crew, 1, quantity)
    first, second = await made_codes(crew, batch, 2)

    both = await asyncio.gather(bind(crew, "ann", first), bind(crew, "bob", first))
    (loser,) = {"ann", "bob"} - {str(one.student) for one in both if isinstance(one, Coupon)}

    granted(await bind(crew, loser, second))


async def test_an_unlimited_batch_whose_slots_went_meanwhile_gives_the_campaigns_back(
    crew: Crew,
) -> None:
    campaign = await made_campaign(crew.ledger, per_student=2)
    small, other = [
        await crew.classroom.made_batch(campaign_id=campaign.id, per_student=1, quantity=quantity)
        for quantity in (None, 100)
    ]
    codes = await made_codes(crew, small, 4)
    (last,) = await made_codes(crew, other, 1)

    answers = await asyncio.gather(*(bind(crew, "ann", code) for code in codes))

    assert sum(isinstance(answer, Coupon) for answer in answers) == 1
    granted(await bind(crew, "ann", last))


async def test_a_voided_code_counts_for_who_had_it(crew: Crew) -> None:
    (batch,) = await batches_of(crew, 1, 100)
    code, other = await made_codes(crew, batch, 2)
    granted(await bind(crew, "ann", code))
    granted(await flows.void_codes(crew.ledger, "op", batch.id, [code], now_ms()))
    await crew.fence.shut(batch.shard)
    await crew.rebuild_all()

    assert is_over(await bind(crew, "ann", other))


async def test_a_slot_that_nothing_came_of_is_free_on_a_desk_made_anew(crew: Crew) -> None:
    """A process died between the desk and the ledger."""
    (typed,) = await batches_of(crew, 1, None)
    (code,) = await made_codes(crew, typed, 1)
    caps = caps_of(typed)
    await crew.desk.drops.take_slots(typed.shard, caps, StudentId("ann"), CouponId("cpn_gone"))
    assert is_over(await bind(crew, "ann", code))

    await crew.fence.shut(typed.shard)
    await crew.rebuild_all()

    granted(await bind(crew, "ann", code))


async def test_without_a_desk_no_code_of_a_campaign_with_a_limit_is_bound(crew: Crew) -> None:
    (batch,) = await batches_of(crew, 1, None)
    (code,) = await made_codes(crew, batch, 1)
    await crew.fence.shut(batch.shard)

    assert refused(await bind(crew, "ann", code)).code is Code.UNAVAILABLE


async def test_the_ledger_itself_takes_back_what_a_forgetful_desk_sold_beside_a_code(
    crew: Crew,
) -> None:
    dropped, typed = await batches_of(crew, 1, 100, 100)
    (code,) = await made_codes(crew, typed, 1)
    drop = await crew.classroom.opened(dropped)
    granted(await bind(crew, "ann", code))
    assert typed.campaign_id is not None
    await crew.desk.redis.delete(crew.desk.keys(typed.shard).campaign_caps(typed.campaign_id))

    assert await tap(crew, drop, "ann") is Outcome.WON
    await crew.confirm(drop.id)

    (row,) = await crew.rows(drop.id)
    assert (row.state, row.reason) == ("revoked", claims.REASON_NOTHING_LEFT)
    assert typed.shard in await crew.fence.shut_shards()  # desk and ledger disagree: it is rebuilt


@pytest.mark.parametrize("per_student", [1, 2])
async def test_a_slot_whose_code_the_ledger_refuses_is_free_on_the_desk_again(
    crew: Crew, per_student: int
) -> None:
    """The desk has forgotten that Ann has used slot 1 of the campaign: with it, the ledger takes no code."""
    dropped, typed = await batches_of(crew, per_student, 100, 100)
    first, second = await made_codes(crew, typed, 2)
    await crew.classroom.opened(
        dropped
    )  # from now on the desk counts the campaign without the ledger
    granted(await bind(crew, "ann", first))
    keys = crew.desk.keys(typed.shard)
    await crew.desk.redis.hdel(keys.campaign_caps(str(typed.campaign_id)), "ann")

    answer = await bind(crew, "ann", second)

    on_desk = await crew.desk.redis.hget(keys.caps(typed.id), "ann")
    if per_student == 1:
        assert is_over(answer)
        assert on_desk == b",1,"  # of the batch: that of the first code
    else:
        assert granted(answer).student == "ann"
        assert on_desk == b",1,2,"


# --- All at once --------------------------------------------------------------------------------

STUDENTS = [f"s{n}" for n in range(8)]
LIMIT = 2


class Rush:
    """Everybody taps in one room and types three codes of three batches, all at once."""

    def __init__(self, crew: Crew, drop: DropView, codes: list[list[str]]) -> None:
        self.crew, self.drop, self.codes = crew, drop, codes

    async def of(self, student: str) -> int:
        """Let the student tap and type; return how many coupons they got."""
        number = STUDENTS.index(student)
        answers = await asyncio.gather(
            tap(self.crew, self.drop, student),
            *(bind(self.crew, student, codes[number]) for codes in self.codes),
        )
        return sum(one is Outcome.WON or isinstance(one, Coupon) for one in answers)

    async def once(self) -> list[int]:
        async with asyncio.timeout(120):
            have = await asyncio.gather(*map(self.of, STUDENTS))
        await self.crew.confirm(self.drop.id)
        return have


async def rush(crew: Crew) -> tuple[Rush, Batch]:
    dropped, *typed = await batches_of(crew, LIMIT, 100, 100, None)
    # One batch goes out both ways.
    codes = [await made_codes(crew, batch, len(STUDENTS)) for batch in (dropped, *typed)]
    return Rush(crew, await crew.classroom.opened(dropped, quantity=50), codes), dropped


async def coupons_of(crew: Crew, student: str) -> int:
    query = select(tables.coupons.c.id).where(tables.coupons.c.student == student)
    async with crew.ledger.read() as conn:
        return len((await conn.execute(query)).all())


async def test_taps_and_codes_at_once_stay_within_the_limit(crew: Crew) -> None:
    everybody, batch = await rush(crew)

    assert await everybody.once() == [LIMIT] * len(STUDENTS)

    for student in STUDENTS:
        assert await coupons_of(crew, student) == LIMIT
        assert await ledger_slots(crew, batch, student) == {1, 2}
    assert await crew.dead_letters() == []


async def test_they_stay_within_it_when_redis_has_been_emptied(
    mortal_crew: Crew, flushable_redis: RedisServer
) -> None:
    crew = mortal_crew
    everybody, batch = await rush(crew)
    early = STUDENTS[:4]
    for student in early:  # half of what they may, each in one of the ways
        if STUDENTS.index(student) % 2:
            assert await tap(crew, everybody.drop, student) is Outcome.WON
        else:
            granted(await bind(crew, student, everybody.codes[2][STUDENTS.index(student)]))
    await crew.confirm(everybody.drop.id)

    await lost(crew, flushable_redis)
    await crew.rebuild_all()
    await everybody.once()

    for student in STUDENTS:
        assert await coupons_of(crew, student) == LIMIT
        assert await ledger_slots(crew, batch, student) == {1, 2}


async def test_control_codes_that_do_not_ask_for_a_slot_of_the_campaign_give_more(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody, _ = await rush(crew)
    ask = caps_of
    monkeypatch.setattr(
        flow, "caps_of", lambda batch: [cap for cap in ask(batch) if cap.name == "batch"]
    )

    assert max(await everybody.once()) > LIMIT
