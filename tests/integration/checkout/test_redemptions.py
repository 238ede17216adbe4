"""Coupons on orders, on both databases: locked, redeemed, cancelled, expired."""

from dataclasses import replace

import pytest

from server.core.checkout.orders import Order
from server.core.checkout.redemptions import (
    LOCK_LIMIT_MS,
    LockForm,
    Payment,
    Redemption,
    RedemptionState,
)
from server.core.coupons.coupons import LEAST_HOLD_AFTER_LOCK_MS, CouponState
from server.core.promotions.templates import AmountOff
from server.core.refusals import Code, Refused
from server.flows.checkout.confirm_payment import confirm
from server.flows.checkout.redemptions import find, find_by_order, lock
from server.flows.checkout.unlock import cancel, expire_overdue
from server.ledger.engine import Ledger
from tests.support.builders.coupon_rows import change_coupon, coupon_of, give_coupon
from tests.support.builders.money import NOW, a_form, an_order

pytestmark = pytest.mark.asyncio

SEED_ORDER = an_order(5000, 3000, 3000)
AFTER_LOCK = NOW + LOCK_LIMIT_MS


def a_lock(*codes: str, order_id: str = "order-1", order: Order = SEED_ORDER) -> LockForm:
    return LockForm(order_id, "ada", order, codes)


async def locked(ledger: Ledger, form: LockForm, now: int = NOW) -> Redemption:
    found = await lock(ledger, form, now)
    assert isinstance(found, Redemption), found
    return found


async def state_of(ledger: Ledger, code: str) -> CouponState:
    return (await coupon_of(ledger, code)).state


def refusal(answer: Redemption | Refused, *names: str) -> tuple[object, ...]:
    assert isinstance(answer, Refused), answer
    return (answer.code, *(answer.facts[name] for name in names))


# --- Locking ------------------------------------------------------------------------------------


async def test_a_lock_freezes_the_shares_of_the_discount(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    found = await locked(ledger, a_lock(code))
    assert (found.discount, found.payable) == (1000, 10000)
    assert [line.payable for line in found.lines] == [4545, 2727, 2728]
    assert found.coupons[0].line_shares == {"a": 455, "b": 273, "c": 272}


async def test_a_locked_coupon_is_on_its_order(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    found = await locked(ledger, a_lock(code))
    coupon = await coupon_of(ledger, code)
    assert (coupon.state, coupon.redemption_id) == (CouponState.LOCKED, found.id)


async def test_what_was_locked_is_found_again_as_it_was(ledger: Ledger) -> None:
    found = await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    assert await find(ledger, found.id) == found
    assert await find_by_order(ledger, "order-1") == found


async def test_an_order_without_coupons_is_locked_in_full(ledger: Ledger) -> None:
    assert (await locked(ledger, a_lock())).payable == 11000


async def test_codes_are_taken_as_people_type_them(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    found = await locked(ledger, a_lock(f" {code.lower().replace('-', ' ')} "))
    assert found.coupons[0].code == code


async def test_a_coupon_on_another_order_is_locked(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    await locked(ledger, a_lock(code, order_id="order-1"))
    answer = await lock(ledger, a_lock(code, order_id="order-2"), NOW)
    told = [{"code": code, "reason": "locked"}]
    assert refusal(answer, "coupons") == (Code.COUPON_LOCKED, told)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"valid_until": NOW}, "expired"),
        ({"valid_from": NOW + 1}, "not_yet_valid"),
        ({"hold_until": NOW}, "expired"),
        ({"state": "released"}, "released"),
        ({"state": "revoked"}, "revoked"),
        ({"state": "voided"}, "revoked"),
        ({"student": "bob"}, "unknown"),
    ],
)
async def test_a_coupon_that_cannot_be_used_refuses_the_lock(
    ledger: Ledger, columns: dict[str, object], reason: str
) -> None:
    code = await give_coupon(ledger, 1, **columns)  # type: ignore[arg-type]
    answer = await lock(ledger, a_lock(code), NOW)
    told = [{"code": code, "reason": reason}]
    assert refusal(answer, "coupons") == (Code.COUPON_UNUSABLE, told)


async def test_a_code_that_does_not_exist_is_answered_like_a_foreign_one(ledger: Ledger) -> None:
    answer = await lock(ledger, a_lock("ABCD-EFGH"), NOW)
    told = [{"code": "ABCD-EFGH", "reason": "unknown"}]
    assert refusal(answer, "coupons") == (Code.COUPON_UNUSABLE, told)


