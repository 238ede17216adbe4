"""Lock versions: the lock of an order that a payment is for, and the coupons whose lock has ended."""

from dataclasses import replace

import pytest

from server.core.checkout.quoting.quotes import QuotedLine
from server.core.checkout.redemptions import (
    CLOCK_DIFFERENCE_MS,
    Payment,
    Redemption,
    RedemptionState,
    is_paid_as_locked,
    replacing,
    time_violations,
)
from server.core.coupons.coupons import LEAST_HOLD_AFTER_LOCK_MS, CouponState
from tests.support.builders.money import NOW, a_coupon, an_order

FIRST = Redemption(
    id="rdm_1",
    order_id="o1",
    student="ada",
    state=RedemptionState.LOCKED,
    order=an_order(5000),
    discount=1000,
    payable=4000,
    lines=(QuotedLine("a", 1000, 4000),),
    coupons=(),
    expires_at=NOW,
    created_at=NOW,
    updated_at=NOW,
)
SECOND = replace(FIRST, version=2)
PAID = replace(SECOND, state=RedemptionState.REDEEMED)


def test_only_another_lock_is_another_version() -> None:
    assert replacing(FIRST, replace(FIRST, expires_at=NOW + 5)).version == 1
    assert replacing(FIRST, replace(FIRST, payable=4500)).version == 2
    cancelled = replace(FIRST, state=RedemptionState.CANCELLED)
    assert replacing(cancelled, FIRST).version == 2


def test_every_order_but_a_paid_one_may_be_locked() -> None:
    assert [state for state in RedemptionState if not state.may_be_locked] == ["redeemed"]


@pytest.mark.parametrize(
    ("held", "payment", "is_for_it"),
    [
        (FIRST, Payment(), True),
        (SECOND, Payment(), False),
        (SECOND, Payment(paid=4000), True),
        (SECOND, Payment(paid=3999), False),
        (SECOND, Payment(expected_version=2), True),
        (SECOND, Payment(paid=4000, expected_version=1), False),
        (PAID, Payment(), True),
        (PAID, Payment(paid=3999), False),
    ],
)
def test_a_payment_is_for_the_lock_that_it_names(
    held: Redemption, payment: Payment, is_for_it: bool
) -> None:
    assert is_paid_as_locked(held, payment) is is_for_it


@pytest.mark.parametrize(
    ("moved", "codes"),
    [
        (-CLOCK_DIFFERENCE_MS - 1, ["before_lock"]),
        (CLOCK_DIFFERENCE_MS, []),
        (CLOCK_DIFFERENCE_MS + 1, ["in_future"]),
    ],
)
def test_a_payment_lies_between_the_lock_and_now(moved: int, codes: list[str]) -> None:
    found = time_violations(Payment(paid_at=NOW + moved), FIRST, NOW)
    assert [each.code for each in found] == codes
    assert list(time_violations(Payment(), FIRST, NOW)) == []


def test_a_coupon_whose_lock_ends_has_a_minute_of_its_hold_left() -> None:
    locked = a_coupon(state=CouponState.LOCKED, hold_until=NOW + 5)
    freed = locked.without_lock(NOW)
    assert (freed.state, freed.hold_until) == ("usable", NOW + LEAST_HOLD_AFTER_LOCK_MS)
    assert replace(locked, hold_until=None).without_lock(NOW).hold_until is None
