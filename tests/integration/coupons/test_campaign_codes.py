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
from server.flows.coupons.load_caps import caps_of, caps_of_claim
from server.flows.drops.views.drop_view import DropView
from server.ledger import tables
from server.ledger.drops import claims
from tests.support.builders.campaigns import made_campaign
from tests.support.builders.classroom import granted, now_ms, refused
from tests.support.builders.typed_codes import bind, made_codes
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import WorkerRig, lost

pytestmark = pytest.mark.asyncio


async def batches_of(rig: WorkerRig, per_student: int, *quantities: int | None) -> list[Batch]:
    """Return batches of one campaign with this limit, which is lower than the limit of each batch."""
    campaign = await made_campaign(rig.ledger, per_student=per_student)
    template = await rig.classroom.made_template()
    return [
        await rig.classroom.made_batch(
            template, campaign_id=campaign.id, quantity=quantity, per_student=9
        )
        for quantity in quantities
    ]


async def tap(rig: WorkerRig, drop: DropView, student: str) -> Outcome:
    batch = await rig.classroom.batch(drop.batch_id)
    answer = await rig.desk.claims.claim(
        shard=batch.shard,
        drop_id=DropId(drop.id),
        batch_id=batch.id,
        student=StudentId(student),
        request_id="r1",
        campaign_id=batch.campaign_id,
    )
    return answer.outcome


async def ledger_slots(rig: WorkerRig, batch: Batch, student: str) -> set[Slot]:
    assert batch.campaign_id is not None
    async with rig.ledger.read() as conn:
        return await claims.used_campaign_slots(conn, batch.campaign_id, student)


def is_over(answer: Coupon | Refused) -> bool:
    return isinstance(answer, Refused) and (answer.code, answer.facts) == (
        Code.LIMIT_REACHED,
        {"limit": "campaign"},
    )


@pytest.mark.parametrize("quantity", [100, None])
async def test_a_code_is_refused_where_the_campaign_has_given_them_theirs(
    rig: WorkerRig, quantity: int | None
) -> None:
    first, second = await batches_of(rig, 1, quantity, quantity)
    (one,), (other, free) = await made_codes(rig, first, 1), await made_codes(rig, second, 2)
    bound = granted(await bind(rig, "ann", one))

    assert is_over(await bind(rig, "ann", other))
    assert granted(await bind(rig, "ann", one)) == bound  # is theirs already
    granted(await bind(rig, "bob", free))
    assert await ledger_slots(rig, first, "ann") == {1}


@pytest.mark.parametrize("quantity", [100, None])
async def test_taps_and_codes_count_for_one_limit(rig: WorkerRig, quantity: int | None) -> None:
    dropped, typed = await batches_of(rig, 1, 100, quantity)
    anns, bobs = await made_codes(rig, typed, 2)
    drop = await rig.classroom.opened(dropped)

    granted(await bind(rig, "ann", anns))
    assert await tap(rig, drop, "ann") is Outcome.LIMIT_REACHED
    assert await tap(rig, drop, "bob") is Outcome.WON
    assert is_over(await bind(rig, "bob", bobs))

    await rig.confirm(drop.id)
    assert await ledger_slots(rig, typed, "ann") == {1} == await ledger_slots(rig, typed, "bob")


async def test_whose_batch_gives_no_more_has_lost_nothing_of_the_campaign(rig: WorkerRig) -> None:
    """Slots are taken of both or of none: otherwise a refused code would cost a coupon of another batch."""
    campaign = await made_campaign(rig.ledger, per_student=2)
    small, other = [
        await rig.classroom.made_batch(campaign_id=campaign.id, per_student=1) for _ in range(2)
    ]
    one, in_vain = await made_codes(rig, small, 2)
    (last,) = await made_codes(rig, other, 1)

    granted(await bind(rig, "ann", one))
    over = refused(await bind(rig, "ann", in_vain))

    assert (over.code, over.facts) == (Code.LIMIT_REACHED, {"limit": "batch"})
    granted(await bind(rig, "ann", last))


@pytest.mark.parametrize("quantity", [100, None])
async def test_who_comes_second_for_a_code_has_their_slot_back(
    rig: WorkerRig, quantity: int | None
) -> None:
    (batch,) = await batches_of(rig, 1, quantity)
    first, second = await made_codes(rig, batch, 2)

    both = await asyncio.gather(bind(rig, "ann", first), bind(rig, "bob", first))
    (loser,) = {"ann", "bob"} - {str(one.student) for one in both if isinstance(one, Coupon)}

    granted(await bind(rig, loser, second))


async def test_an_unlimited_batch_whose_slots_went_meanwhile_gives_the_campaigns_back(
    rig: WorkerRig,
) -> None:
    campaign = await made_campaign(rig.ledger, per_student=2)
    small, other = [
        await rig.classroom.made_batch(campaign_id=campaign.id, per_student=1, quantity=quantity)
        for quantity in (None, 100)
    ]
    codes = await made_codes(rig, small, 4)
    (last,) = await made_codes(rig, other, 1)

    answers = await asyncio.gather(*(bind(rig, "ann", code) for code in codes))

    assert sum(isinstance(answer, Coupon) for answer in answers) == 1
    granted(await bind(rig, "ann", last))


async def test_a_voided_code_counts_for_who_had_it(rig: WorkerRig) -> None:
    (batch,) = await batches_of(rig, 1, 100)
    code, other = await made_codes(rig, batch, 2)
    granted(await bind(rig, "ann", code))
    granted(await flows.void_codes(rig.ledger, "op", batch.id, [code], now_ms()))
    await rig.fence.shut(batch.shard)
    await rig.rebuild_all()

    assert is_over(await bind(rig, "ann", other))