async def test_one_bad_coupon_refuses_all(ledger: Ledger) -> None:
    good = await give_coupon(ledger, 1)
    bad = await give_coupon(ledger, 2, valid_until=NOW)
    answer = await lock(ledger, a_lock(good, bad), NOW)
    assert refusal(answer, "coupons") == (
        Code.COUPON_UNUSABLE,
        [{"code": bad, "reason": "expired"}],
    )
    assert await state_of(ledger, good) is CouponState.USABLE


async def test_a_second_coupon_cannot_be_combined(ledger: Ledger) -> None:
    first, second = await give_coupon(ledger, 1), await give_coupon(ledger, 2)
    answer = await lock(ledger, a_lock(first, second), NOW)
    told = [{"code": second, "reason": "not_combinable"}]
    assert refusal(answer, "coupons") == (Code.COUPON_UNUSABLE, told)


async def test_another_total_than_the_one_shown_is_refused(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    answer = await lock(ledger, replace(a_lock(code), expected_payable=9999), NOW)
    assert refusal(answer, "payable") == (Code.TOTAL_CHANGED, 10000)
    assert await state_of(ledger, code) is CouponState.USABLE


async def test_a_refused_lock_leaves_no_redemption(ledger: Ledger) -> None:
    await lock(ledger, a_lock("nothing"), NOW)
    assert refusal(await find_by_order(ledger, "order-1")) == (Code.NOT_FOUND,)


async def test_a_bad_order_is_refused_by_its_fields(ledger: Ledger) -> None:
    answer = await lock(ledger, a_lock(order=an_order()), NOW)
    told = [{"field": "order.lines", "code": "too_few"}]
    assert refusal(answer, "errors") == (Code.INVALID_FIELD, told)


async def test_an_order_may_ask_for_less_time_to_pay(ledger: Ledger) -> None:
    form = replace(a_lock(await give_coupon(ledger, 1)), lock_seconds=30)
    assert (await locked(ledger, form)).expires_at == NOW + 30_000
    assert await expire_overdue(ledger, NOW + 30_000) == 1


@pytest.mark.parametrize(("seconds", "code"), [(9, "too_small"), (61, "too_large")])
async def test_a_time_to_pay_has_bounds(ledger: Ledger, seconds: int, code: str) -> None:
    form = replace(a_lock(), lock_seconds=seconds)
    answer = await lock(ledger, form, NOW, 60_000)
    told = [{"field": "lock_seconds", "code": code}]
    assert refusal(answer, "errors") == (Code.INVALID_FIELD, told)


async def test_the_usual_time_to_pay_is_the_schools(ledger: Ledger) -> None:
    answer = await lock(ledger, a_lock(), NOW, 60_000)
    assert isinstance(answer, Redemption)
    assert answer.expires_at == NOW + 60_000


# --- Locking again ------------------------------------------------------------------------------


async def test_the_same_order_replaces_its_lock_under_the_same_id(ledger: Ledger) -> None:
    old, new = await give_coupon(ledger, 1), await give_coupon(ledger, 2)
    first = await locked(ledger, a_lock(old))
    second = await locked(ledger, a_lock(new), NOW + 5)
    assert second.id == first.id
    assert second.expires_at == AFTER_LOCK + 5
    assert await find(ledger, first.id) == second


async def test_a_replaced_lock_frees_what_it_no_longer_uses(ledger: Ledger) -> None:
    old, new = await give_coupon(ledger, 1), await give_coupon(ledger, 2)
    await locked(ledger, a_lock(old))
    await locked(ledger, a_lock(new))
    assert await state_of(ledger, old) is CouponState.USABLE
    assert await state_of(ledger, new) is CouponState.LOCKED


async def test_an_order_may_lock_the_coupon_again_that_it_holds(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    first = await locked(ledger, a_lock(code))
    again = await locked(ledger, a_lock(code, order=an_order(6000)))
    assert (again.id, again.payable) == (first.id, 5000)
    assert await state_of(ledger, code) is CouponState.LOCKED


async def test_a_refused_replacement_leaves_the_lock_before_it(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    first = await locked(ledger, a_lock(code))
    await lock(ledger, a_lock("nothing"), NOW)
    assert await find(ledger, first.id) == first
    assert await state_of(ledger, code) is CouponState.LOCKED


async def test_an_order_whose_lock_ended_is_locked_again_under_the_same_id(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    first = await locked(ledger, a_lock(code))
    await expire_overdue(ledger, AFTER_LOCK)
    again = await locked(ledger, a_lock(code), AFTER_LOCK)
    assert (again.id, again.state) == (first.id, RedemptionState.LOCKED)


async def test_an_order_belongs_to_its_student(ledger: Ledger) -> None:
    await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    other = replace(a_lock(), student="bob")
    assert refusal(await lock(ledger, other, NOW)) == (Code.WRONG_STATE,)


async def test_a_paid_order_is_not_locked_again(ledger: Ledger) -> None:
    first = await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    await confirm(ledger, first.id, Payment(), NOW)
    answer = await lock(ledger, a_lock(), NOW)
    assert refusal(answer, "state") == (Code.WRONG_STATE, "redeemed")


# --- Paying -------------------------------------------------------------------------------------


async def test_a_payment_redeems_the_coupon(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    held = await locked(ledger, a_lock(code))
    paid = await confirm(ledger, held.id, Payment("pay_1", NOW + 3), NOW + 5)
    assert isinstance(paid, Redemption)
    assert (paid.state, paid.payment_ref, paid.paid_at) == (
        RedemptionState.REDEEMED,
        "pay_1",
        NOW + 3,
    )
    coupon = await coupon_of(ledger, code)
    assert (coupon.state, coupon.redeemed_at) == (CouponState.REDEEMED, NOW + 5)


async def test_a_payment_without_a_date_was_made_now(ledger: Ledger) -> None:
    held = await locked(ledger, a_lock())
    paid = await confirm(ledger, held.id, Payment(), NOW + 5)
    assert isinstance(paid, Redemption)
    assert paid.paid_at == NOW + 5


async def test_a_repeated_payment_changes_nothing(ledger: Ledger) -> None:
    held = await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    first = await confirm(ledger, held.id, Payment("pay_1"), NOW)
    assert await confirm(ledger, held.id, Payment("pay_2"), NOW + 9) == first


async def test_a_bad_payment_is_refused_by_its_fields(ledger: Ledger) -> None:
    held = await locked(ledger, a_lock())
    answer = await confirm(ledger, held.id, Payment("x" * 201), NOW)
    told = [{"field": "payment_ref", "code": "too_long"}]
    assert refusal(answer, "errors") == (Code.INVALID_FIELD, told)


async def test_a_payment_before_the_lock_was_swept_is_honoured(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    held = await locked(ledger, a_lock(code))
    await confirm(ledger, held.id, Payment(), AFTER_LOCK + 1)
    assert await state_of(ledger, code) is CouponState.REDEEMED


async def test_a_late_payment_is_honoured_while_the_coupon_is_free(ledger: Ledger) -> None:
    # Its own dates do not matter any more: the student paid what was promised.
    code = await give_coupon(ledger, 1, valid_until=NOW + 1)
    held = await locked(ledger, a_lock(code))
    await expire_overdue(ledger, AFTER_LOCK)
    paid = await confirm(ledger, held.id, Payment(), AFTER_LOCK + 1)
    assert isinstance(paid, Redemption)
    assert await state_of(ledger, code) is CouponState.REDEEMED


async def test_a_late_payment_conflicts_with_the_order_that_locked_the_coupon_since(
    ledger: Ledger,
) -> None:
    code = await give_coupon(ledger, 1)
    held = await locked(ledger, a_lock(code))
    await expire_overdue(ledger, AFTER_LOCK)
    await locked(ledger, a_lock(code, order_id="order-2"), AFTER_LOCK)
    answer = await confirm(ledger, held.id, Payment(), AFTER_LOCK + 1)
    told = [{"code": code, "reason": "locked"}]
    assert refusal(answer, "coupons") == (Code.COUPON_LOCKED, told)


@pytest.mark.parametrize("state", ["released", "revoked", "voided"])
async def test_a_late_payment_conflicts_with_a_coupon_that_is_gone(
    ledger: Ledger, state: str
) -> None:
    code = await give_coupon(ledger, 1)
    held = await locked(ledger, a_lock(code))
    await expire_overdue(ledger, AFTER_LOCK)
    await change_coupon(ledger, code, state=state)
    answer = await confirm(ledger, held.id, Payment(), AFTER_LOCK + 1)
    assert refusal(answer) == (Code.COUPON_UNUSABLE,)


async def test_a_late_payment_conflicts_with_the_order_that_was_paid_since(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    held = await locked(ledger, a_lock(code))
    await expire_overdue(ledger, AFTER_LOCK)
    other = await locked(ledger, a_lock(code, order_id="order-2"), AFTER_LOCK)
    await confirm(ledger, other.id, Payment(), AFTER_LOCK)
    answer = await confirm(ledger, held.id, Payment(), AFTER_LOCK + 1)
    told = [{"code": code, "reason": "redeemed"}]
    assert refusal(answer, "coupons") == (Code.COUPON_UNUSABLE, told)


async def test_a_cancelled_order_cannot_be_paid(ledger: Ledger) -> None:
    held = await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    await cancel(ledger, held.id, NOW)
    assert refusal(await confirm(ledger, held.id, Payment(), NOW)) == (Code.WRONG_STATE,)


# --- Cancelling ---------------------------------------------------------------------------------


async def test_a_cancelled_order_frees_its_coupon(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    held = await locked(ledger, a_lock(code))
    cancelled = await cancel(ledger, held.id, NOW)
    assert isinstance(cancelled, Redemption)
    assert cancelled.state is RedemptionState.CANCELLED
    assert await state_of(ledger, code) is CouponState.USABLE


async def test_cancelling_again_changes_nothing(ledger: Ledger) -> None:
    held = await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    first = await cancel(ledger, held.id, NOW)
    assert await cancel(ledger, held.id, NOW + 9) == first


async def test_an_order_whose_lock_ended_may_still_be_cancelled(ledger: Ledger) -> None:
    held = await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    await expire_overdue(ledger, AFTER_LOCK)
    cancelled = await cancel(ledger, held.id, AFTER_LOCK)
    assert isinstance(cancelled, Redemption)
    assert cancelled.state is RedemptionState.CANCELLED


async def test_a_paid_order_is_not_cancelled(ledger: Ledger) -> None:
    held = await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    await confirm(ledger, held.id, Payment(), NOW)
    assert refusal(await cancel(ledger, held.id, NOW), "state") == (Code.WRONG_STATE, "redeemed")


async def test_what_was_never_locked_is_not_found(ledger: Ledger) -> None:
    assert refusal(await find(ledger, "rdm_none")) == (Code.NOT_FOUND,)
    assert refusal(await confirm(ledger, "rdm_none", Payment(), NOW)) == (Code.NOT_FOUND,)
    assert refusal(await cancel(ledger, "rdm_none", NOW)) == (Code.NOT_FOUND,)


# --- Ending -------------------------------------------------------------------------------------


async def test_a_lock_ends_at_its_instant(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    await locked(ledger, a_lock(code))
    assert await expire_overdue(ledger, AFTER_LOCK - 1) == 0
    assert await expire_overdue(ledger, AFTER_LOCK) == 1
    assert await state_of(ledger, code) is CouponState.USABLE


async def test_a_lock_ends_once(ledger: Ledger) -> None:
    await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    await expire_overdue(ledger, AFTER_LOCK)
    assert await expire_overdue(ledger, AFTER_LOCK) == 0


async def test_an_ended_lock_remembers_its_shares(ledger: Ledger) -> None:
    held = await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    await expire_overdue(ledger, AFTER_LOCK)
    expired = await find(ledger, held.id)
    assert expired == replace(held, state=RedemptionState.EXPIRED, updated_at=AFTER_LOCK)


async def test_a_paid_order_does_not_expire(ledger: Ledger) -> None:
    held = await locked(ledger, a_lock(await give_coupon(ledger, 1)))
    await confirm(ledger, held.id, Payment(), NOW)
    assert await expire_overdue(ledger, AFTER_LOCK) == 0


async def test_an_ended_lock_leaves_a_minute_of_the_hold(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1, hold_until=NOW + 1)
    await locked(ledger, a_lock(code))
    await expire_overdue(ledger, AFTER_LOCK)
    assert (await coupon_of(ledger, code)).hold_until == AFTER_LOCK + LEAST_HOLD_AFTER_LOCK_MS


async def test_a_longer_hold_is_not_shortened_by_a_lock(ledger: Ledger) -> None:
    hold_until = AFTER_LOCK + LEAST_HOLD_AFTER_LOCK_MS + 1
    code = await give_coupon(ledger, 1, hold_until=hold_until)
    await locked(ledger, a_lock(code))
    await expire_overdue(ledger, AFTER_LOCK)
    assert (await coupon_of(ledger, code)).hold_until == hold_until


async def test_a_coupon_without_a_hold_gets_none_from_a_lock(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    held = await locked(ledger, a_lock(code))
    await cancel(ledger, held.id, NOW)
    assert (await coupon_of(ledger, code)).hold_until is None


async def test_a_small_coupon_cannot_be_spent_on_an_order_of_nothing(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1, form=a_form(AmountOff(5)))
    answer = await lock(ledger, a_lock(code, order=an_order(0)), NOW)
    assert refusal(answer, "coupons") == (
        Code.COUPON_UNUSABLE,
        [{"code": code, "reason": "saves_nothing"}],
    )
