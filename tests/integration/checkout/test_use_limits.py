"""`uses_per_student`: how often a student may use coupons of a template, on both databases."""

import asyncio
from dataclasses import replace

import pytest

from server.core.checkout.redemptions import LOCK_LIMIT_MS, LockForm, Payment, Redemption
from server.core.coupons.coupons import CouponState
from server.core.promotions.templates import Returned, Returns
from server.core.refusals import Code, Refused
from server.flows.checkout.confirm_payment import confirm
from server.flows.checkout.quotes import Quoted, QuoteForm, quote_order
from server.flows.checkout.redemptions import lock
from server.flows.checkout.unlock import cancel, expire_overdue
from server.ledger.checkout import template_uses
from server.ledger.engine import Ledger
from tests.support.builders.coupon_rows import change_coupon, coupon_of, give_coupon
from tests.support.builders.money import NOW, a_form, an_order
from tests.support.builders.paid_orders import locked_order, paid_order
from tests.support.machines.naive_checkout import naive_locks, naive_uses

pytestmark = pytest.mark.asyncio

ORDER = an_order(5000)
AT_ONCE = 10
DEADLINE_S = 60
KEPT = Returns(after_cancel=Returned.KEPT)


async def two_coupons(
    ledger: Ledger, uses: int | None = 1, returns: Returns | None = None, many: int = 2
) -> list[str]:
    """Give the student coupons of one template."""
    form = replace(a_form(), uses_per_student=uses, returns=returns or Returns())
    codes = [await give_coupon(ledger, number, form=form) for number in range(many)]
    first = await coupon_of(ledger, codes[0])
    for code in codes[1:]:
        await change_coupon(ledger, code, template_id=first.template.id)
    return codes


def a_lock(code: str, order_id: str = "order-2") -> LockForm:
    return LockForm(order_id, "ada", ORDER, (code,))


async def is_limited(ledger: Ledger, code: str, now: int = NOW) -> bool:
    """Assert the same refusal from the lock and in a quote."""
    quoted = await quote_order(ledger, QuoteForm(ORDER, "ada", (code,)), now)
    assert isinstance(quoted, Quoted)
    told = {each.code: each.reason for each in quoted.quote.unusable}
    answer = await lock(ledger, a_lock(code, "order-9"), now)
    if isinstance(answer, Redemption):
        await cancel(ledger, answer.id, now)
        assert code not in told
        return False
    assert (answer.code, told[code]) == (Code.COUPON_UNUSABLE, "limit_reached")
    assert answer.facts["coupons"] == [{"code": code, "reason": "limit_reached"}]
    return True


async def test_a_locked_coupon_counts_as_a_use(ledger: Ledger) -> None:
    first, second = await two_coupons(ledger)
    await locked_order(ledger, first, order=ORDER)
    assert await is_limited(ledger, second)


async def test_a_redeemed_coupon_counts_as_a_use(ledger: Ledger) -> None:
    first, second = await two_coupons(ledger)
    await paid_order(ledger, first, order=ORDER)
    assert await is_limited(ledger, second)


async def test_a_limit_of_two_allows_two(ledger: Ledger) -> None:
    first, second, third = await two_coupons(ledger, uses=2, many=3)
    await paid_order(ledger, first, order_id="order-a", order=ORDER)
    await paid_order(ledger, second, order_id="order-b", order=ORDER)
    assert await is_limited(ledger, third)


async def test_no_limit_counts_nothing(ledger: Ledger) -> None:
    first, second = await two_coupons(ledger, uses=None)
    await paid_order(ledger, first, order=ORDER)
    assert not await is_limited(ledger, second)
    template_id = (await coupon_of(ledger, first)).template.id
    async with ledger.read() as conn:
        assert await template_uses.of_student(conn, "ada", [template_id]) == {}


async def test_a_cancelled_order_is_no_use(ledger: Ledger) -> None:
    first, second = await two_coupons(ledger)
    held = await locked_order(ledger, first, order=ORDER)
    await cancel(ledger, held.id, NOW)
    assert not await is_limited(ledger, second)


