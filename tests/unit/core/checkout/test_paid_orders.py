"""Charging back: refunds charge back what coupons took off or credited and the kept lines no longer earn,
counted as the lock counted.
"""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from server.core.checkout.orders import Order, OrderLine
from server.core.checkout.paid_orders import OrderAccount, PaidCoupon, PaidLine, paid_coupon
from server.core.checkout.quoting.quotes import Quote, quote
from server.core.checkout.refunds import RefundForm, RefundPlan, RequestedLine, plan
from server.core.promotions.templates import (
    AmountOff,
    BrokenThreshold,
    Counted,
    Gift,
    Returns,
    Stacking,
    StackingClass,
    Threshold,
)
from tests.support.builders.money import NOW, a_coupon, a_form, a_template, an_order

CHARGES = Returns(broken_threshold=BrokenThreshold.CHARGE_BACK)


def planned(before: OrderAccount, *lines: RequestedLine) -> RefundPlan:
    found = plan(before, RefundForm("r1", lines or None))
    assert isinstance(found, RefundPlan), found
    return found


COUPONS = st.lists(
    st.builds(
        lambda amount, least, pieces, counted, in_class: replace(
            a_form(AmountOff(amount)),
            threshold=Threshold(least, pieces, counted),
            returns=CHARGES,
            stacking=Stacking(in_class, frozenset(StackingClass)),
        ),
        st.integers(1, 3_000),
        st.integers(0, 9_000),
        st.integers(0, 6),
        st.sampled_from(Counted),
        st.sampled_from([StackingClass.PRODUCT, StackingClass.ORDER]),
    ),
    max_size=3,
)


@st.composite
def locked_orders(draw: st.DrawFn) -> tuple[Order, OrderAccount]:
    """Draw an order and its account as a lock would freeze it."""
    lines = draw(
        st.lists(st.tuples(st.integers(1, 3_000), st.integers(1, 4)), min_size=1, max_size=4)
    )
    order = Order(
        "CNY",
        tuple(
            OrderLine(chr(97 + at), "algebra", price, pieces)
            for at, (price, pieces) in enumerate(lines)
        ),
    )
    forms = draw(COUPONS)
    wallet = [a_coupon(form, f"C{at}") for at, form in enumerate(forms)]
    found = quote(order, wallet, [coupon.code for coupon in wallet], NOW)
    return order, account_of(order, found)


def account_of(order: Order, found: Quote) -> OrderAccount:
    names = [line.id for line in order.lines]
    return OrderAccount(
        tuple(
            PaidLine(line.id, line.amount, told.payable, line.quantity)
            for line, told in zip(order.lines, found.lines, strict=True)
        ),
        tuple(
            paid_coupon(
                each.coupon.template, dict(zip(names, each.line_shares, strict=True)), order
            )
            for each in found.applied
        ),
    )


def is_reached_on(order: Order, before: Sequence[PaidCoupon], coupon: PaidCoupon) -> bool:
    """Count the threshold as the lock does, with the line shares that the lock froze."""
    threshold = coupon.threshold
    counted = before if threshold.counted is Counted.AFTER else ()
    amount = sum(
        line.amount - sum(each.line_shares.get(line.id, 0) for each in counted)
        for line in order.lines
    )
    pieces = sum(line.quantity for line in order.lines)
    return amount >= threshold.min_amount and pieces >= threshold.min_quantity


@given(locked_orders(), st.data())
def test_lines_that_come_back_charge_exactly_what_the_rest_no_longer_earns(
    made: tuple[Order, OrderAccount], data: st.DataObject
) -> None:
    order, before = made
    gone = data.draw(st.sets(st.sampled_from([line.id for line in order.lines]), min_size=1))
    found = planned(before, *(RequestedLine(name) for name in sorted(gone)))
    rest = tuple(line for line in order.lines if line.id not in gone)
    unearned = sum(
        sum(coupon.line_shares[line.id] for line in rest)
        for at, coupon in enumerate(before.coupons)
        if rest and not is_reached_on(Order("CNY", rest), before.coupons[:at], coupon)
    )
    parts = sum(part.refunded for part in found.lines)
    whole = found.after.is_whole
    assert found.charged_back == (0 if whole else min(unearned, parts))
    assert found.refunded == parts - found.charged_back >= 0


