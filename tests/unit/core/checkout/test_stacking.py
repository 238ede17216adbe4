"""Several coupons on one order: acceptance cases 9 and 13, combinations, and the order of application."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from server.core.checkout.money_rules import DiscountBase, MoneyRules
from server.core.checkout.orders import LineKind, Order
from server.core.checkout.quoting.eligibility import Unusable
from server.core.checkout.quoting.quote_request import QuoteContext
from server.core.checkout.quoting.quotes import Quote, quote
from server.core.checkout.quoting.reasons import Reason
from server.core.checkout.quoting.stacking import APPLICATION_ORDER, MAX_APPLIED
from server.core.coupons.coupons import Coupon
from server.core.promotions.templates import (
    AmountOff,
    Counted,
    Deducts,
    Discount,
    Gift,
    ItemsFree,
    PercentOff,
    Rebate,
    Stacking,
    StackingClass,
    Threshold,
)
from tests.support.builders.money import NOW, a_coupon, a_form, a_line, an_order

ALL = frozenset(StackingClass)
PRODUCT, ORDER, SHIPPING = StackingClass


def with_all(
    discount: Discount, code: str, in_class: StackingClass = ORDER, **change: object
) -> Coupon:
    form = replace(a_form(discount), stacking=Stacking(in_class, ALL), **change)  # type: ignore[arg-type]
    return a_coupon(form, code)


def quoted(order: Order, *wallet: Coupon, rules: MoneyRules | None = None) -> Quote:
    codes = [coupon.code for coupon in reversed(wallet)]  # the order of selection does not matter
    return quote(order, wallet, codes, NOW, QuoteContext(rules=rules or MoneyRules()))


# --- Acceptance cases ---------------------------------------------------------------------------


def test_of_one_class_the_fixed_amount_comes_before_the_percentage() -> None:
    # Case 9: 10000 with 1000 fixed and 10 %.
    found = quoted(an_order(10_000), with_all(AmountOff(1000), "A"), with_all(PercentOff(10), "B"))
    assert found.payable == 8100
    assert [(each.coupon.code, each.base) for each in found.applied] == [("A", 10_000), ("B", 9000)]


def test_a_percentage_of_the_product_class_comes_before_an_amount_off_the_order() -> None:
    # Case 9: percent first.
    percent = with_all(PercentOff(10), "B", PRODUCT)
    assert quoted(an_order(10_000), with_all(AmountOff(1000), "A"), percent).payable == 8000


def test_the_second_discount_is_taken_of_what_the_first_left() -> None:
    # Case 9: 1500 fixed then 20 %: 1700, not 2000.
    found = quoted(an_order(10_000), with_all(AmountOff(1500), "A"), with_all(PercentOff(20), "B"))
    assert [each.discount for each in found.applied] == [1500, 1700]
    assert found.payable == 6800


@pytest.mark.parametrize(
    ("base", "payable"), [(DiscountBase.RUNNING, 7200), (DiscountBase.ORIGINAL, 7000)]
)
def test_two_percentages_one_after_the_other_or_side_by_side(
    base: DiscountBase, payable: int
) -> None:
    # Case 9: 20 % and 10 %.
    wallet = with_all(PercentOff(20), "A"), with_all(PercentOff(10), "B")
    assert quoted(an_order(10_000), *wallet, rules=MoneyRules(base=base)).payable == payable


@pytest.mark.parametrize(("counted", "passes"), [(Counted.BEFORE, True), (Counted.AFTER, False)])
def test_a_threshold_of_2000_on_2500_with_1000_off(counted: Counted, passes: bool) -> None:
    # Case 13: free shipping from 2000.
    order = Order("CNY", (a_line(2500), a_line(800, "s", kind=LineKind.SHIPPING)))
    free = with_all(
        PercentOff(100),
        "B",
        SHIPPING,
        deducts=frozenset({Deducts.SHIPPING}),
        threshold=Threshold(2000, counted=counted),
    )
    found = quoted(order, with_all(AmountOff(1000), "A"), free)
    assert found.payable == (1500 if passes else 2300)
    told = () if passes else (Unusable("B", Reason.BELOW_THRESHOLD, 500),)
    assert found.unusable == told


# --- Combinations -------------------------------------------------------------------------------


def stacking(in_class: StackingClass, *others: StackingClass) -> Stacking:
    return Stacking(in_class, frozenset(others))


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (stacking(ORDER, PRODUCT), stacking(PRODUCT, ORDER), True),
        (stacking(ORDER, PRODUCT), stacking(PRODUCT, SHIPPING), False),
        (stacking(ORDER), stacking(PRODUCT, ORDER), False),
        (stacking(ORDER, ORDER), stacking(ORDER, ORDER), True),
        (stacking(ORDER, PRODUCT), stacking(ORDER, PRODUCT), False),
    ],
)
def test_two_are_together_where_each_names_the_others_class(
    one: Stacking, other: Stacking, together: bool
) -> None:
    wallet = [
        a_coupon(replace(a_form(AmountOff(10)), stacking=one), "A"),
        a_coupon(replace(a_form(AmountOff(20)), stacking=other), "B"),
    ]
    found = quote(an_order(5000), wallet, ["A", "B"], NOW)
    assert len(found.applied) == (2 if together else 1)
    assert found.unusable == (() if together else (Unusable("B", Reason.NOT_COMBINABLE),))
    assert {each.code: each.fits for each in found.usable}["A"]


def test_a_sixth_coupon_is_one_too_many() -> None:
    wallet = [with_all(AmountOff(10), code) for code in "ABCDEF"]
    found = quote(an_order(5000), wallet, list("ABCDEF"), NOW)
    assert len(found.applied) == MAX_APPLIED == 5
    assert found.unusable == (Unusable("F", Reason.TOO_MANY),)


def test_an_order_takes_no_more_of_a_template_than_a_student_may_use() -> None:
    wallet = [with_all(AmountOff(10), code, uses_per_student=2) for code in "ABC"]
    found = quote(an_order(5000), wallet, list("ABC"), NOW)
    assert found.unusable == (Unusable("C", Reason.LIMIT_REACHED),)
    assert found.best.codes == ("A", "B")


def test_a_coupon_that_finds_nothing_left_is_rejected() -> None:
    found = quoted(an_order(500), with_all(AmountOff(500), "A"), with_all(AmountOff(600), "B"))
    assert found.payable == 0
    assert [each.reason for each in found.unusable] == [Reason.SAVES_NOTHING]


# --- Order of application -----------------------------------------------------------------------


def every_kind() -> Iterator[Coupon]:
    for number, in_class in enumerate((SHIPPING, ORDER, PRODUCT)):
        kinds: tuple[Discount, ...] = (PercentOff(10), AmountOff(10), ItemsFree(1, 1))
        for kind, discount in enumerate(kinds):
            yield with_all(discount, f"P{8 - 3 * number - kind}", in_class)


def test_the_table_says_in_what_order_coupons_are_applied() -> None:
    wallet = [
        with_all(Rebate(AmountOff(5)), "P10"),
        with_all(Gift("book", 900), "P9", PRODUCT),
        *every_kind(),
    ]
    pairs = [(one, other) for one in wallet for other in wallet if one is not other]
    for one, other in pairs:
        found = quote(an_order(5000, 400), [one, other], [one.code, other.code], NOW)
        places = [int(each.coupon.code[1:]) for each in found.applied]
        assert places == sorted(places)
    assert len(APPLICATION_ORDER) == len(wallet)
