"""Orders that want the same coupons in the same instant, on both databases."""

import asyncio

import pytest

from server.core.checkout.redemptions import LOCK_LIMIT_MS, LockForm, Payment, Redemption
from server.core.coupons.coupons import CouponState
from server.core.refusals import Code, Refused
from server.flows.checkout.confirm_payment import confirm
from server.flows.checkout.redemptions import find_by_order, lock
from server.flows.checkout.unlock import cancel, expire_overdue
from server.ledger.engine import Ledger
from tests.support.builders.coupon_rows import coupon_of, give_coupon
from tests.support.builders.money import NOW, an_order

pytestmark = pytest.mark.asyncio

AT_ONCE = 20
DEADLINE_S = 30


def a_lock(order_id: str, *codes: str) -> LockForm:
    return LockForm(order_id, "ada", an_order(5000), codes)


def won(answers: list[Redemption | Refused]) -> list[Redemption]:
    return [answer for answer in answers if isinstance(answer, Redemption)]


async def test_twenty_orders_for_one_coupon_have_one_winner(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    forms = [a_lock(f"order-{number}", code) for number in range(AT_ONCE)]
    async with asyncio.timeout(DEADLINE_S):
        answers = await asyncio.gather(*(lock(ledger, form, NOW) for form in forms))
    (winner,) = won(answers)
    assert (await coupon_of(ledger, code)).redemption_id == winner.id
    refused = [answer.code for answer in answers if isinstance(answer, Refused)]
    assert refused == [Code.COUPON_LOCKED] * (AT_ONCE - 1)


async def test_losers_leave_no_redemption(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    names = [f"order-{number}" for number in range(AT_ONCE)]
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(lock(ledger, a_lock(name, code), NOW) for name in names))
    found = [await find_by_order(ledger, name) for name in names]
    assert len(won(found)) == 1


async def test_one_order_sent_twenty_times_is_one_redemption(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    async with asyncio.timeout(DEADLINE_S):
        answers = await asyncio.gather(
            *(lock(ledger, a_lock("order-1", code), NOW) for _ in range(AT_ONCE))
        )
    assert len(won(answers)) == AT_ONCE
    assert len({answer.id for answer in won(answers)}) == 1


async def test_orders_that_swap_their_coupons_do_not_wait_for_ever(ledger: Ledger) -> None:
    # Each order has one coupon and requests the other's. A refused order keeps its own, so both are refused.
    first, second = await give_coupon(ledger, 1), await give_coupon(ledger, 2)
    await lock(ledger, a_lock("order-1", first), NOW)
    await lock(ledger, a_lock("order-2", second), NOW)
    async with asyncio.timeout(DEADLINE_S):
        answers = await asyncio.gather(
            lock(ledger, a_lock("order-1", second), NOW),
            lock(ledger, a_lock("order-2", first), NOW),
        )
    codes = {answer.code for answer in answers if isinstance(answer, Refused)}
    assert codes == {Code.COUPON_LOCKED}


async def test_a_payment_and_the_end_of_its_lock_do_not_both_happen(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    held = await lock(ledger, a_lock("order-1", code), NOW)
    assert isinstance(held, Redemption)
    late = NOW + LOCK_LIMIT_MS
    async with asyncio.timeout(DEADLINE_S):
        paid, _ = await asyncio.gather(
            confirm(ledger, held.id, Payment(), late), expire_overdue(ledger, late)
        )
    assert isinstance(paid, Redemption)
    assert (await coupon_of(ledger, code)).state is CouponState.REDEEMED
    assert await find_by_order(ledger, "order-1") == paid


async def test_of_a_payment_and_a_cancellation_at_once_one_happens(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    held = await lock(ledger, a_lock("order-1", code), NOW)
    assert isinstance(held, Redemption)
    async with asyncio.timeout(DEADLINE_S):
        answers = await asyncio.gather(
            confirm(ledger, held.id, Payment(), NOW), cancel(ledger, held.id, NOW)
        )
    (happened,) = won(list(answers))
    coupon = await coupon_of(ledger, code)
    assert (coupon.state is CouponState.REDEEMED) == (happened.state == "redeemed")


async def test_two_sweepers_end_a_lock_once(ledger: Ledger) -> None:
    for number in range(5):
        code = await give_coupon(ledger, number)
        await lock(ledger, a_lock(f"order-{number}", code), NOW)
    late = NOW + LOCK_LIMIT_MS
    async with asyncio.timeout(DEADLINE_S):
        ended = await asyncio.gather(*(expire_overdue(ledger, late) for _ in range(2)))
    assert sum(ended) == 5
