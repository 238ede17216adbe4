"""Codes that students type: bound once, within the batch's limit over claims and codes, on both databases."""

import asyncio
from collections.abc import Awaitable, Sequence

import pytest
from sqlalchemy import select, update

from server.core.coupons.code_runs import CodeState, Source
from server.core.coupons.coupons import Coupon, CouponState
from server.core.drops.claims import Outcome
from server.core.ids import CouponId, StudentId
from server.core.promotions.batches import Batch, ClaimWindow
from server.core.promotions.claim_conditions import ClaimConditions
from server.core.promotions.stops import StopForm, Stoppable
from server.core.promotions.templates import FixedValidity, RelativeValidity
from server.core.refusals import Code, Refused
from server.desk.claims.caps import Cap, CapName
from server.flows.coupons import codes as flows
from server.flows.coupons.bind_code import Account, bind_code
from server.flows.coupons.wallet import WalletQuery, show_wallet
from server.flows.promotions.stops import change_stop
from server.ledger import tables
from tests.support.builders.classroom import granted, now_ms, refused
from tests.support.builders.typed_codes import bind, made_codes
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio
HOUR_MS = 3_600_000


async def bound_slots(rig: WorkerRig, batch: Batch, student: str) -> list[int]:
    query = select(tables.coupons.c.slot).where(
        tables.coupons.c.batch_id == batch.id, tables.coupons.c.student == student
    )
    async with rig.ledger.read() as conn:
        return sorted(await conn.scalars(query))


