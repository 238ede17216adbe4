"""Paid orders paid back, on both databases."""

from dataclasses import replace

import pytest

from server.core.acts import Action
from server.core.checkout.redemptions import Redemption
from server.core.checkout.refunds import Refund, RefundForm, RequestedLine
from server.core.coupons.coupons import CouponState
from server.core.promotions.templates import BrokenThreshold, Returned, Returns
from server.core.refusals import Code, Refused
from server.flows.checkout.redemptions import find, find_by_order
from server.flows.checkout.refunds import refund
from server.flows.checkout.unlock import cancel
from server.ledger import acts
from server.ledger.engine import Ledger
from tests.support.builders.coupon_rows import coupon_of, give_coupon
from tests.support.builders.money import DAY_MS, NOW
from tests.support.builders.paid_orders import locked_order, paid_order, seed_form, seed_paid

pytestmark = pytest.mark.asyncio

BACK = Returns(after_refund=Returned.BACK, after_partial_refund=Returned.KEPT)
BACK_AT_ONCE = Returns(after_refund=Returned.BACK, after_partial_refund=Returned.BACK)
LATER = NOW + 2 * DAY_MS  # its window is over


def a_refund(refund_id: str, *lines: str) -> RefundForm:
    return RefundForm(refund_id, tuple(RequestedLine(line) for line in lines) or None)


async def refunded(ledger: Ledger, form: RefundForm, now: int = NOW) -> Refund:
    made = await refund(ledger, "shop", "order-1", form, now)
    assert isinstance(made, Refund), made
    return made


async def refused(ledger: Ledger, form: RefundForm, order_id: str = "order-1") -> Refused:
    answer = await refund(ledger, "shop", order_id, form, NOW)
    assert isinstance(answer, Refused), answer
    return answer


async def test_the_seed_order_is_paid_back_in_two_refunds(ledger: Ledger) -> None:
    # Acceptance case 1b: exactly 10000, and the coupon does nothing a second time.
    code = await seed_paid(ledger)
    first = await refunded(ledger, a_refund("r1", "b"))
    second = await refunded(ledger, a_refund("r2", "a", "c"))
    assert (first.refunded, [line.refunded for line in second.lines]) == (2727, [4545, 2728])
    assert (second.refunded, second.total) == (7273, 10_000)
    assert (await coupon_of(ledger, code)).state is CouponState.REDEEMED


async def test_a_refund_sent_again_is_answered_the_same(ledger: Ledger) -> None:
    await seed_paid(ledger)
    first = await refunded(ledger, a_refund("r1", "b"))
    await refunded(ledger, a_refund("r2", "a"))
    assert await refunded(ledger, a_refund("r1", "b"), NOW + 9) == first
    found = await find_by_order(ledger, "order-1")
    assert isinstance(found, Redemption)
    assert found.refunded == 2727 + 4545


async def test_a_known_refund_with_other_lines_is_another_one(ledger: Ledger) -> None:
    await seed_paid(ledger)
    await refunded(ledger, a_refund("r1", "b"))
    assert (await refused(ledger, a_refund("r1", "c"))).code is Code.IDEMPOTENCY_MISMATCH


async def test_two_orders_may_number_their_refunds_alike(ledger: Ledger) -> None:
    await seed_paid(ledger)
    await paid_order(ledger, order_id="order-2")
    await refunded(ledger, a_refund("r1", "b"))
    made = await refund(ledger, "shop", "order-2", a_refund("r1", "b"), NOW)
    assert isinstance(made, Refund)
    assert made.refunded == 3000


async def test_nothing_is_paid_back_twice(ledger: Ledger) -> None:
    await seed_paid(ledger)
    await refunded(ledger, a_refund("r1", "b"))
    answer = await refused(ledger, a_refund("r2", "a", "b"))
    assert answer.code is Code.REFUND_TOO_LARGE
    assert answer.facts["lines"] == [{"id": "b", "refundable": 0, "quantity": 0}]
    assert (await refunded(ledger, a_refund("r3"))).refunded == 7273


async def test_a_refused_refund_changes_nothing(ledger: Ledger) -> None:
    await seed_paid(ledger, BACK_AT_ONCE)
    before = await find_by_order(ledger, "order-1")
    form = RefundForm("r1", (RequestedLine("a"), RequestedLine("b", amount=2728)))
    assert (await refused(ledger, form)).code is Code.REFUND_TOO_LARGE
    assert await find_by_order(ledger, "order-1") == before


async def test_a_line_that_is_not_on_the_order_is_named(ledger: Ledger) -> None:
    await seed_paid(ledger)
    answer = await refused(ledger, a_refund("r1", "z"))
    assert answer.facts["errors"] == [{"field": "lines.0.id", "code": "unknown"}]


async def test_a_bad_form_is_refused_by_its_fields(ledger: Ledger) -> None:
    await seed_paid(ledger)
    answer = await refused(ledger, a_refund("r1", "a", "a"))
    assert answer.facts["errors"] == [{"field": "lines", "code": "same_id_twice"}]


