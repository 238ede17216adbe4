"""An order that is locked again: which lock a payment is for, what its own lock stands against, and what is
kept of one that was cancelled. On both databases.
"""

from dataclasses import replace

import pytest

from server.core.checkout.quoting.quote_request import BestSelection
from server.core.checkout.redemptions import (
    CLOCK_DIFFERENCE_MS,
    LOCK_LIMIT_MS,
    LockForm,
    Payment,
    Redemption,
    RedemptionState,
)
from server.core.coupons.coupons import CouponState
from server.core.promotions.templates import AmountOff, Rebate
from server.core.refusals import Code, Refused
from server.flows.checkout.confirm_payment import confirm
from server.flows.checkout.order_history import OrderRecord, show_order
from server.flows.checkout.quotes import Quoted, QuoteForm, quote_order
from server.flows.checkout.redemptions import find, lock
from server.flows.checkout.unlock import cancel, expire_overdue
from server.ledger.engine import Ledger
from tests.support.builders.coupon_rows import coupon_of, give_coupon
from tests.support.builders.money import NOW, a_form, an_order

pytestmark = pytest.mark.asyncio

ORDER = an_order(5000)
AFTER_LOCK = NOW + LOCK_LIMIT_MS


def a_lock(*codes: str) -> LockForm:
    return LockForm("order-1", "ada", ORDER, codes)


async def locked(ledger: Ledger, form: LockForm, now: int = NOW) -> Redemption:
    found = await lock(ledger, form, now)
    assert isinstance(found, Redemption), found
    return found


async def two_tabs(ledger: Ledger) -> Redemption:
    """One tab has locked the order with a coupon, for 4000; another one without, for 5000."""
    await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    return await locked(ledger, a_lock())


async def refused_facts(ledger: Ledger, held: Redemption, payment: Payment) -> dict[str, object]:
    """Assert that the refusal has changed nothing."""
    before = await find(ledger, held.id)
    answer = await confirm(ledger, held.id, payment, NOW)
    assert isinstance(answer, Refused), answer
    assert answer.code is Code.TOTAL_CHANGED
    assert await find(ledger, held.id) == before
    return dict(answer.facts)


async def paid_with(ledger: Ledger, held: Redemption, payment: Payment) -> Redemption:
    answer = await confirm(ledger, held.id, payment, NOW)
    assert isinstance(answer, Redemption), answer
    assert answer.state is RedemptionState.REDEEMED
    return answer


# --- What a payment is for ----------------------------------------------------------------------


async def test_each_other_lock_of_an_order_raises_its_version(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    versions = [(await locked(ledger, a_lock(*codes))).version for codes in ((), (code,), ())]
    assert versions == [1, 2, 3]


async def test_the_same_lock_sent_again_is_the_same_version(ledger: Ledger) -> None:
    # Its answer was lost: whoever sends it again may go on as if it was not.
    code = await give_coupon(ledger, 1)
    await locked(ledger, a_lock(code))
    assert (await locked(ledger, a_lock(code), NOW + 5)).version == 1
    assert (await paid_with(ledger, await locked(ledger, a_lock(code)), Payment())).version == 1


async def test_a_sum_that_another_tab_has_changed_is_refused(ledger: Ledger) -> None:
    held = await two_tabs(ledger)
    told = await refused_facts(ledger, held, Payment(paid=4000))
    assert told == {"paid": 4000, "payable": 5000, "version": 2}


async def test_the_sum_that_is_locked_confirms_whatever_was_locked_before(ledger: Ledger) -> None:
    await paid_with(ledger, await two_tabs(ledger), Payment(paid=5000))


async def test_an_order_locked_twice_is_not_confirmed_without_a_sum_or_version(
    ledger: Ledger,
) -> None:
    held = await two_tabs(ledger)
    assert await refused_facts(ledger, held, Payment()) == {"payable": 5000, "version": 2}


@pytest.mark.parametrize("payment", [Payment(expected_version=1), Payment(None, None, 5000, 1)])
async def test_a_version_of_before_is_refused(ledger: Ledger, payment: Payment) -> None:
    assert (await refused_facts(ledger, await two_tabs(ledger), payment))["version"] == 2


async def test_the_version_that_is_locked_confirms(ledger: Ledger) -> None:
    await paid_with(ledger, await two_tabs(ledger), Payment(expected_version=2))


async def test_an_order_locked_once_is_confirmed_with_its_sum_alone(ledger: Ledger) -> None:
    held = await locked(ledger, a_lock())
    await refused_facts(ledger, held, Payment(paid=4999))
    await paid_with(ledger, held, Payment(paid=5000))


async def test_a_repeated_confirmation_is_the_same_but_for_another_sum(ledger: Ledger) -> None:
    held = await two_tabs(ledger)
    paid = await paid_with(ledger, held, Payment("pay-1", paid=5000))
    assert await paid_with(ledger, held, Payment("pay-1", paid=5000)) == paid
    assert await paid_with(ledger, held, Payment()) == paid
    assert (await refused_facts(ledger, held, Payment("pay-2", paid=4000)))["payable"] == 5000
    await refused_facts(ledger, held, Payment(expected_version=1))


async def test_a_late_payment_is_compared_too(ledger: Ledger) -> None:
    held = await two_tabs(ledger)
    await expire_overdue(ledger, AFTER_LOCK)
    await refused_facts(ledger, held, Payment(paid=4000))
    assert isinstance(await confirm(ledger, held.id, Payment(paid=5000), AFTER_LOCK), Redemption)


async def test_the_sum_is_what_is_left_after_the_balance(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1, form=a_form(Rebate(AmountOff(700))))
    earned = await locked(ledger, LockForm("order-0", "ada", ORDER, (code,)))
    await paid_with(ledger, earned, Payment(paid=5000))
    held = await locked(ledger, replace(a_lock(), balance=700))
    await refused_facts(ledger, held, Payment(paid=5000))
    await paid_with(ledger, held, Payment(paid=4300))


# --- When it was paid ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moved", "code"),
    [(-CLOCK_DIFFERENCE_MS - 1, "before_lock"), (CLOCK_DIFFERENCE_MS + 1, "in_future")],
)
async def test_a_time_of_payment_that_cannot_be_is_refused(
    ledger: Ledger, moved: int, code: str
) -> None:
    held = await locked(ledger, a_lock())
    answer = await confirm(ledger, held.id, Payment(paid_at=NOW + moved), NOW)
    assert isinstance(answer, Refused)
    assert answer.facts["errors"] == [{"field": "paid_at", "code": code}]
    assert await find(ledger, held.id) == held


