from dataclasses import replace

import pytest

from server.core.checkout.quoting.quotes import QuotedGift, QuotedLine
from server.core.checkout.redemptions import (
    CLOCK_DIFFERENCE_MS,
    LEAST_LOCK_SECONDS,
    FrozenRebate,
    LockForm,
    Payment,
    RedeemedCoupon,
    Redemption,
    RedemptionState,
    lock_violations,
    payment_violations,
    time_violations,
)
from server.core.checkout.refunds import Refund
from server.core.promotions.templates import AmountOff
from tests.support.builders.money import NOW, a_form, a_template, an_order

FORM = LockForm("order-1", "ada", an_order(5000), ("A",), 4000)


def test_only_locked_and_ended_locks_may_change() -> None:
    assert {state for state in RedemptionState if state.may_change} == {
        RedemptionState.LOCKED,
        RedemptionState.EXPIRED,
    }


def a_paid_order() -> Redemption:
    """5000 less 1000; the coupon also credits 300 and adds two gifts of 200."""
    order = an_order(5000)
    line = order.lines[0].id
    return Redemption(
        id="rdm_1",
        order_id="o1",
        student="ada",
        state=RedemptionState.REDEEMED,
        order=order,
        discount=1000,
        payable=4000,
        lines=(QuotedLine(line, 1000, 4000),),
        coupons=(RedeemedCoupon("cpn_1", "A", 1000, {line: 1000}),),
        expires_at=NOW,
        created_at=NOW,
        updated_at=NOW,
        gifts=(QuotedGift("pen", "Pen", 2, 200, "A"),),
        rebates=(FrozenRebate("cpn_1", 300, None, {line: 300}),),
    )


def test_its_lines_are_known_as_they_were_paid() -> None:
    paid = a_paid_order()
    (line,) = paid.paid_lines
    assert (line.amount, line.payable, line.quantity, line.refunded) == (5000, 4000, 1, 0)
    assert paid.refunded == 0


def test_a_coupon_costs_what_it_takes_off_credits_and_gives() -> None:
    assert a_paid_order().costs == {"cpn_1": 1000 + 300 + 2 * 200}


def test_its_account_has_each_coupon_with_its_shares_and_its_rebate() -> None:
    paid = a_paid_order()
    account = paid.account(paid.paid_lines, [a_template(a_form(AmountOff(1000)))])
    (coupon,) = account.coupons
    line = paid.order.lines[0].id
    assert (account.lines, account.refunded) == (paid.paid_lines, 0)
    assert (coupon.line_shares, coupon.credits) == ({line: 1000}, {line: 300})


def test_a_good_form_has_no_violations() -> None:
    assert lock_violations(FORM) == []


@pytest.mark.parametrize(
    ("form", "field", "code"),
    [
        (replace(FORM, order_id=""), "order_id", "too_short"),
        (replace(FORM, order_id="x" * 65), "order_id", "too_long"),
        (replace(FORM, order_id="."), "order_id", "bad_format"),
        (replace(FORM, order_id=".."), "order_id", "bad_format"),
        (replace(FORM, order_id="a\x1fb"), "order_id", "bad_character"),
        (replace(FORM, student="a\0"), "student", "bad_character"),
        (replace(FORM, order=an_order()), "order.lines", "too_few"),
        (replace(FORM, coupons=("A",) * 21), "coupons", "too_many"),
        (replace(FORM, metadata={str(n): "" for n in range(21)}), "metadata", "too_many"),
    ],
)
def test_each_rule_of_a_lock_names_its_field(form: LockForm, field: str, code: str) -> None:
    (found,) = lock_violations(form)
    assert (found.field, found.code) == (field, code)


@pytest.mark.parametrize("payment", [Payment(), Payment("pay_1", NOW)])
def test_a_payment_may_leave_fields_out(payment: Payment) -> None:
    assert list(payment_violations(payment)) == []


@pytest.mark.parametrize(
    ("payment", "field", "code"),
    [
        (Payment(""), "payment_ref", "too_short"),
        (Payment("x" * 201), "payment_ref", "too_long"),
        (Payment(None, -1), "paid_at", "too_small"),
        (Payment(None, 10**18), "paid_at", "too_large"),
        (Payment(paid=-1), "paid", "too_small"),
        (Payment(expected_version=0), "expected_version", "too_small"),
    ],
)
def test_each_rule_of_a_payment_names_its_field(payment: Payment, field: str, code: str) -> None:
    (found,) = payment_violations(payment)
    assert (found.field, found.code) == (field, code)


def test_what_was_paid_back_is_what_the_last_refund_says() -> None:
    """Each refund keeps the sum of all refunds until then."""
    first, second = (Refund(f"r{n}", 100, 0, n * 100, (), (), (), NOW) for n in (1, 2))
    assert replace(a_paid_order(), refunds=(first, second)).refunded == 200


def test_a_line_without_a_quantity_of_its_own_is_one_piece() -> None:
    """Shipping is a line of the bill and none of the order."""
    paid = a_paid_order()
    shipping = replace(paid, lines=(*paid.lines, QuotedLine("shipping", 0, 800)))
    assert [line.quantity for line in shipping.paid_lines] == [1, 1]


@pytest.mark.parametrize(
    ("limit_ms", "seconds", "is_good"),
    [
        (600_000, 600, True),
        (600_000, 601, False),
        (
            1_000,
            LEAST_LOCK_SECONDS,
            True,
        ),  # a limit below the least lock still allows the least lock
    ],
)
def test_a_lock_is_as_long_as_the_school_allows(limit_ms: int, seconds: int, is_good: bool) -> None:
    found = lock_violations(replace(FORM, lock_seconds=seconds), limit_ms)
    assert [each.field for each in found] == ([] if is_good else ["lock_seconds"])


@pytest.mark.parametrize(
    "payment", [Payment(None, 0), Payment(paid=0), Payment(expected_version=1)]
)
def test_the_least_values_of_a_payment_are_good(payment: Payment) -> None:
    assert list(payment_violations(payment)) == []


@pytest.mark.parametrize(
    ("after_lock_ms", "code"),
    [
        (-CLOCK_DIFFERENCE_MS - 1, "before_lock"),
        (-CLOCK_DIFFERENCE_MS, None),
        (CLOCK_DIFFERENCE_MS, None),
        (CLOCK_DIFFERENCE_MS + 1, "in_future"),
    ],
)
def test_a_payment_lies_between_the_lock_and_now_by_clocks_that_differ_by_a_minute(
    after_lock_ms: int, code: str | None
) -> None:
    payment = Payment(None, NOW + after_lock_ms)
    found = [each.code for each in time_violations(payment, a_paid_order(), NOW)]
    assert found == ([] if code is None else [code])