async def test_an_order_that_is_not_there_is_not_found(ledger: Ledger) -> None:
    assert (await refused(ledger, a_refund("r1"), "order-9")).code is Code.NOT_FOUND


async def test_an_order_that_is_not_paid_is_not_paid_back(ledger: Ledger) -> None:
    held = await locked_order(ledger)
    assert (await refused(ledger, a_refund("r1"))).facts["state"] == "locked"
    await cancel(ledger, held.id, NOW)
    assert (await refused(ledger, a_refund("r1"))).code is Code.WRONG_STATE


async def test_a_charge_is_kept_on_the_books_until_it_is_given_up(ledger: Ledger) -> None:
    await seed_paid(ledger, Returns(broken_threshold=BrokenThreshold.CHARGE_BACK))
    first = await refunded(ledger, a_refund("r1", "b"))
    assert (first.refunded, first.charged_back, first.total) == (2000, 727, 2000)
    second = await refunded(ledger, a_refund("r2", "a"))
    assert (second.refunded, second.charged_back, second.total) == (5000, -455, 7000)
    third = await refunded(ledger, a_refund("r3"))
    assert (third.refunded, third.total) == (3000, 10_000)


async def test_a_redemption_shows_its_refunds(ledger: Ledger) -> None:
    code = await seed_paid(ledger)
    made = [await refunded(ledger, a_refund(f"r{n}", line)) for n, line in enumerate("abc")]
    found = await find_by_order(ledger, "order-1")
    assert isinstance(found, Redemption)
    assert (found.refunds, found.refunded) == (tuple(made), 10_000)
    assert made[0].coupons == ((code, "redeemed"),)
    assert await find(ledger, found.id) == found


async def test_a_refund_is_on_record_once(ledger: Ledger) -> None:
    await seed_paid(ledger)
    for _ in range(2):
        await refunded(ledger, a_refund("r1", "b"))
    async with ledger.read() as conn:
        (act,) = await acts.page_of_acts(conn, acts.ActFilter(subject="order-1"), 9, None)
    assert (act.actor, act.action) == ("shop", Action.ORDER_REFUNDED)
    assert act.detail == {"refund_id": "r1", "refunded": 2727}


# --- Where the coupon goes ----------------------------------------------------------------------


async def test_a_coupon_goes_back_with_the_whole_order(ledger: Ledger) -> None:
    code = await seed_paid(ledger, BACK)
    assert (await refunded(ledger, a_refund("r1", "b"))).coupons == ((code, "redeemed"),)
    assert (await refunded(ledger, a_refund("r2"))).coupons == ((code, "usable"),)
    coupon = await coupon_of(ledger, code)
    assert (coupon.state, coupon.redemption_id) == (CouponState.USABLE, None)


async def test_a_coupon_that_went_back_is_used_once_more_and_no_refund_takes_it(
    ledger: Ledger,
) -> None:
    code = await seed_paid(ledger, BACK_AT_ONCE)
    assert (await refunded(ledger, a_refund("r1", "b"))).coupons == ((code, "usable"),)
    again = await paid_order(ledger, code, order_id="order-2")
    assert (await refunded(ledger, a_refund("r2"))).coupons == ((code, "redeemed"),)
    assert (await coupon_of(ledger, code)).redemption_id == again.id


async def test_a_coupon_whose_window_is_over_is_expired_as_soon_as_it_is_back(
    ledger: Ledger,
) -> None:
    code = await seed_paid(ledger, BACK)
    made = await refunded(ledger, a_refund("r1"), LATER)
    assert made.coupons == ((code, "expired"),)


async def test_a_coupon_that_is_back_has_no_hold(ledger: Ledger) -> None:
    code = await seed_paid(ledger, BACK, hold_until=NOW + 9)
    made = await refunded(ledger, a_refund("r1"), NOW + 10)
    assert made.coupons == ((code, "usable"),)
    assert (await coupon_of(ledger, code)).hold_until is None


async def test_a_coupon_that_is_back_was_redeemed_once(ledger: Ledger) -> None:
    code = await seed_paid(ledger, BACK)
    await refunded(ledger, a_refund("r1"))
    assert (await coupon_of(ledger, code)).redeemed_at == NOW


# --- Use limits ---------------------------------------------------------------------------------


async def test_a_coupon_that_is_back_no_longer_counts_as_a_use(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1, form=seed_form(BACK, uses=1))
    await paid_order(ledger, code)
    await refunded(ledger, a_refund("r1"))
    assert (await paid_order(ledger, code, order_id="order-2")).discount == 1000


async def test_a_coupon_that_is_kept_counts_on(ledger: Ledger) -> None:
    form = replace(seed_form(uses=1))
    code = await give_coupon(ledger, 1, form=form)
    await paid_order(ledger, code)
    assert (await refunded(ledger, a_refund("r1"))).coupons == ((code, "redeemed"),)