@given(locked_orders(), st.data())
def test_the_order_of_refunds_does_not_change_the_result(
    made: tuple[Order, OrderAccount], data: st.DataObject
) -> None:
    """The exception is a step that would have been negative: money paid back before it is not asked back."""
    _, before = made
    pieces = [
        RequestedLine(line.id, quantity=1)
        for line in before.lines
        for _ in range(data.draw(st.integers(0, line.quantity)))
    ]
    ends = []
    for order in (pieces, data.draw(st.permutations(pieces))):
        after, has_owed = before, False
        for step in order:
            found = planned(after, step)
            after = found.after
            has_owed |= after.charged_back < after.unearned()
        ends.append((after.lines, after.refunded, after.costs(), has_owed))
    (lines, total, costs, owed), (others, other_total, other_costs, other_owed) = ends
    assert lines == others
    if not owed and not other_owed:
        assert (total, costs) == (other_total, other_costs)


@given(locked_orders(), st.data())
def test_what_coupons_cost_is_what_the_kept_pieces_were_sold_below_their_price(
    made: tuple[Order, OrderAccount], data: st.DataObject
) -> None:
    """Exact for one coupon; with several, each share is rounded by itself."""
    _, before = made
    after = before
    for line in before.lines:
        count = data.draw(st.integers(0, line.quantity))
        if count:
            after = planned(after, RequestedLine(line.id, quantity=count)).after
    kept = sum(line.kept_of(line.amount) for line in after.lines)
    below = kept - (after.payable - after.refunded)
    rounded = len(after.coupons) * len(after.lines)
    assert all(cost >= 0 for cost in after.costs())
    if not after.is_whole:
        assert abs(sum(after.costs()) - below) <= rounded
    else:
        assert sum(after.costs()) == 0


def test_a_returned_piece_undoes_its_part_also_where_its_price_was_rounded() -> None:
    half_of_it = PaidLine("c", 1078, payable=3, quantity=2, refunded=2, returned=1)
    assert (half_of_it.undone_of(516), half_of_it.kept_of(516)) == (258, 258)
    more_money = replace(half_of_it, refunded=1, returned=0)
    assert more_money.undone_of(516) == 172


def test_the_last_minor_unit_paid_back_returns_a_line_and_an_order() -> None:
    free = PaidLine("b", 100, payable=0, quantity=1)
    line = PaidLine("a", 100, payable=1, quantity=2, refunded=1)
    assert line.is_fully_returned
    assert not free.is_fully_returned
    assert OrderAccount((line, free), ()).is_whole
    assert not OrderAccount((replace(line, refunded=0), free), ()).is_whole


def test_a_line_without_a_share_neither_owes_nor_lowers_what_a_threshold_counts() -> None:
    first = PaidCoupon({"a": 10}, Threshold(0), frozenset("ab"), Returns())
    second = PaidCoupon({"a": 10}, Threshold(140, 0, Counted.AFTER), frozenset("ab"), CHARGES)
    lines = PaidLine("a", 100, 80, 1), PaidLine("b", 50, 50, 1)
    assert not OrderAccount(lines, (first, second)).is_unearned(1)
    short = OrderAccount(lines, (first, replace(second, threshold=Threshold(151))))
    assert short.unearned() == 10


def test_only_a_gift_costs_something_besides_what_it_takes_off() -> None:
    order = an_order(50)
    coupon = paid_coupon(a_template(a_form(AmountOff(5))), {"a": 5}, order)
    assert coupon.gift == 0
    assert paid_coupon(a_template(a_form(Gift("poetry", 400, 2))), {}, order).gift == 800


def test_a_rebate_is_earned_by_its_threshold_as_a_discount_is() -> None:
    coupon = PaidCoupon({}, Threshold(30_000), frozenset("a"), CHARGES, {"a": 3_000})
    before = OrderAccount((PaidLine("a", 30_000, 30_000, 6),), (coupon,))
    assert (before.is_unearned(0), before.costs()) == (False, (3_000,))
    after = planned(before, RequestedLine("a", quantity=5)).after
    assert (after.is_unearned(0), after.costs()) == (True, (0,))


def test_a_gift_costs_its_price_until_the_whole_order_is_undone() -> None:
    coupon = paid_coupon(a_template(a_form(Gift("poetry", 400, 2))), {}, an_order(5, 5))
    before = OrderAccount((PaidLine("a", 5, 5, 1), PaidLine("b", 5, 5, 1)), (coupon,))
    assert before.costs() == planned(before, RequestedLine("a")).after.costs() == (800,)
    assert planned(before).after.costs() == (0,)
