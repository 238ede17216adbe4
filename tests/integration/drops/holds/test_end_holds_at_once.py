"""A hold ends at the instant at which one order locks the coupon and another one is paid late.

Exactly one of the three gets the coupon. In the control, which checks before it writes, two get it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping

import pytest
from sqlalchemy import select, update

from server.core.checkout.redemptions import LOCK_LIMIT_MS, LockForm, Payment, Redemption
from server.core.coupons.coupons import LEAST_HOLD_AFTER_LOCK_MS, CouponState
from server.core.refusals import Refused
from server.flows.checkout.confirm_payment import confirm
from server.flows.checkout.redemptions import lock
from server.flows.checkout.unlock import expire_overdue
from server.flows.drops import end_holds
from server.ledger import tables
from server.ledger.coupons import coupon_moves
from tests.races.books import Books
from tests.support.builders.classroom import granted, now_ms
from tests.support.builders.money import an_order
from tests.support.worker_rig import WorkerRig, everybody

pytestmark = pytest.mark.asyncio

STUDENTS = everybody(8)
DEADLINE_S = 60
Release = Callable[[WorkerRig, int], Coroutine[object, object, None]]


async def by_the_worker(rig: WorkerRig, now: int) -> None:
    await end_holds.end_holds(rig.stores, now)


async def by_looking_first(rig: WorkerRig, now: int) -> None:
    """End the holds by a check followed by an update, in the ledger alone."""
    async with rig.ledger.read() as conn:
        overdue = await coupon_moves.overdue_holds(conn, now, 1_000)
    for hold in overdue:
        mine, claim = tables.coupons.c.id == hold.coupon_id, tables.claims.c.id == hold.claim_id
        released = update(tables.coupons).where(mine)
        async with rig.ledger.begin() as conn:
            await conn.execute(released.values(state="released", redemption_id=None))
            await conn.execute(update(tables.claims).where(claim).values(state="released"))


async def whose(rig: WorkerRig, release: Release) -> tuple[str, Mapping[str, list[str]]]:
    """Let the three come at once; return the drop, and who has each student's coupon afterwards."""
    batch = await rig.classroom.made_batch(hold_seconds=60)
    drop = await rig.classroom.opened(batch, quantity=len(STUDENTS))
    await rig.classroom.won(drop.id, *STUDENTS)
    await rig.loop.step()
    codes, begun = await rig.codes(drop.id), now_ms()
    paying = {
        student: granted(await lock(rig.ledger, an_order_of("late", student, codes), begun)).id
        for student in STUDENTS
    }
    await expire_overdue(rig.ledger, begun + LOCK_LIMIT_MS)
    due = begun + LOCK_LIMIT_MS + LEAST_HOLD_AFTER_LOCK_MS

    async def pay_and_lock(student: str) -> tuple[Redemption | Refused, Redemption | Refused]:
        form = an_order_of("new", student, codes)
        paid, locked = await asyncio.gather(
            confirm(rig.ledger, paying[student], Payment(), due),
            lock(rig.ledger, form, due - 1),
        )
        return paid, locked

    async with asyncio.timeout(DEADLINE_S):
        releasing = asyncio.ensure_future(release(rig, due))
        answers = await asyncio.gather(*(pay_and_lock(student) for student in STUDENTS))
        await releasing
    released = await released_students(rig, drop.id)
    return drop.id, {
        student: [
            name
            for name, has_it in (
                ("redeemed", isinstance(paid, Redemption)),
                ("locked", isinstance(locked, Redemption)),
                ("released", student in released),
            )
            if has_it
        ]
        for student, (paid, locked) in zip(STUDENTS, answers, strict=True)
    }


def an_order_of(name: str, student: str, codes: Mapping[str, str]) -> LockForm:
    return LockForm(f"{name}-{student}", student, an_order(5000), (codes[student],))


async def released_students(rig: WorkerRig, drop_id: str) -> set[str]:
    gone = tables.coupons.c.state == CouponState.RELEASED
    query = select(tables.coupons.c.student).where(tables.coupons.c.drop_id == drop_id, gone)
    async with rig.ledger.read() as conn:
        return set(await conn.scalars(query))


async def test_exactly_one_has_it(rig: WorkerRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        end_holds, "AT_ONCE", 1
    )  # one coupon in a transaction: as many chances as possible to come in between
    drop_id, owners = await whose(rig, by_the_worker)

    assert Counter(len(each) for each in owners.values()) == {1: len(STUDENTS)}, owners
    await Books(rig.ledger, rig.desk.redis, rig.desk.prefix).settle(drop_id)
    free = await rig.classroom.view(drop_id)
    assert free.remaining == sum(each == ["released"] for each in owners.values())


async def test_control_who_looks_first_and_writes_then_has_what_is_anothers(rig: WorkerRig) -> None:
    _, owners = await whose(rig, by_looking_first)

    assert any(len(each) > 1 for each in owners.values()), owners
