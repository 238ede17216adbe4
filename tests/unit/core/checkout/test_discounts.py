"""One coupon: each kind with amounts that can be checked by hand, then properties."""

from dataclasses import replace

import pytest

from server.core.checkout.money_rules import Apportionment, DiscountBase, MoneyRules
from server.core.checkout.orders import LineKind, Order, OrderLine
from server.core.checkout.quoting.discounts import (
    Saving,
    Shortfall,
    apply,
    greatest_discount,
    has_effect,
    saving_on,
    shortfall,
)
from server.core.checkout.terms import PricingContext, read_terms
from server.core.promotions.templates import (
    AmountOff,
    Counted,
    Deducts,
    Discount,
    Gift,
    ItemsFree,
    PercentOf,
    PercentOff,
    Rebate,
    Scope,
    Template,
    Threshold,
)
from tests.support.builders.money import a_form, a_line, a_template, an_order

SHIPPING = frozenset({Deducts.SHIPPING})


def of(discount: Discount, **change: object) -> Template:
    return a_template(replace(a_form(discount), **change))  # type: ignore[arg-type]


def line_shares(order: Order, template: Template, rules: MoneyRules | None = None) -> list[int]:
    pricing = PricingContext.of(order, rules or MoneyRules())
    return list(apply(pricing, read_terms(pricing, template), pricing.undiscounted()).line_shares)


def saving(order: Order, template: Template) -> Saving:
    pricing = PricingContext.of(order)
    return saving_on(pricing, read_terms(pricing, template), pricing.undiscounted())


def short(order: Order, template: Template) -> Shortfall:
    pricing = PricingContext.of(order)
    return shortfall(pricing, read_terms(pricing, template), pricing.undiscounted())


def pieces(unit_price: int, quantity: int, name: str = "a") -> OrderLine:
    return replace(a_line(unit_price, name), quantity=quantity)


# --- Percentages --------------------------------------------------------------------------------


def test_ten_percent_of_each_line_is_104_where_of_the_total_it_is_102() -> None:
    # Acceptance case 8.
    order = an_order(106, 206, 306, 406)
    assert line_shares(order, of(PercentOff(10, of=PercentOf.LINES))) == [11, 21, 31, 41]
    assert sum(line_shares(order, of(PercentOff(10)))) == 102


def test_a_cap_on_a_percentage_of_each_line_is_shared_as_the_lines_asked() -> None:
    capped = of(PercentOff(10, 52, PercentOf.LINES))
    assert line_shares(an_order(106, 206, 306, 406), capped) == [6, 11, 16, 19]


@pytest.mark.parametrize(
    ("currency", "amounts", "expected"),
    [
        ("JPY", (1001, 999), [150, 150]),  # no decimals
        ("CNY", (100_001, 99_999), [15000, 15000]),
        ("KWD", (1_000_005, 1_000), [150_001, 150]),  # three
    ],
)
def test_fifteen_percent_in_currencies_of_0_2_and_3_decimals(
    currency: str, amounts: tuple[int, ...], expected: list[int]
) -> None:
    order = an_order(*amounts, currency=currency)
    assert line_shares(order, of(PercentOff(15, of=PercentOf.LINES))) == expected


# --- Pieces -------------------------------------------------------------------------------------


def test_of_three_pieces_the_cheapest_is_free() -> None:
    order = an_order(9900, 1900, 4900)
    assert line_shares(order, of(ItemsFree(3, 1))) == [0, 1900, 0]


def test_free_pieces_are_counted_over_lines_and_end_with_what_is_there() -> None:
    order = Order("CNY", (pieces(500, 2, "a"), pieces(300, 2, "b")))
    assert line_shares(order, of(ItemsFree(4, 3))) == [500, 600]
    assert line_shares(order, of(ItemsFree(4, 9))) == [1000, 600]


def test_pieces_of_one_price_are_free_from_the_first_line_on() -> None:
    assert line_shares(an_order(500, 500, 500), of(ItemsFree(3, 1))) == [500, 0, 0]


def test_two_pieces_are_one_short_of_three() -> None:
    assert short(an_order(500, 500), of(ItemsFree(3, 1))) == Shortfall(0, 1)


def test_a_shipping_line_is_no_piece() -> None:
    order = Order("CNY", (a_line(500), a_line(100, "s", kind=LineKind.SHIPPING)))
    both = frozenset({Deducts.GOODS, Deducts.SHIPPING})
    assert line_shares(order, of(ItemsFree(1, 2), deducts=both)) == [500, 0]
    assert short(order, of(ItemsFree(2, 1), deducts=both)) == Shortfall(0, 1)


# --- Gifts and rebates --------------------------------------------------------------------------


def test_a_gift_takes_nothing_off_and_is_worth_its_list_price() -> None:
    gift = of(Gift("book", 900, 2))
    pricing = PricingContext.of(an_order(500))
    step = apply(pricing, read_terms(pricing, gift), pricing.undiscounted())
    assert saving(an_order(500), gift) == step.saving == Saving(0, 1800)
    assert (step.base, step.line_shares) == (0, (0,))


@pytest.mark.parametrize("least", [Saving(1, 0), Saving(0, 1)])
def test_a_coupon_has_an_effect_from_one_minor_unit_on(least: Saving) -> None:
    pricing = PricingContext.of(an_order(500))
    terms = read_terms(pricing, of(Rebate(PercentOff(10))))
    assert has_effect(terms, least)
    assert not has_effect(terms, Saving(0, 0))


