"""A template read for one order: which lines it counts and comes off, and how often it may be used."""

from dataclasses import replace

import pytest

from server.core.checkout.orders import Order
from server.core.checkout.terms import PricingContext, min_pieces, read_terms, uses_left, with_line
from server.core.promotions.templates import AmountOff, Deducts, Discount, Gift, ItemsFree
from tests.support.builders.money import a_form, a_line, a_template, an_order

SHIPPING = frozenset({Deducts.SHIPPING})


def test_an_order_without_uses_has_used_nothing() -> None:
    assert PricingContext.of(an_order(5)).uses == {}
    assert PricingContext.of(an_order(5), uses={"tpl_1": 2}).uses == {"tpl_1": 2}


@pytest.mark.parametrize(
    ("limit", "uses", "left"),
    [
        (None, {}, None),
        (3, {}, 3),
        (3, {"tpl_2": 1}, 3),
        (3, {"tpl_1": 1}, 2),
        (1, {"tpl_1": 3}, -2),
    ],
)
def test_uses_are_counted_against_the_limit_of_their_template(
    limit: int | None, uses: dict[str, int], left: int | None
) -> None:
    template = replace(a_template(), form=replace(a_form(), uses_per_student=limit))
    assert uses_left(template, uses) == left


@pytest.mark.parametrize(
    ("discount", "pieces"), [(ItemsFree(3, 1), 3), (AmountOff(5), 0), (Gift("book", 5), 0)]
)
def test_only_free_pieces_need_pieces(discount: Discount, pieces: int) -> None:
    assert min_pieces(discount) == pieces


def test_a_line_more_counts_with_its_pieces_and_is_deducted_where_goods_are() -> None:
    before = PricingContext.of(an_order(500, 300))
    bought = replace(a_line(200, "more"), quantity=4)
    after = PricingContext.of(Order("CNY", (*before.order.lines, bought)))
    free, of_shipping = (
        a_template(form) for form in (a_form(ItemsFree(6, 5)), replace(a_form(), deducts=SHIPPING))
    )

    terms = with_line(after, read_terms(before, free))
    assert (terms.goods, terms.lines, terms.pieces) == ((0, 1, 2), (0, 1, 2), 6)
    assert terms.free == ((0, 1), (1, 1), (4, 4))
    terms = with_line(after, read_terms(before, of_shipping))
    assert (terms.goods, terms.lines, terms.pieces) == ((0, 1, 2), (), 6)
