from dataclasses import replace

import pytest

from server.core.quotes import QuotedLine
from server.core.redemptions import (
    LockForm,
    Payment,
    Redemption,
    RedemptionState,
    lock_violations,
    payment_violations,
)
from tests.support.money import NOW, an_order

FORM = LockForm("order-1", "ada", an_order(5000), ("A",), 4000)


def test_only_locked_and_ended_locks_may_change() -> None:
    assert {state for state in RedemptionState if state.may_change} == {
        RedemptionState.LOCKED,
        RedemptionState.EXPIRED,
    }


def test_its_lines_are_known_as_they_were_paid() -> None:
    order = an_order(5000)
    paid = Redemption(
        id="rdm_1",
        order_id="o1",
        student="ada",
        state=RedemptionState.REDEEMED,
        order=order,
        discount=1000,
        payable=4000,
        lines=(QuotedLine(order.lines[0].id, 1000, 4000),),
        coupons=(),
        expires_at=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
    (line,) = paid.paid_lines
    assert (line.amount, line.payable, line.quantity, line.refunded) == (5000, 4000, 1, 0)
    assert paid.refunded == 0


def test_a_good_form_has_no_violations() -> None:
    assert lock_violations(FORM) == []


@pytest.mark.parametrize(
    ("form", "field", "code"),
    [
        (replace(FORM, order_id=""), "order_id", "too_short"),
        (replace(FORM, order_id="x" * 65), "order_id", "too_long"),
        (replace(FORM, student="a\0"), "student", "bad_character"),
        (replace(FORM, order=an_order()), "order.lines", "too_few"),
        (replace(FORM, coupons=("A",) * 21), "coupons", "too_many"),
    ],
)
def test_each_rule_of_a_lock_names_its_field(form: LockForm, field: str, code: str) -> None:
    (found,) = lock_violations(form)
    assert (found.field, found.code) == (field, code)


@pytest.mark.parametrize("payment", [Payment(), Payment("pay_1", NOW)])
def test_a_payment_may_say_little(payment: Payment) -> None:
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
