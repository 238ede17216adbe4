from dataclasses import replace

import pytest

from server.core.checkout.orders import LineKind, Order
from server.core.checkout.scopes import deducted_lines, goods_in_scope, is_about
from server.core.promotions.templates import Deducts, Scope
from tests.support.builders.money import a_line

ORDER = Order(
    "CNY",
    (
        a_line(500, "a", "algebra", frozenset({"spring"})),
        replace(a_line(500, "b", "physics"), list_price=900),
        replace(a_line(500, "c", "music"), list_price=500),
        a_line(100, "s", kind=LineKind.SHIPPING),
    ),
)


@pytest.mark.parametrize(
    ("scope", "goods"),
    [
        (Scope(), (0, 1, 2)),
        (Scope(courses=frozenset({"physics"})), (1,)),
        (Scope(courses=frozenset({"physics"}), packages=frozenset({"spring"})), (0, 1)),
        (Scope(except_courses=frozenset({"physics"})), (0, 2)),
        (Scope(courses=frozenset({"algebra"}), except_packages=frozenset({"spring"})), ()),
        (Scope(sale_prices=False), (0, 2)),
    ],
)
def test_each_part_of_a_scope(scope: Scope, goods: tuple[int, ...]) -> None:
    assert goods_in_scope(ORDER, scope) == goods


def test_other_kinds_of_lines_are_deducted_whatever_the_scope_is() -> None:
    both = frozenset({Deducts.GOODS, Deducts.SHIPPING})
    assert deducted_lines(ORDER, (1,), both) == (1, 3)
    assert deducted_lines(ORDER, (1,), frozenset({Deducts.SHIPPING})) == (3,)


def test_a_coupon_limited_to_courses_wants_one_of_them_also_for_its_shipping() -> None:
    limited = Scope(courses=frozenset({"chess"}))
    assert not is_about((), (3,), limited)
    assert is_about((), (3,), Scope())
    assert not is_about((0,), (), Scope())