async def test_a_slot_that_nothing_came_of_is_free_on_a_desk_made_anew(rig: WorkerRig) -> None:
    """A process died between the desk and the ledger."""
    (typed,) = await batches_of(rig, 1, None)
    (code,) = await made_codes(rig, typed, 1)
    caps = caps_of(typed)
    await rig.desk.drops.take_slots(typed.shard, caps, StudentId("ann"), CouponId("cpn_gone"))
    assert is_over(await bind(rig, "ann", code))

    await rig.fence.shut(typed.shard)
    await rig.rebuild_all()

    granted(await bind(rig, "ann", code))


async def test_without_a_desk_no_code_of_a_campaign_with_a_limit_is_bound(rig: WorkerRig) -> None:
    (batch,) = await batches_of(rig, 1, None)
    (code,) = await made_codes(rig, batch, 1)
    await rig.fence.shut(batch.shard)

    assert refused(await bind(rig, "ann", code)).code is Code.UNAVAILABLE


async def test_the_ledger_itself_takes_back_what_a_forgetful_desk_sold_beside_a_code(
    rig: WorkerRig,
) -> None:
    dropped, typed = await batches_of(rig, 1, 100, 100)
    (code,) = await made_codes(rig, typed, 1)
    drop = await rig.classroom.opened(dropped)
    granted(await bind(rig, "ann", code))
    assert typed.campaign_id is not None
    await rig.desk.redis.delete(rig.desk.keys(typed.shard).campaign_caps(typed.campaign_id))

    assert await tap(rig, drop, "ann") is Outcome.WON
    await rig.confirm(drop.id)

    (row,) = await rig.rows(drop.id)
    assert (row.state, row.reason) == ("revoked", claims.REASON_NOTHING_LEFT)
    assert typed.shard in await rig.fence.shut_shards()  # desk and ledger disagree: it is rebuilt


@pytest.mark.parametrize("per_student", [1, 2])
async def test_a_slot_whose_code_the_ledger_refuses_is_free_on_the_desk_again(
    rig: WorkerRig, per_student: int
) -> None:
    """The desk has forgotten that Ann has used slot 1 of the campaign: with it, the ledger takes no code."""
    dropped, typed = await batches_of(rig, per_student, 100, 100)
    first, second = await made_codes(rig, typed, 2)
    await rig.classroom.opened(
        dropped
    )  # from now on the desk counts the campaign without the ledger
    granted(await bind(rig, "ann", first))
    keys = rig.desk.keys(typed.shard)
    await rig.desk.redis.hdel(keys.campaign_caps(str(typed.campaign_id)), "ann")

    answer = await bind(rig, "ann", second)

    on_desk = await rig.desk.redis.hget(keys.caps(typed.id), "ann")
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

    def __init__(self, rig: WorkerRig, drop: DropView, codes: list[list[str]]) -> None:
        self.rig, self.drop, self.codes = rig, drop, codes

    async def of(self, student: str) -> int:
        """Let the student tap and type; return how many coupons they got."""
        number = STUDENTS.index(student)
        answers = await asyncio.gather(
            tap(self.rig, self.drop, student),
            *(bind(self.rig, student, codes[number]) for codes in self.codes),
        )
        return sum(one is Outcome.WON or isinstance(one, Coupon) for one in answers)

    async def once(self) -> list[int]:
        async with asyncio.timeout(120):
            have = await asyncio.gather(*map(self.of, STUDENTS))
        await self.rig.confirm(self.drop.id)
        return have


async def rush(rig: WorkerRig) -> tuple[Rush, Batch]:
    dropped, *typed = await batches_of(rig, LIMIT, 100, 100, None)
    # One batch goes out both ways.
    codes = [await made_codes(rig, batch, len(STUDENTS)) for batch in (dropped, *typed)]
    return Rush(rig, await rig.classroom.opened(dropped, quantity=50), codes), dropped


async def coupons_of(rig: WorkerRig, student: str) -> int:
    query = select(tables.coupons.c.id).where(tables.coupons.c.student == student)
    async with rig.ledger.read() as conn:
        return len((await conn.execute(query)).all())


async def test_taps_and_codes_at_once_stay_within_the_limit(rig: WorkerRig) -> None:
    everybody, batch = await rush(rig)

    assert await everybody.once() == [LIMIT] * len(STUDENTS)

    for student in STUDENTS:
        assert await coupons_of(rig, student) == LIMIT
        assert await ledger_slots(rig, batch, student) == {1, 2}
    assert await rig.dead_letters() == []


async def test_they_stay_within_it_when_redis_has_been_emptied(
    flushable_rig: WorkerRig, flushable_redis: RedisServer
) -> None:
    rig = flushable_rig
    everybody, batch = await rush(rig)
    early = STUDENTS[:4]
    for student in early:  # half of what they may, each in one of the ways
        if STUDENTS.index(student) % 2:
            assert await tap(rig, everybody.drop, student) is Outcome.WON
        else:
            granted(await bind(rig, student, everybody.codes[2][STUDENTS.index(student)]))
    await rig.confirm(everybody.drop.id)

    await lost(rig, flushable_redis)
    await rig.rebuild_all()
    await everybody.once()

    for student in STUDENTS:
        assert await coupons_of(rig, student) == LIMIT
        assert await ledger_slots(rig, batch, student) == {1, 2}


async def test_control_codes_that_do_not_ask_for_a_slot_of_the_campaign_give_more(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody, _ = await rush(rig)
    ask = caps_of_claim
    monkeypatch.setattr(
        flow, "caps_of_claim", lambda *of: [cap for cap in ask(*of) if cap.name == "batch"]
    )

    assert max(await everybody.once()) > LIMIT
