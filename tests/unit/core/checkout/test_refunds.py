"""Promise I7, second half: what is paid back never exceeds what was paid, and in the end it is all of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.checkout.apportionment import line_shares
from server.core.checkout.orders import Order, OrderLine
from server.core.checkout.paid_orders import OrderAccount, PaidCoupon, PaidLine, paid_coupon
from server.core.checkout.refunds import (
    RefundForm,
    RefundPlan,
    RequestedLine,
    form_violations,
    plan,
    unknown_lines,
)
from server.core.promotions.templates import (
    AmountOff,
    BrokenThreshold,
    Counted,
    ItemsFree,
    Returned,
    Returns,
    Scope,
    Threshold,
)
from server.core.refusals import Code, Refused
from tests.support.builders.money import a_form, a_line, a_template, an_order

CHARGES = Returns(broken_threshold=BrokenThreshold.CHARGE_BACK)
KEEPS = Returns()


def a_form_of(*lines: RequestedLine) -> RefundForm:
    return RefundForm("r1", lines or None)


def account(
    amounts: list[int],
    discount: int,
    threshold: Threshold | None = None,
    returns: Returns = KEEPS,
    quantities: list[int] | None = None,
) -> OrderAccount:
    """Lines `a`, `b`, … and one coupon on all of them."""
    names = [chr(97 + index) for index in range(len(amounts))]
    parts = dict(zip(names, line_shares(discount, amounts), strict=True))
    pieces = quantities or [1] * len(amounts)
    return OrderAccount(
        tuple(
            PaidLine(name, amount, amount - parts[name], quantity)
            for name, amount, quantity in zip(names, amounts, pieces, strict=True)
        ),
        (PaidCoupon(parts, threshold or Threshold(), frozenset(names), returns),),
    )


def planned(before: OrderAccount, *lines: RequestedLine) -> RefundPlan:
    found = plan(before, a_form_of(*lines))
    assert isinstance(found, RefundPlan), found
    return found


def paid_back(before: OrderAccount, *steps: RequestedLine) -> list[int]:
    """Return what each step pays back, one after the other."""
    amounts = []
    for step in steps:
        found = planned(before, step)
        amounts.append(found.refunded)
        before = found.after
    return amounts


SEED = account([5000, 3000, 3000], 1000, Threshold(10_000))
CHARGED = account([5000, 3000, 3000], 1000, Threshold(10_000), CHARGES)
A, B, C = (RequestedLine(name) for name in "abc")


# --- Known orders -------------------------------------------------------------------------------


def test_the_seed_order_is_paid_back_by_its_shares() -> None:
    # Acceptance case 1b.
    assert paid_back(SEED, B, A, C) == [2727, 4545, 2728]


def test_all_that_is_left_is_paid_back_where_no_line_is_named() -> None:
    after_b = planned(SEED, B).after
    assert planned(after_b).refunded == 7273


def test_pieces_of_a_line_add_up_to_what_was_paid_for_it() -> None:
    # 10000 for three: 3333, 3334, 3333.
    line = RequestedLine("a", quantity=1)
    assert paid_back(account([10_000], 0, quantities=[3]), line, line, line) == [3333, 3334, 3333]


def test_an_amount_leaves_the_rest_to_be_paid_back() -> None:
    found = planned(SEED, RequestedLine("b", amount=2000))
    assert (found.refunded, found.lines[0].refundable) == (2000, 727)
    assert planned(found.after, B).refunded == 727


def test_pieces_after_an_amount_pay_back_what_is_left_of_their_part() -> None:
    before = planned(account([300], 0, quantities=[3]), RequestedLine("a", amount=250)).after
    piece = RequestedLine("a", quantity=1)
    assert paid_back(before, piece, piece, piece) == [50, 0, 0]


def test_a_discount_that_is_no_longer_earned_is_charged_back() -> None:
    # 8000 of lines are kept, below the threshold: they cost 8000, and 10000 were paid.
    found = planned(CHARGED, B)
    assert (found.refunded, found.charged_back) == (2000, 727)
    assert found.lines[0].refunded == 2727


def test_what_was_charged_back_is_given_up_with_the_lines_it_was_for() -> None:
    assert paid_back(CHARGED, B, A, C) == [2000, 5000, 3000]


def test_a_charge_never_makes_a_refund_negative() -> None:
    # The rest costs 9990 without the coupon, and 9000 were paid, so the line of 10 pays nothing back.
    before = account([9_990, 10], 1000, Threshold(10_000), CHARGES)
    assert paid_back(before, B, A) == [0, 9000]


def test_a_threshold_that_is_still_reached_charges_nothing() -> None:
    before = account([9000, 3000, 1000], 1000, Threshold(12_000), CHARGES)
    assert planned(before, C).charged_back == 0  # equal passes


def test_a_threshold_of_pieces_is_broken_as_well() -> None:
    before = account([400], 100, Threshold(min_quantity=3), CHARGES, quantities=[4])
    one = RequestedLine("a", quantity=1)
    # 100 a piece, 75 paid: three are still enough, two are not.
    assert paid_back(before, one, one, one, one) == [75, 25, 100, 100]


def test_a_threshold_after_other_coupons_counts_what_is_left_by_them() -> None:
    counted = Threshold(5000, counted=Counted.AFTER)
    lines = (PaidLine("a", 5000, 4000, 1), PaidLine("b", 3000, 2400, 1))
    names = frozenset("ab")
    mine = PaidCoupon({"a": 500, "b": 300}, counted, names, CHARGES)
    other = PaidCoupon({"a": 500, "b": 300}, Threshold(), names, KEEPS)
    found = planned(OrderAccount(lines, (other, mine)), B)
    assert found.charged_back == 500


def test_a_threshold_does_not_count_what_a_later_coupon_took() -> None:
    # 300 off from 2000, counted after others; behind it 1000 off. The line of 2500 stays.
    first = PaidCoupon(
        {"a": 288, "b": 12}, Threshold(2_000, counted=Counted.AFTER), frozenset("ab"), CHARGES
    )
    second = PaidCoupon({"a": 962, "b": 38}, Threshold(), frozenset("ab"), KEEPS)
    lines = (PaidLine("a", 2_500, 1_250, 1), PaidLine("b", 100, 50, 1))
    found = planned(OrderAccount(lines, (first, second)), B)
    assert (found.refunded, found.charged_back) == (50, 0)


def test_a_line_whose_money_is_all_back_is_no_longer_kept() -> None:
    found = planned(CHARGED, RequestedLine("b", amount=2727))
    assert found.charged_back == 727


def test_a_part_of_a_lines_money_breaks_no_threshold() -> None:
    assert planned(CHARGED, RequestedLine("b", amount=2726)).charged_back == 0


def test_pieces_that_make_others_free_are_a_threshold() -> None:
    template = a_template(a_form(ItemsFree(from_items=3, free_items=1), min_amount=7))
    coupon = paid_coupon(template, {}, an_order(5, 5))
    assert (coupon.threshold.min_amount, coupon.threshold.min_quantity) == (7, 3)


def test_only_lines_in_scope_count() -> None:
    template = a_template(a_form(AmountOff(1), scope=Scope(courses=frozenset({"algebra"}))))
    order = Order("CNY", (a_line(1, "a"), a_line(1, "b", course="poetry")))
    assert paid_coupon(template, {}, order).counts == {"a"}


# --- Coupons ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "steps", "back"),
    [
        (Returns(), (B,), False),
        (Returns(), (A, B, C), False),
        (Returns(after_refund=Returned.BACK), (B,), False),
        (Returns(after_refund=Returned.BACK), (A, B, C), True),
        (Returns(after_partial_refund=Returned.BACK), (B,), True),
        (Returns(after_partial_refund=Returned.BACK), (A, B, C), False),
    ],
)
def test_a_coupon_goes_back_where_its_template_says_so(
    rules: Returns, steps: tuple[RequestedLine, ...], back: bool
) -> None:
    before = account([5000, 3000, 3000], 1000, returns=rules)
    assert planned(before, *steps).goes_back(before.coupons[0]) is back


def test_an_order_is_undone_whole_once_all_its_money_is_back() -> None:
    # A line that cost nothing does not have to come back.
    before = account([1000, 1000], 1000, returns=Returns(after_refund=Returned.BACK))
    before = replace(before, lines=(PaidLine("a", 1000, 1000, 1), PaidLine("b", 1000, 0, 1)))
    assert planned(before, RequestedLine("a", amount=1000)).after.is_whole


def test_an_order_that_cost_nothing_is_undone_once_its_pieces_are_back() -> None:
    before = account([1000], 1000)
    assert not before.is_whole
    assert planned(before, A).after.is_whole


# --- Refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (RequestedLine("b", amount=2728), {"id": "b", "refundable": 2727, "quantity": 1}),
        (RequestedLine("b", quantity=2), {"id": "b", "refundable": 2727, "quantity": 1}),
    ],
)
def test_more_than_is_left_is_refused(line: RequestedLine, told: dict[str, object]) -> None:
    found = plan(SEED, a_form_of(A, line))
    assert isinstance(found, Refused)
    assert (found.code, found.facts["lines"]) == (Code.REFUND_TOO_LARGE, [told])


def test_what_came_back_before_is_no_longer_left() -> None:
    """Three pieces of 1000, one of them back: two may follow, not three, and the refusal says two."""
    one_back = planned(account([3000], 0, quantities=[3]), RequestedLine("a", quantity=1)).after
    assert isinstance(plan(one_back, a_form_of(RequestedLine("a", quantity=2))), RefundPlan)
    refused = plan(one_back, a_form_of(RequestedLine("a", quantity=3)))
    assert isinstance(refused, Refused)
    assert refused.facts["lines"] == [{"id": "a", "refundable": 2000, "quantity": 2}]


def test_a_refund_says_what_can_still_be_paid_back_of_its_line() -> None:
    (part,) = planned(account([3000], 0, quantities=[3]), RequestedLine("a", quantity=1)).lines
    assert (part.refunded, part.refundable) == (1000, 2000)


def test_a_line_without_a_quantity_is_all_that_is_left_of_it() -> None:
    one_back = planned(account([3000], 0, quantities=[3]), RequestedLine("a", quantity=1)).after
    (part,) = planned(one_back, RequestedLine("a")).lines
    assert (part.quantity, part.refunded) == (2, 2000)


def test_a_refund_may_name_a_hundred_lines() -> None:
    assert list(form_violations(a_form_of(*(RequestedLine(str(n)) for n in range(100))))) == []


def test_what_is_all_back_is_refused() -> None:
    done = planned(SEED).after
    for form in (a_form_of(), a_form_of(A), a_form_of(RequestedLine("a", amount=1))):
        assert isinstance(plan(done, form), Refused)


def test_a_line_that_the_order_does_not_have_is_named() -> None:
    (broken,) = unknown_lines(SEED, a_form_of(A, RequestedLine("z")))
    assert (broken.field, broken.code) == ("lines.1.id", "unknown")


@pytest.mark.parametrize(
    ("form", "field", "code"),
    [
        (RefundForm(""), "refund_id", "too_short"),
        (RefundForm("r1", ()), "lines", "empty"),
        (RefundForm("r1", metadata={str(n): "" for n in range(21)}), "metadata", "too_many"),
        (a_form_of(A, A), "lines", "same_id_twice"),
        (a_form_of(*(RequestedLine(str(n)) for n in range(101))), "lines", "too_many"),
        (a_form_of(RequestedLine("a", quantity=0)), "lines.0.quantity", "too_small"),
        (a_form_of(RequestedLine("a", amount=0)), "lines.0.amount", "too_small"),
        (a_form_of(RequestedLine("a", 1, 1)), "lines.0.amount", "one_of_two"),
        (a_form_of(RequestedLine("x" * 65)), "lines.0.id", "too_long"),
    ],
)
def test_a_bad_form_names_its_field(form: RefundForm, field: str, code: str) -> None:
    assert [(broken.field, broken.code) for broken in form_violations(form)] == [(field, code)]


# --- Properties ---------------------------------------------------------------------------------

NUMBERS = st.integers(0, 10**6) | st.integers(0, 5)
TERMS = st.builds(
    Returns,
    broken_threshold=st.sampled_from(BrokenThreshold),
)


@st.composite
def paid_orders(draw: st.DrawFn) -> OrderAccount:
    """Orders of up to five lines with up to three coupons on them, one after the other."""
    pieces = draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))
    names = [chr(97 + index) for index in range(len(pieces))]
    amounts = [draw(NUMBERS) * quantity for quantity in pieces]
    payable, coupons = list(amounts), []
    for _ in range(draw(st.integers(0, 3))):
        parts = line_shares(draw(st.integers(0, sum(payable))), payable)
        payable = [left - part for left, part in zip(payable, parts, strict=True)]
        threshold = Threshold(
            draw(st.integers(0, sum(amounts))),
            draw(st.integers(0, sum(pieces))),
            draw(st.sampled_from(Counted)),
        )
        counts = draw(st.frozensets(st.sampled_from(names)))
        by_line = dict(zip(names, parts, strict=True))
        coupons.append(PaidCoupon(by_line, threshold, counts, draw(TERMS)))
    rows = zip(names, amounts, payable, pieces, strict=True)
    return OrderAccount(tuple(PaidLine(*row) for row in rows), tuple(coupons))


def some_line(before: OrderAccount, data: st.DataObject) -> RequestedLine:
    line = data.draw(st.sampled_from([line for line in before.lines if not line.is_fully_returned]))
    kinds = ["rest"] + (["amount"] if line.refundable else [])
    kinds += ["pieces"] if line.returned < line.quantity else []
    match data.draw(st.sampled_from(kinds)):
        case "amount":
            return RequestedLine(line.id, amount=data.draw(st.integers(1, line.refundable)))
        case "pieces":
            left = line.quantity - line.returned
            return RequestedLine(line.id, quantity=data.draw(st.integers(1, left)))
    return RequestedLine(line.id)


@given(paid_orders(), st.data())
def test_whatever_comes_back_in_whatever_order_pays_back_what_was_paid(
    before: OrderAccount, data: st.DataObject
) -> None:
    paid, total = before.payable, 0
    for _ in range(data.draw(st.integers(0, 12))):
        if all(line.is_fully_returned for line in before.lines):
            break
        found = planned(before, some_line(before, data))
        total += found.refunded
        before = found.after
        assert found.refunded >= 0
        assert total == before.refunded <= paid
        assert before.charged_back >= 0
        assert all(0 <= line.refunded <= line.payable for line in before.lines)
        assert all(part.refunded >= 0 and part.refundable >= 0 for part in found.lines)
        assert found.refunded == sum(part.refunded for part in found.lines) - found.charged_back
    if not all(line.is_fully_returned for line in before.lines):
        total += planned(before).refunded
    assert total == paid


@given(paid_orders(), st.data())
def test_lines_kept_below_the_threshold_are_paid_at_their_full_price(
    before: OrderAccount, data: st.DataObject
) -> None:
    """Unless that would make a refund negative, which is given up."""
    before = replace(before, coupons=tuple(replace(c, returns=CHARGES) for c in before.coupons[:1]))
    lines = tuple(
        replace(line, payable=line.amount - sum(c.line_shares[line.id] for c in before.coupons))
        for line in before.lines
    )
    before = replace(before, lines=lines)
    gone = data.draw(st.sets(st.sampled_from([line.id for line in lines]), min_size=1))
    found = planned(before, *(RequestedLine(name) for name in sorted(gone)))
    kept = [line for line in lines if line.id not in gone]
    price = sum(line.amount for line in kept)
    has_paid = before.payable - found.refunded
    assert has_paid == min(price, before.payable) or found.charged_back == 0


def test_pieces_are_counted_by_their_own_price() -> None:
    line = OrderLine("a", "algebra", 100, 3)
    coupon = paid_coupon(a_template(a_form(min_amount=200)), {"a": 30}, Order("CNY", (line,)))
    charging = replace(coupon, returns=CHARGES)
    before = OrderAccount((PaidLine("a", 300, 270, 3),), (charging,))
    assert paid_back(before, *[RequestedLine("a", quantity=1)] * 3) == [90, 80, 100]