@pytest.mark.parametrize("moved", [-CLOCK_DIFFERENCE_MS, 0, CLOCK_DIFFERENCE_MS])
async def test_clocks_may_differ_by_a_minute(ledger: Ledger, moved: int) -> None:
    held = await locked(ledger, a_lock())
    paid = await paid_with(ledger, held, Payment(paid_at=NOW + moved))
    assert paid.paid_at == NOW + moved


# --- Cancelled, and locked again ----------------------------------------------------------------


async def test_a_cancelled_order_is_locked_again_under_the_same_id(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    first = await locked(ledger, a_lock(code))
    await cancel(ledger, first.id, NOW + 1)
    again = await locked(ledger, a_lock(code), NOW + 2)
    assert (again.id, again.state, again.version) == (first.id, RedemptionState.LOCKED, 2)
    assert (await coupon_of(ledger, code)).state is CouponState.LOCKED
    await refused_facts(ledger, again, Payment())  # of the lock that was cancelled, perhaps
    await paid_with(ledger, again, Payment(expected_version=2))


async def test_the_record_of_an_order_keeps_its_cancelled_locks(ledger: Ledger) -> None:
    held = await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    for number in (1, 2):
        await cancel(ledger, held.id, NOW + number)
        await locked(ledger, a_lock(), NOW + number)
    record = await show_order(ledger, "order-1")
    assert isinstance(record, OrderRecord)
    told = [(each.version, each.cancelled_at, each.payable) for each in record.cancelled]
    assert told == [(1, NOW + 1, 4000), (2, NOW + 2, 5000)]


async def test_a_cancelled_order_is_still_its_students(ledger: Ledger) -> None:
    held = await locked(ledger, a_lock())
    await cancel(ledger, held.id, NOW)
    answer = await lock(ledger, replace(a_lock(), student="bob"), NOW)
    assert isinstance(answer, Refused)
    assert answer.code is Code.WRONG_STATE


# --- A quote of an order that has a lock --------------------------------------------------------


async def quoted(ledger: Ledger, order_id: str | None, student: str = "ada") -> Quoted:
    form = QuoteForm(ORDER, student, BestSelection.BEST, 9000, order_id)
    found = await quote_order(ledger, form, NOW)
    assert isinstance(found, Quoted)
    return found


async def test_an_order_s_own_lock_does_not_stand_against_it(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1, form=replace(a_form(), uses_per_student=1))
    before = await quoted(ledger, "order-1")
    await locked(ledger, a_lock(code))
    assert (await quoted(ledger, None)).quote.payable == 5000
    assert (await quoted(ledger, "order-2")).quote.payable == 5000
    assert await quoted(ledger, "order-1") == before
    assert before.quote.payable == 4000


async def test_the_balance_that_an_order_has_taken_is_free_for_it(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1, form=a_form(Rebate(AmountOff(700))))
    earned = await locked(ledger, LockForm("order-0", "ada", ORDER, (code,)))
    await paid_with(ledger, earned, Payment())
    await locked(ledger, replace(a_lock(), balance=700))
    assert (await quoted(ledger, None)).spent.available == 0
    spent = (await quoted(ledger, "order-1")).spent
    assert (spent.available, spent.used) == (700, 700)


async def test_somebody_else_s_order_frees_nothing(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    await locked(ledger, a_lock(code))
    assert (await quoted(ledger, "order-1", "bob")).quote == (
        await quoted(ledger, None, "bob")
    ).quote
    assert (await quoted(ledger, "order-1", "bob")).quote.payable == 5000
