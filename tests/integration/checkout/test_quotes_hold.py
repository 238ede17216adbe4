"""A quote promises nothing that the lock refuses: what it applies can be locked in the same state."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.core.checkout.quoting.quote_request import BestSelection
from server.core.checkout.redemptions import LockForm, Payment, Redemption
from server.core.coupons.coupons import Coupon
from server.core.promotions.stops import StopForm, Stoppable
from server.flows.checkout.confirm_payment import confirm
from server.flows.checkout.quotes import Quoted, QuoteForm, quote_order
from server.flows.checkout.redemptions import lock
from server.ledger.engine import Ledger
from server.ledger.promotions import stops
from tests.support.builders.given_wallets import give_wallet
from tests.support.builders.money import NOW, a_form, a_template, an_order
from tests.support.builders.wallets import Case, a_case, limited

_students = count(1)


async def _stop_one_batch(ledger: Ledger, random: Random, wallet: Sequence[Coupon]) -> None:
    form = StopForm(Stoppable.BATCH, random.choice(wallet).batch_id, claims=False, use=True)
    async with ledger.begin() as conn:
        await stops.change(conn, form, is_stop=True, actor="op", now=NOW)


async def _use_some(
    ledger: Ledger, random: Random, student: str, case: Case, wallet: Sequence[Coupon]
) -> None:
    """Put some coupons on earlier orders, paid or not."""
    for number, coupon in enumerate(random.sample(wallet, random.randint(0, 4))):
        form = LockForm(f"before-{student}-{number}", student, case.order, (coupon.code,))
        held = await lock(ledger, form, NOW)
        if isinstance(held, Redemption) and random.random() < 0.5:
            assert isinstance(await confirm(ledger, held.id, Payment(), NOW), Redemption)


async def _holds(ledger: Ledger, seed: int) -> None:
    random, student = Random(seed), f"s{next(_students)}"
    case = limited(a_case(seed, lines=6, coupons=10), seed)
    wallet = await give_wallet(ledger, student, case)
    await _use_some(ledger, random, student, case, wallet)
    if random.random() < 0.3:
        await _stop_one_batch(ledger, random, wallet)
    ticked = tuple(each.code for each in random.sample(wallet, random.randint(0, 7)))
    choices: tuple[tuple[str, ...] | BestSelection, ...] = (BestSelection.BEST, ticked)
    for coupons in choices:
        found = await quote_order(ledger, QuoteForm(case.order, student, coupons), NOW)
        assert isinstance(found, Quoted)
        applied = tuple(each.coupon.code for each in found.quote.applied)
        form = LockForm(f"order-{student}", student, case.order, applied, found.quote.payable)
        held = await lock(ledger, form, NOW)
        assert isinstance(held, Redemption), held
        assert held.discount == found.quote.discount
        own = QuoteForm(case.order, student, coupons, order_id=f"order-{student}")
        again = await quote_order(ledger, own, NOW)
        assert isinstance(again, Quoted)
        assert again.quote == found.quote  # the order's own lock does not count against it
        await _free(ledger, student, case)


async def _free(ledger: Ledger, student: str, case: Case) -> None:
    assert isinstance(
        await lock(ledger, LockForm(f"order-{student}", student, case.order), NOW), Redemption
    )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6))
def test_what_a_quote_applies_can_be_locked(database_url: str, seed: int) -> None:
    async def try_it() -> None:
        ledger = Ledger.connect(database_url)
        try:
            await _holds(ledger, seed)
        finally:
            await ledger.close()

    asyncio.run(try_it())


@pytest.mark.asyncio
async def test_a_quote_knows_what_is_left_of_a_limit_of_uses(ledger: Ledger) -> None:
    form = replace(a_form(), uses_per_student=2)
    form = replace(
        form, stacking=replace(form.stacking, combines_with=frozenset({form.stacking.in_class}))
    )
    coupon = replace(a_case(1).wallet[0], template=a_template(form), valid_until=NOW + 9)
    first, *left = await give_wallet(ledger, "ada", Case(an_order(5000), (coupon,) * 3))
    assert isinstance(
        await lock(ledger, LockForm("o-1", "ada", an_order(5000), (first.code,)), NOW), Redemption
    )
    codes = tuple(each.code for each in left)
    best = await quote_order(ledger, QuoteForm(an_order(5000), "ada", BestSelection.BEST), NOW)
    ticked = await quote_order(ledger, QuoteForm(an_order(5000), "ada", codes), NOW)
    assert isinstance(best, Quoted)
    assert isinstance(ticked, Quoted)
    for quote in (best.quote, ticked.quote):
        assert (quote.discount, len(quote.applied)) == (1000, 1)
        assert (quote.best.exact, quote.best.discount) == (True, 1000)
    told = {each.code: each.reason for each in ticked.quote.unusable}
    assert told == {first.code: "locked", codes[1]: "limit_reached"}