def test_a_rebate_is_counted_on_what_is_paid_and_takes_nothing_off() -> None:
    pricing = PricingContext.of(an_order(10_000, 5_000))
    totals = apply(
        pricing, read_terms(pricing, of(AmountOff(3_000))), pricing.undiscounted()
    ).totals
    step = apply(pricing, read_terms(pricing, of(Rebate(PercentOff(10)))), totals)
    assert (step.saving, step.base, step.line_shares) == (Saving(0, 1200), 12_000, (800, 400))
    assert step.totals.net == totals.net


def test_rebates_together_give_back_no_more_than_was_paid() -> None:
    pricing = PricingContext.of(an_order(1000))
    terms = read_terms(pricing, of(Rebate(PercentOff(70))))
    first = apply(pricing, terms, pricing.undiscounted())
    second = apply(pricing, terms, first.totals)
    assert (first.saving.later, second.saving.later) == (700, 300)


# --- Deducted lines and counted lines -----------------------------------------------------------


def test_free_shipping_comes_off_the_shipping_and_counts_the_courses() -> None:
    order = Order("CNY", (a_line(5000), a_line(1200, "s", kind=LineKind.SHIPPING)))
    free = of(PercentOff(100), deducts=SHIPPING, threshold=Threshold(5000))
    assert line_shares(order, free) == [0, 1200]
    dearer = of(PercentOff(100), deducts=SHIPPING, threshold=Threshold(5001))
    assert short(order, dearer) == Shortfall(1, 0)


@pytest.mark.parametrize("kind", [LineKind.SHIPPING, LineKind.TAX, LineKind.FEE])
def test_each_kind_of_line_is_deducted_where_it_is_named(kind: LineKind) -> None:
    order = Order("CNY", (a_line(5000), a_line(800, "x", kind=kind)))
    assert line_shares(order, of(AmountOff(900), deducts=frozenset({Deducts(kind.value)}))) == [
        0,
        800,
    ]


def test_a_threshold_of_pieces_counts_the_goods_in_scope() -> None:
    order = Order("CNY", (pieces(500, 2), replace(pieces(500, 5, "b"), course="physics")))
    scope = Scope(courses=frozenset({"algebra"}))
    assert short(order, of(AmountOff(1), scope=scope, threshold=Threshold(0, 3))) == Shortfall(0, 1)
    assert short(order, of(AmountOff(1), scope=scope, threshold=Threshold(0, 2))) == Shortfall(0, 0)


def test_a_threshold_counted_after_counts_what_is_left() -> None:
    pricing = PricingContext.of(an_order(2500))
    totals = apply(pricing, read_terms(pricing, of(AmountOff(1000))), pricing.undiscounted()).totals
    after = read_terms(pricing, of(AmountOff(1), threshold=Threshold(2000, counted=Counted.AFTER)))
    before = read_terms(pricing, of(AmountOff(1), threshold=Threshold(2000)))
    assert shortfall(pricing, after, totals) == Shortfall(500, 0)
    assert shortfall(pricing, before, totals) == Shortfall(0, 0)


# --- Floor prices -------------------------------------------------------------------------------


def test_a_floor_price_moves_the_rest_of_a_discount_to_the_other_lines() -> None:
    order = an_order(1000, 1000, 2000)
    floored = replace(order, lines=(replace(order.lines[0], floor_price=950), *order.lines[1:]))
    assert line_shares(order, of(AmountOff(400))) == [100, 100, 200]
    assert line_shares(floored, of(AmountOff(400))) == [50, 117, 233]
    assert line_shares(floored, of(PercentOff(10, of=PercentOf.LINES))) == [50, 117, 233]


def test_lines_at_their_floor_prices_get_nothing_off() -> None:
    order = Order("CNY", (replace(a_line(1000), floor_price=5000),))
    assert saving(order, of(AmountOff(400))) == Saving(0, 0)


# --- The school's choices -----------------------------------------------------------------------


def test_the_largest_remainder_gets_the_odd_fen_where_the_school_says_so() -> None:
    rules = MoneyRules(Apportionment.LARGEST_REMAINDER)
    assert line_shares(an_order(5000, 3000, 3000), of(AmountOff(1000)), rules) == [454, 273, 273]


def test_a_later_percentage_may_be_taken_of_what_was_ordered() -> None:
    pricing = PricingContext.of(an_order(10_000), MoneyRules(base=DiscountBase.ORIGINAL))
    totals = apply(
        pricing, read_terms(pricing, of(AmountOff(9_500))), pricing.undiscounted()
    ).totals
    terms = read_terms(pricing, of(PercentOff(20)))
    assert saving_on(pricing, terms, totals) == Saving(500, 0)  # 2000 were requested


# --- Greatest discount --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("discount", "greatest"),
    [
        (AmountOff(5), 5),
        (PercentOff(10, 70), 70),
        (PercentOff(10), None),
        (ItemsFree(3, 1), None),
        (Gift("book", 900, 2), 1800),
        (Rebate(AmountOff(7)), 7),
        (Rebate(PercentOff(7)), None),
    ],
)
def test_the_greatest_discount_bounds_what_a_coupon_costs(
    discount: Discount, greatest: int | None
) -> None:
    assert greatest_discount(discount) == greatest
