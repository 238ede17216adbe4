"""Quotes: the acceptance cases with exact amounts, then every reason, then properties."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.checkout.orders import LineKind, Order
from server.core.checkout.quoting.eligibility import Unusable
from server.core.checkout.quoting.quote_request import BestSelection, QuoteContext
from server.core.checkout.quoting.quotes import MAX_SELECTED, quote, selection_violations
from server.core.checkout.quoting.reasons import Reason
from server.core.checkout.quoting.suggestions import Usable
from server.core.coupons import codes
from server.core.coupons.coupons import Coupon, CouponState
from server.core.promotions.templates import (
    AmountOff,
    Discount,
    PercentOff,
    Scope,
    Stacking,
    StackingClass,
)
from tests.support.builders.money import DAY_MS, NOW, a_coupon, a_form, a_line, an_order

ALGEBRA = Scope(courses=frozenset({"algebra"}))


def reason_of(order: Order, coupon: Coupon) -> Unusable:
    (found,) = quote(order, [coupon], (), NOW).unusable
    return found


def saving_of(order: Order, coupon: Coupon) -> int:
    return quote(order, [coupon], [coupon.code], NOW).discount


# --- Amounts ------------------------------------------------------------------------------------


def test_ten_off_a_hundred_over_50_30_30_is_split_to_the_fen() -> None:
    # Acceptance case 1: the platform article's own example.
    coupon = a_coupon(a_form(AmountOff(1000), min_amount=10000))
    quoted = quote(an_order(5000, 3000, 3000), [coupon], ["A"], NOW)
    assert [(line.discount, line.payable) for line in quoted.lines] == [
        (455, 4545),
        (273, 2727),
        (272, 2728),
    ]
    assert (quoted.subtotal, quoted.discount, quoted.payable) == (11000, 1000, 10000)


def test_a_percentage_is_taken_of_the_whole_and_rounded_once() -> None:
    # Acceptance case 8: line by line it would be 11 + 21 + 31 + 41 = 104.
    order = an_order(106, 206, 306, 406)
    quoted = quote(order, [a_coupon(a_form(PercentOff(10)))], ["A"], NOW)
    assert quoted.discount == 102
    assert sum(line.discount for line in quoted.lines) == 102


def test_a_quarter_off_1999_leaves_1499() -> None:
    quoted = quote(an_order(1999), [a_coupon(a_form(PercentOff(25)))], ["A"], NOW)
    assert quoted.payable == 1499


def test_a_minimum_is_counted_before_the_discount() -> None:
    # Acceptance case 13: 2500 - 1000 is below 2000, and passes.
    assert saving_of(an_order(2500), a_coupon(a_form(AmountOff(1000), min_amount=2000))) == 1000


def test_an_order_of_exactly_the_minimum_passes() -> None:
    assert saving_of(an_order(6196), a_coupon(a_form(min_amount=6196))) == 1000


def test_an_order_one_fen_short_is_told_so() -> None:
    found = reason_of(an_order(6195), a_coupon(a_form(min_amount=6196)))
    assert found == Unusable("A", Reason.BELOW_THRESHOLD, 1)


def test_an_amount_off_takes_no_more_than_the_lines_in_scope() -> None:
    order = Order("CNY", (a_line(600), a_line(9000, "b", course="physics")))
    quoted = quote(order, [a_coupon(a_form(AmountOff(1000), scope=ALGEBRA))], ["A"], NOW)
    assert [line.discount for line in quoted.lines] == [600, 0]


def test_a_percentage_stops_at_its_cap() -> None:
    assert saving_of(an_order(10000), a_coupon(a_form(PercentOff(50, 1200)))) == 1200


def test_a_whole_order_can_be_free() -> None:
    assert quote(an_order(7), [a_coupon(a_form(PercentOff(100)))], ["A"], NOW).payable == 0


# --- Scope --------------------------------------------------------------------------------------


def test_a_threshold_counts_only_the_lines_in_scope() -> None:
    order = Order("CNY", (a_line(900), a_line(9000, "b", course="physics")))
    found = reason_of(order, a_coupon(a_form(min_amount=1000, scope=ALGEBRA)))
    assert found == Unusable("A", Reason.BELOW_THRESHOLD, 100)


def test_a_package_in_scope_brings_its_courses_in() -> None:
    line = a_line(5000, course="physics", packages=frozenset({"spring", "sale"}))
    scope = Scope(courses=frozenset({"algebra"}), packages=frozenset({"spring"}))
    assert saving_of(Order("CNY", (line,)), a_coupon(a_form(scope=scope))) == 1000


def test_an_order_without_a_line_in_scope_is_out_of_it() -> None:
    order = Order("CNY", (a_line(5000, course="physics"),))
    assert reason_of(order, a_coupon(a_form(scope=ALGEBRA))).reason is Reason.OUT_OF_SCOPE


@pytest.mark.parametrize("kind", [LineKind.SHIPPING, LineKind.TAX, LineKind.FEE])
def test_lines_that_are_no_goods_are_paid_in_full(kind: LineKind) -> None:
    order = Order("CNY", (a_line(500), a_line(800, "s", kind=kind)))
    quoted = quote(order, [a_coupon()], ["A"], NOW)
    assert [(line.discount, line.payable) for line in quoted.lines] == [(500, 0), (0, 800)]


# --- Reasons ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coupon", "reason"),
    [
        (a_coupon(valid_from=NOW + 1), Reason.NOT_YET_VALID),
        (a_coupon(valid_until=NOW), Reason.EXPIRED),
        (a_coupon(hold_until=NOW), Reason.EXPIRED),
        (a_coupon(state=CouponState.LOCKED), Reason.LOCKED),
        (a_coupon(state=CouponState.REDEEMED), Reason.REDEEMED),
        (a_coupon(state=CouponState.RELEASED), Reason.RELEASED),
        (a_coupon(state=CouponState.REVOKED), Reason.REVOKED),
        (a_coupon(state=CouponState.VOIDED), Reason.REVOKED),
        (a_coupon(a_form(currency="USD")), Reason.WRONG_CURRENCY),
    ],
)
def test_each_coupon_that_cannot_be_used_says_why(coupon: Coupon, reason: Reason) -> None:
    assert reason_of(an_order(5000), coupon) == Unusable("A", reason)


def test_a_coupon_is_valid_from_its_first_millisecond() -> None:
    assert saving_of(an_order(5000), a_coupon(valid_from=NOW)) == 1000


def test_a_code_that_is_not_the_students_is_unknown() -> None:
    quoted = quote(an_order(5000), [], ["some-code"], NOW)
    assert quoted.unusable == (Unusable("some-code", Reason.UNKNOWN),)


@pytest.mark.parametrize(
    ("discount", "amount"), [(AmountOff(1000), 0), (PercentOff(10), 4), (PercentOff(1), 1)]
)
def test_no_coupon_is_spent_on_a_saving_of_nothing(discount: Discount, amount: int) -> None:
    found = reason_of(an_order(amount), a_coupon(a_form(discount)))
    assert found == Unusable("A", Reason.SAVES_NOTHING)


# --- Selected coupons ---------------------------------------------------------------------------


def test_an_empty_selection_saves_nothing_and_shows_what_would() -> None:
    quoted = quote(an_order(5000), [a_coupon()], (), NOW)
    assert quoted.applied == ()
    assert quoted.payable == 5000
    assert quoted.usable == (Usable("A", "Spring", 1000, 1000, NOW + DAY_MS),)


def test_a_selected_coupon_adds_nothing_more() -> None:
    quoted = quote(an_order(5000), [a_coupon()], ["A"], NOW)
    assert [(each.discount, each.adds) for each in quoted.usable] == [(1000, 0)]


def test_a_second_coupon_cannot_be_combined() -> None:
    wallet = [a_coupon(code="A"), a_coupon(code="B")]
    quoted = quote(an_order(5000), wallet, ["B", "A"], NOW)
    assert [each.coupon.code for each in quoted.applied] == ["B"]
    assert quoted.unusable == (Unusable("A", Reason.NOT_COMBINABLE),)
    assert [each.code for each in quoted.usable] == ["B"]


def test_what_cannot_be_combined_with_the_selection_adds_nothing_and_does_not_fit() -> None:
    wallet = [a_coupon(code="A"), a_coupon(code="B")]
    quoted = quote(an_order(5000), wallet, ["B"], NOW)
    assert [(each.code, each.adds, each.fits) for each in quoted.usable] == [
        ("A", 0, False),
        ("B", 0, True),
    ]


@pytest.mark.parametrize(("amount", "adds"), [(5000, 400), (1300, 300), (1000, 0)])
def test_a_coupon_beside_the_selected_one_adds_what_that_left(amount: int, adds: int) -> None:
    ten, four = (
        replace(a_form(AmountOff(saved)), stacking=Stacking(of, frozenset(StackingClass)))
        for saved, of in ((1000, StackingClass.PRODUCT), (400, StackingClass.ORDER))
    )
    wallet = [a_coupon(ten, "A"), a_coupon(four, "B")]
    quoted = quote(an_order(amount), wallet, ["A"], NOW)
    assert {each.code: (each.adds, each.fits) for each in quoted.usable} == {
        "A": (0, True),
        "B": (adds, True),
    }


def test_an_unusable_first_coupon_makes_room_for_the_second() -> None:
    wallet = [a_coupon(code="A", state=CouponState.REDEEMED), a_coupon(code="B")]
    quoted = quote(an_order(5000), wallet, ["A", "B"], NOW)
    assert [each.coupon.code for each in quoted.applied] == ["B"]
    assert quoted.unusable == (Unusable("A", Reason.REDEEMED),)


def test_the_same_code_typed_twice_is_one_coupon() -> None:
    quoted = quote(an_order(5000), [a_coupon(code="A")], ["A", " a "], NOW)
    assert len(quoted.applied) == 1
    assert quoted.unusable == ()


# --- The best choice ----------------------------------------------------------------------------


def test_the_best_saves_most() -> None:
    wallet = [
        a_coupon(a_form(AmountOff(1000)), "A"),
        a_coupon(a_form(PercentOff(30)), "B"),
        a_coupon(a_form(AmountOff(9000), min_amount=9000), "C"),
    ]
    quoted = quote(an_order(5000), wallet, BestSelection.BEST, NOW)
    assert (quoted.best.codes, quoted.best.discount, quoted.best.exact) == (("B",), 1500, True)
    assert quoted.payable == 3500


def test_of_equal_ones_the_best_is_the_one_that_is_lost_first() -> None:
    wallet = [a_coupon(code="A"), a_coupon(code="B", valid_until=NOW + 5)]
    assert quote(an_order(5000), wallet, (), NOW).best.codes == ("B",)


def test_of_equal_ones_with_one_date_the_best_is_the_first_by_code() -> None:
    wallet = [a_coupon(code="B"), a_coupon(code="A")]
    assert quote(an_order(5000), wallet, (), NOW).best.codes == ("A",)


def test_a_wallet_without_a_usable_coupon_has_no_best() -> None:
    best = quote(an_order(5000), [a_coupon(valid_until=NOW)], BestSelection.BEST, NOW).best
    assert (best.codes, best.discount) == ((), 0)


def test_the_best_of_a_part_of_the_wallet_does_not_claim_to_be_exact() -> None:
    best = quote(an_order(5000), [a_coupon()], (), NOW, QuoteContext(is_whole_wallet=False)).best
    assert best.exact is False


# --- Properties ---------------------------------------------------------------------------------

DISCOUNTS = st.builds(AmountOff, st.integers(1, 20_000)) | st.builds(
    PercentOff, st.integers(1, 100), st.none() | st.integers(1, 20_000)
)
FORMS = st.builds(a_form, DISCOUNTS, st.integers(0, 20_000), st.sampled_from([Scope(), ALGEBRA]))
LINES = st.builds(
    a_line,
    st.integers(0, 10_000),
    course=st.sampled_from(["algebra", "physics"]),
    kind=st.sampled_from(LineKind),
)
ORDERS = st.lists(LINES, min_size=1, max_size=8).map(
    lambda lines: Order("CNY", tuple(replace(line, id=str(at)) for at, line in enumerate(lines)))
)
WALLETS = st.lists(FORMS, max_size=5).map(
    lambda forms: [a_coupon(form, code=chr(65 + at)) for at, form in enumerate(forms)]
)


@given(ORDERS, WALLETS)
def test_the_parts_of_a_quote_add_up(order: Order, wallet: list[Coupon]) -> None:
    # Promise I7.
    quoted = quote(order, wallet, BestSelection.BEST, NOW)
    assert sum(line.discount for line in quoted.lines) == quoted.discount
    assert quoted.discount == sum(each.discount for each in quoted.applied)
    assert quoted.payable == quoted.subtotal - quoted.discount
    assert all(
        line.discount >= 0 and line.payable >= 0 and line.discount + line.payable == given_.amount
        for line, given_ in zip(quoted.lines, order.lines, strict=True)
    )


@given(ORDERS, WALLETS)
def test_no_single_coupon_beats_the_best(order: Order, wallet: list[Coupon]) -> None:
    best = quote(order, wallet, (), NOW).best
    assert all(saving_of(order, coupon) <= best.discount for coupon in wallet)


@given(ORDERS, WALLETS)
def test_every_coupon_is_either_usable_or_not(order: Order, wallet: list[Coupon]) -> None:
    quoted = quote(order, wallet, [coupon.code for coupon in wallet], NOW)
    told = [each.code for each in quoted.usable] + [each.code for each in quoted.unusable]
    assert sorted(told) == [coupon.code for coupon in wallet]


# --- The selection of a request -----------------------------------------------------------------


@pytest.mark.parametrize("selected", [(), ("A",), BestSelection.BEST, ("A",) * MAX_SELECTED])
def test_a_reasonable_list_is_accepted(selected: tuple[str, ...] | BestSelection) -> None:
    assert list(selection_violations(selected)) == []


@pytest.mark.parametrize(
    ("selected", "field", "code"),
    [
        (("A",) * (MAX_SELECTED + 1), "coupons", "too_many"),
        (("A", ""), "coupons.1", "too_short"),
        (("A" * 65,), "coupons.0", "too_long"),
        (("A\0",), "coupons.0", "bad_character"),
    ],
)
def test_an_unreasonable_list_is_refused(selected: tuple[str, ...], field: str, code: str) -> None:
    (found,) = selection_violations(selected)
    assert (found.field, found.code) == (field, code)


def test_a_look_alike_in_the_prefix_of_an_own_code_is_forgiven() -> None:
    code = codes.make(bytes(8), "L0VE")
    found = quote(an_order(5000), [a_coupon(code=code)], (code.replace("L0VE", "LOVE"),), NOW)
    assert [each.coupon.code for each in found.applied] == [code]
