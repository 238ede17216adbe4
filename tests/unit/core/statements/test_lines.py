"""A statement's lines add up to the order, and say where each coupon came from."""

from dataclasses import replace

from server.core.checkout.redemptions import Redemption
from server.core.checkout.refunds import Refund, RefundedLine
from server.core.statements.lines import (
    CouponUse,
    LineKind,
    as_adjustment,
    lines_of_refund,
    lines_of_sale,
)
from tests.unit.core.checkout.test_redemptions import a_paid_order

ORDER: Redemption = a_paid_order()
USES = {
    coupon.coupon_id: CouponUse(coupon.code, coupon.coupon_id, "tpl_1", 2, "bat_1", "live")
    for coupon in ORDER.coupons
}
DAY = "2026-03-01"


def test_a_sale_adds_up_to_the_order() -> None:
    lines = list(lines_of_sale(ORDER, USES, DAY))

    assert sum(line.paid for line in lines) == ORDER.payable
    assert sum(line.share for line in lines) == ORDER.discount
    assert {line.kind for line in lines} == {LineKind.SALE}
    assert {line.date for line in lines} == {DAY}
    by_coupon = {
        coupon.coupon_id: sum(
            line.share for line in lines if line.use and line.use.coupon == coupon.coupon_id
        )
        for coupon in ORDER.coupons
    }
    assert by_coupon == {coupon.coupon_id: coupon.discount for coupon in ORDER.coupons}


def test_each_piece_is_counted_once_however_many_coupons_a_line_has() -> None:
    lines = list(lines_of_sale(ORDER, USES, DAY))
    pieces = {line.id: line.quantity for line in ORDER.order.lines}
    for line_id, quantity in pieces.items():
        assert sum(line.quantity for line in lines if line.line == line_id) == quantity


def test_without_coupons_a_line_says_what_was_paid() -> None:
    plain = replace(
        ORDER,
        coupons=(),
        discount=0,
        lines=tuple(
            replace(line, discount=0, payable=line.payable + line.discount) for line in ORDER.lines
        ),
    )
    lines = list(lines_of_sale(plain, {}, DAY))
    assert [(line.use, line.share) for line in lines] == [(None, 0)] * len(ORDER.lines)
    assert [line.paid for line in lines] == [line.payable for line in plain.lines]


def test_what_the_balance_paid_is_a_share_without_a_coupon() -> None:
    line_id = ORDER.lines[0].id
    with_balance = replace(ORDER, balance=7, balance_shares={line_id: 7})
    (balance,) = [
        line for line in lines_of_sale(with_balance, USES, DAY) if line.share and line.use is None
    ]
    assert (balance.line, balance.share) == (line_id, 7)


def test_the_list_price_is_the_price_where_there_is_no_other() -> None:
    first, *others = ORDER.order.lines
    priced = replace(first, unit_price=900, list_price=1_000)
    order = replace(ORDER, order=replace(ORDER.order, lines=(priced, *others)))
    lines = {line.line: line for line in lines_of_sale(order, USES, DAY)}
    assert (lines[first.id].list_price, lines[first.id].sale_price) == (1_000, 900)
    for line in others:
        assert lines[line.id].list_price == lines[line.id].sale_price == line.unit_price


def test_a_refund_adds_up_to_what_is_paid_back() -> None:
    first = ORDER.lines[0].id
    refund = Refund(
        refund_id="r1",
        refunded=90,
        charged_back=10,
        total=90,
        lines=(RefundedLine(first, 100, 1, 0),),
        coupons=(),
        requested=(),
        created_at=1_000,
    )
    lines = list(lines_of_refund(ORDER, refund, USES, DAY))
    assert [(line.line, line.refunded) for line in lines] == [(first, 100), (None, -10)]
    assert sum(line.refunded for line in lines) == refund.refunded
    assert {(line.kind, line.refund, line.paid) for line in lines} == {(LineKind.REFUND, "r1", 0)}
    assert lines[0].use is not None

    earned = replace(refund, refunded=100, charged_back=0)
    assert len(list(lines_of_refund(ORDER, earned, USES, DAY))) == 1


def test_an_adjustment_names_the_day_that_it_belongs_to() -> None:
    line = next(lines_of_sale(ORDER, USES, DAY))
    moved = as_adjustment(line, "2026-03-03")
    assert (moved.kind, moved.date, moved.for_date) == (LineKind.ADJUSTMENT, "2026-03-03", DAY)
    assert replace(moved, kind=line.kind, date=DAY, for_date=None) == line


def test_a_coupon_with_no_part_of_a_line_is_not_named_there() -> None:
    first, *others = ORDER.coupons
    order = replace(ORDER, coupons=(replace(first, line_shares={}), *others))
    named = {line.use.coupon for line in lines_of_sale(order, USES, DAY) if line.use}
    assert first.coupon_id not in named
