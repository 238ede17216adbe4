"""Refunds of one order in the same instant, on both databases."""

import asyncio

import pytest

from server.core.checkout.refunds import Refund, RefundForm, RequestedLine
from server.core.coupons.coupons import CouponState
from server.core.promotions.templates import Returned, Returns
from server.core.refusals import Code, Refused
from server.flows.checkout.redemptions import find_by_order
from server.flows.checkout.refunds import refund
from server.ledger.engine import Ledger
from tests.support.builders.coupon_rows import coupon_of
from tests.support.builders.money import NOW
from tests.support.builders.paid_orders import paid_order, seed_paid
from tests.support.machines.naive_checkout import naive_refunds

pytestmark = pytest.mark.asyncio

AT_ONCE = 10
DEADLINE_S = 60


async def all_at_once(ledger: Ledger, *forms: RefundForm) -> list[Refund | Refused]:
    async with asyncio.timeout(DEADLINE_S):
        return await asyncio.gather(
            *(refund(ledger, "shop", "order-1", form, NOW) for form in forms)
        )


def made(answers: list[Refund | Refused]) -> list[Refund]:
    return [answer for answer in answers if isinstance(answer, Refund)]


async def test_ten_refunds_of_everything_pay_back_once(ledger: Ledger) -> None:
    await seed_paid(ledger)
    answers = await all_at_once(ledger, *(RefundForm(f"r{n}") for n in range(AT_ONCE)))
    (one,) = made(answers)
    assert one.refunded == 10_000
    codes = {answer.code for answer in answers if isinstance(answer, Refused)}
    assert codes == {Code.REFUND_TOO_LARGE}


async def test_control_who_looks_first_pays_back_more_than_once(ledger: Ledger) -> None:
    order = await paid_order(ledger)
    assert await naive_refunds(ledger, order.id, order.payable, AT_ONCE) > 1


async def test_refunds_in_amounts_never_pay_back_more_than_was_paid(ledger: Ledger) -> None:
    # Ten times 1000 of a line that cost 4545: four times.
    await seed_paid(ledger)
    lines = (RequestedLine("a", amount=1000),)
    answers = await all_at_once(ledger, *(RefundForm(f"r{n}", lines) for n in range(AT_ONCE)))
    assert sorted(one.total for one in made(answers)) == [1000, 2000, 3000, 4000]


async def test_one_refund_sent_ten_times_pays_back_once(ledger: Ledger) -> None:
    await seed_paid(ledger)
    answers = await all_at_once(ledger, *([RefundForm("r1", (RequestedLine("b"),))] * AT_ONCE))
    assert len(made(answers)) == AT_ONCE
    assert len(set(made(answers))) == 1
    found = await find_by_order(ledger, "order-1")
    assert not isinstance(found, Refused)
    assert found.refunded == 2727


async def test_a_coupon_goes_back_once(ledger: Ledger) -> None:
    back = Returns(after_refund=Returned.BACK, after_partial_refund=Returned.BACK)
    code = await seed_paid(ledger, back)
    forms = [RefundForm(f"r{n}", (RequestedLine(line),)) for n, line in enumerate("abc")]
    answers = await all_at_once(ledger, *forms)
    assert sum(one.refunded for one in made(answers)) == 10_000
    assert (await coupon_of(ledger, code)).state is CouponState.USABLE