async def test_a_code_becomes_the_coupon_of_who_types_it(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    (code,) = await made_codes(rig, batch, 1)
    now = now_ms()

    coupon = granted(await bind(rig, "ann", code.lower().replace("-", " "), now))

    assert (coupon.code, coupon.student, coupon.state) == (code, "ann", CouponState.USABLE)
    assert (coupon.valid_from, coupon.valid_until) == (now, now + HOUR_MS)
    wallet = await show_wallet(rig.ledger, WalletQuery("ann"), now)
    assert wallet.coupons == (coupon,)
    (listed,) = granted(await flows.list_codes(rig.ledger, batch.id, now, None, 9))
    assert (listed.state, listed.student, listed.bound_at) == (CodeState.USABLE, "ann", now)


async def test_typed_again_it_is_the_same_coupon(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    (code,) = await made_codes(rig, batch, 1)

    first = granted(await bind(rig, "ann", code))

    assert granted(await bind(rig, "ann", code, now_ms() + HOUR_MS)) == first


async def test_what_a_student_claimed_may_be_typed_too(rig: WorkerRig) -> None:
    drop = await rig.classroom.opened()
    await rig.classroom.won(drop.id, "ann")
    await rig.confirm(drop.id)
    code = (await rig.codes(drop.id))["ann"]

    assert granted(await bind(rig, "ann", code)).code == code
    assert refused(await bind(rig, "bob", code)).code is Code.NOT_FOUND


async def test_unknown_mistyped_voided_and_somebodys_are_one_answer(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    anns, voided, free = await made_codes(rig, batch, 3)
    granted(await bind(rig, "ann", anns))
    granted(await flows.void_codes(rig.ledger, "op", batch.id, [voided], now_ms()))
    unknown = "LIVE-7KQM-3XNA-PV9R-T2"
    mistyped = free[:-1] + ("3" if free[-1] == "2" else "2")

    answers = [
        refused(await bind(rig, "bob", code))
        for code in (unknown, mistyped, anns, voided, "?", "中", "O" * 200, "0" * 26)
    ]

    assert set(map(repr, answers)) == {repr(Refused(Code.NOT_FOUND))}
    assert granted(await bind(rig, "bob", free)).student == "bob"


async def test_look_alikes_are_forgiven(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(code_prefix="LIVE10")
    (code,) = await made_codes(rig, batch, 1)
    body = code.removeprefix("LIVE10-")

    typed = f"l1ve-IO {'O' + body[1:]}"

    assert granted(await bind(rig, "ann", typed)).code == code


async def test_a_code_is_bound_within_the_claim_window(rig: WorkerRig) -> None:
    now = now_ms()
    batch = await rig.classroom.made_batch(claim_window=ClaimWindow(now + 1_000, now + 2_000))
    first, second = await made_codes(rig, batch, 2)

    early = refused(await bind(rig, "ann", first, now))
    late = refused(await bind(rig, "ann", first, now + 2_000))

    assert (early.code, late.code) == (Code.WRONG_STATE, Code.WRONG_STATE)
    granted(await bind(rig, "ann", first, now + 1_000))
    refused(await bind(rig, "bob", second, now + 2_000))
    granted(await bind(rig, "ann", first, now + 5_000))  # theirs already


@pytest.mark.parametrize("quantity", [100, None])
async def test_a_student_binds_as_many_as_the_batch_allows(
    rig: WorkerRig, quantity: int | None
) -> None:
    batch = await rig.classroom.made_batch(per_student=2, quantity=quantity)
    codes = await made_codes(rig, batch, 3)

    for code in codes[:2]:
        granted(await bind(rig, "ann", code))
    over = refused(await bind(rig, "ann", codes[2]))

    assert (over.code, over.facts) == (Code.LIMIT_REACHED, {"limit": "batch"})
    assert await bound_slots(rig, batch, "ann") == [1, 2]
    granted(await bind(rig, "bob", codes[2]))


async def test_a_batch_for_some_accounts_is_unknown_to_all_others(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(conditions=ClaimConditions(frozenset({"vip"}), new=True))
    (code,) = await made_codes(rig, batch, 1)
    desk, vip = rig.desk.drops, frozenset({"vip"})

    for account in (Account(StudentId("ann"), vip), Account(StudentId("ann"), is_new=True)):
        answer = await bind_code(rig.ledger, desk, account, code, now_ms())
        assert refused(answer) == Refused(Code.NOT_FOUND)
    granted(
        await bind_code(
            rig.ledger, desk, Account(StudentId("ann"), vip, is_new=True), code, now_ms()
        )
    )


async def test_nothing_is_made_or_bound_while_claims_are_stopped(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    code, bound = await made_codes(rig, batch, 2)
    granted(await bind(rig, "bob", bound))
    for is_stop in (True, False):
        form = StopForm(Stoppable.BATCH, batch.id, claims=True, use=False)
        granted(await change_stop(rig.ledger, rig.desk.drops, form, is_stop, "olga", now_ms()))
        if is_stop:
            assert refused(await bind(rig, "ann", code)).code is Code.WRONG_STATE
            granted(await bind(rig, "bob", bound))  # is theirs already
            more = await flows.make_codes(
                rig.ledger,
                actor="op",
                batch_id=batch.id,
                quantity=1,
                source=Source.LIST,
                key=None,
                now=now_ms(),
            )
            assert refused(more).code is Code.WRONG_STATE

    granted(await bind(rig, "ann", code))


async def test_taps_and_codes_count_for_one_limit(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(per_student=1)
    ann, bob = await made_codes(rig, batch, 2)
    drop = await rig.classroom.opened(batch)

    granted(await bind(rig, "ann", ann))
    assert await rig.classroom.tap(drop.id, "ann") is Outcome.LIMIT_REACHED
    assert await rig.classroom.tap(drop.id, "bob") is Outcome.WON
    assert refused(await bind(rig, "bob", bob)).code is Code.LIMIT_REACHED

    await rig.confirm(drop.id)
    assert await bound_slots(rig, batch, "bob") == [1]


async def test_a_desk_that_was_loaded_anew_counts_bound_codes(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(per_student=1)
    code, other = await made_codes(rig, batch, 2)
    drop = await rig.classroom.opened(batch)
    granted(await bind(rig, "ann", code))

    await rig.fence.shut(batch.shard)
    await rig.rebuild_all()

    assert await rig.classroom.tap(drop.id, "ann") is Outcome.LIMIT_REACHED
    assert refused(await bind(rig, "ann", other)).code is Code.LIMIT_REACHED


async def test_a_slot_given_before_the_desk_was_loaded_anew_is_taken_again(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a tap could get the same slot: the new desk does not know that it is taken."""
    batch = await rig.classroom.made_batch(per_student=1)
    (code,) = await made_codes(rig, batch, 1)
    drop = await rig.classroom.opened(batch)
    take, calls = rig.desk.drops.take_slots, 0

    async def then_rebuilt(*asked: object) -> object:
        nonlocal calls
        calls += 1
        taken = await take(*asked)  # type: ignore[arg-type]
        if calls == 1:
            await rig.fence.shut(batch.shard)
            await rig.rebuild_all()
        return taken

    monkeypatch.setattr(type(rig.desk.drops), "take_slots", lambda _, *asked: then_rebuilt(*asked))
    granted(await bind(rig, "ann", code))

    assert calls == 2
    assert await rig.classroom.tap(drop.id, "ann") is Outcome.LIMIT_REACHED


async def test_a_slot_that_nothing_came_of_is_free_on_a_desk_made_anew(rig: WorkerRig) -> None:
    """A process died between the desk and the ledger, and nothing was ever dropped of the batch."""
    batch = await rig.classroom.made_batch(per_student=1)
    (code,) = await made_codes(rig, batch, 1)
    cap = Cap(CapName.BATCH, batch.id, batch.per_student)
    await rig.desk.drops.take_slots(batch.shard, [cap], StudentId("ann"), CouponId("cpn_gone"))
    assert refused(await bind(rig, "ann", code)).code is Code.LIMIT_REACHED

    await rig.fence.shut(batch.shard)
    await rig.rebuild_all()

    granted(await bind(rig, "ann", code))


async def test_who_comes_second_for_a_code_has_their_slot_back(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(per_student=1)
    first, second = await made_codes(rig, batch, 2)

    both = await asyncio.gather(bind(rig, "ann", first), bind(rig, "bob", first))
    (loser,) = {"ann", "bob"} - {str(one.student) for one in both if isinstance(one, Coupon)}

    granted(await bind(rig, loser, second))


async def test_without_a_desk_nothing_is_bound_of_what_may_be_dropped(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    (code,) = await made_codes(rig, batch, 1)
    await rig.fence.shut(batch.shard)

    assert refused(await bind(rig, "ann", code)).code is Code.UNAVAILABLE

    await rig.rebuild_all()
    granted(await bind(rig, "ann", code))


async def test_a_hold_begins_when_the_code_is_bound(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(hold_seconds=60)
    (code,) = await made_codes(rig, batch, 1)
    now = now_ms()

    coupon = granted(await bind(rig, "ann", code, now))

    assert (coupon.hold_until, coupon.use_by) == (now + 60_000, now + 60_000)
    assert coupon.seen_at(now + 60_000) is CouponState.EXPIRED


async def test_a_fixed_validity_is_the_same_for_every_binding(rig: WorkerRig) -> None:
    now = now_ms()
    template = await rig.classroom.made_template(validity=FixedValidity(now - 1, now + HOUR_MS))
    batch = await rig.classroom.made_batch(template)
    (code,) = await made_codes(rig, batch, 1)

    coupon = granted(await bind(rig, "ann", code, now))

    assert (coupon.valid_from, coupon.valid_until) == (now - 1, now + HOUR_MS)


async def test_a_capped_validity_ends_with_the_batch(rig: WorkerRig) -> None:
    now = now_ms()
    template = await rig.classroom.made_template(validity=RelativeValidity(3600, True))
    batch = await rig.classroom.made_batch(template, claim_window=ClaimWindow(now, now + 9_000))
    (code,) = await made_codes(rig, batch, 1)

    assert granted(await bind(rig, "ann", code, now + 1)).valid_until == now + 9_000


# --- All at once --------------------------------------------------------------------------------

STUDENTS = [f"s{n}" for n in range(12)]


async def at_once(calls: Sequence[Awaitable[Coupon | Refused]]) -> list[Coupon]:
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*calls)
    return [answer for answer in answers if isinstance(answer, Coupon)]


async def test_of_all_who_type_one_code_one_has_it(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    (code,) = await made_codes(rig, batch, 1)

    have_it = await at_once([bind(rig, student, code) for student in STUDENTS])

    assert len(have_it) == 1


@pytest.mark.parametrize("quantity", [100, None])
async def test_who_types_many_codes_at_once_has_as_many_as_allowed(
    rig: WorkerRig, quantity: int | None
) -> None:
    batch = await rig.classroom.made_batch(per_student=2, quantity=quantity)
    codes = await made_codes(rig, batch, 8)

    have = await at_once([bind(rig, "ann", code) for code in codes])

    assert len(have) == 2
    assert await bound_slots(rig, batch, "ann") == [1, 2]


async def test_taps_and_codes_at_once_stay_within_the_limit(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(per_student=1)
    codes = await made_codes(rig, batch, len(STUDENTS))
    drop = await rig.classroom.opened(batch, quantity=len(STUDENTS))

    async def both(student: str, code: str) -> tuple[Outcome, Coupon | Refused]:
        won, bound = await asyncio.gather(
            rig.classroom.tap(drop.id, student), bind(rig, student, code)
        )
        return won, bound

    answers = await asyncio.gather(*(both(*one) for one in zip(STUDENTS, codes, strict=True)))
    await rig.confirm(drop.id)

    for won, bound in answers:
        assert (won is Outcome.WON) != isinstance(bound, Coupon), (won, bound)
    for student in STUDENTS:
        assert await bound_slots(rig, batch, student) == [1]
    assert await rig.dead_letters() == []


async def test_control_who_looks_first_and_writes_then_gives_one_code_to_two(
    rig: WorkerRig,
) -> None:
    batch = await rig.classroom.made_batch()
    (code,) = await made_codes(rig, batch, 1)
    looked = asyncio.Barrier(2)

    async def naive(student: str) -> bool:
        async with rig.ledger.read() as conn:
            row = (
                await conn.execute(select(tables.coupons).where(tables.coupons.c.code == code))
            ).one()
        await looked.wait()
        if row.student is not None:
            return False
        async with rig.ledger.begin() as conn:
            await conn.execute(
                update(tables.coupons).where(tables.coupons.c.id == row.id).values(student=student)
            )
        return True

    assert list(await asyncio.gather(naive("ann"), naive("bob"))) == [True, True]