async def test_an_ended_lock_is_no_use(ledger: Ledger) -> None:
    first, second = await two_coupons(ledger)
    await locked_order(ledger, first, order=ORDER)
    await expire_overdue(ledger, NOW + LOCK_LIMIT_MS)
    assert not await is_limited(ledger, second, NOW + LOCK_LIMIT_MS)


async def test_a_replaced_lock_is_one_use(ledger: Ledger) -> None:
    first, second = await two_coupons(ledger)
    await locked_order(ledger, first, order=ORDER)
    await locked_order(ledger, first, order=ORDER)
    assert isinstance(await lock(ledger, a_lock(second, "order-1"), NOW), Redemption)
    assert await is_limited(ledger, first)


async def test_a_late_payment_is_honoured_beyond_the_limit_and_counted(ledger: Ledger) -> None:
    # Limits are looked at when an order is locked: the student paid what was promised.
    first, second, third = await two_coupons(ledger, many=3)
    held = await locked_order(ledger, first, order=ORDER)
    late = NOW + LOCK_LIMIT_MS
    await expire_overdue(ledger, late)
    other = await lock(ledger, a_lock(second), late)
    assert isinstance(other, Redemption)
    assert isinstance(await confirm(ledger, held.id, Payment(), late), Redemption)
    await cancel(ledger, other.id, late)
    assert await is_limited(ledger, third, late)


async def test_another_student_has_uses_of_their_own(ledger: Ledger) -> None:
    first, second = await two_coupons(ledger)
    await paid_order(ledger, first, order=ORDER)
    await change_coupon(ledger, second, student="bob")
    answer = await lock(ledger, replace(a_lock(second), student="bob"), NOW)
    assert isinstance(answer, Redemption)


async def test_a_cancelled_order_keeps_its_coupon_where_the_template_says_so(
    ledger: Ledger,
) -> None:
    first, second = await two_coupons(ledger, returns=KEPT)
    held = await locked_order(ledger, first, order=ORDER)
    await cancel(ledger, held.id, NOW)
    assert (await coupon_of(ledger, first)).state is CouponState.VOIDED
    assert await is_limited(ledger, second)


async def test_an_order_whose_lock_ended_keeps_nothing(ledger: Ledger) -> None:
    first, _ = await two_coupons(ledger, returns=KEPT)
    held = await locked_order(ledger, first, order=ORDER)
    await expire_overdue(ledger, NOW + LOCK_LIMIT_MS)
    await cancel(ledger, held.id, NOW + LOCK_LIMIT_MS)
    assert (await coupon_of(ledger, first)).state is CouponState.USABLE


# --- At once ------------------------------------------------------------------------------------


async def test_of_ten_orders_at_once_as_many_are_locked_as_may_be(ledger: Ledger) -> None:
    codes = await two_coupons(ledger, uses=3, many=AT_ONCE)
    forms = [a_lock(code, f"order-{number}") for number, code in enumerate(codes)]
    async with asyncio.timeout(DEADLINE_S):
        answers = await asyncio.gather(*(lock(ledger, form, NOW) for form in forms))
    assert len([one for one in answers if isinstance(one, Redemption)]) == 3
    refusals = {one.code for one in answers if isinstance(one, Refused)}
    assert refusals == {Code.COUPON_UNUSABLE}


async def test_control_who_counts_first_uses_more_than_allowed(ledger: Ledger) -> None:
    (code,) = await two_coupons(ledger, many=1)
    template_id = (await coupon_of(ledger, code)).template.id
    assert await naive_uses(ledger, template_id, 3, AT_ONCE) > 3


async def test_control_who_looks_first_locks_one_coupon_for_many(ledger: Ledger) -> None:
    # The same as in test_redemptions_at_once.py, where one of twenty gets the coupon.
    (code,) = await two_coupons(ledger, many=1)
    order = await paid_order(ledger, order=ORDER)
    assert await naive_locks(ledger, code, order.id, AT_ONCE) > 1
