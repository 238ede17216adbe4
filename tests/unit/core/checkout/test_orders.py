from dataclasses import replace

import pytest

from server.core.checkout import orders
from server.core.checkout.orders import LineKind, Order, OrderLine
from tests.support.builders.money import a_line

LINE = OrderLine("a", "algebra", 5000, 2)


def broken(*lines: OrderLine, currency: str = "CNY") -> list[tuple[str, str]]:
    return [(each.field, each.code) for each in orders.violations(Order(currency, lines))]


def test_the_subtotal_counts_every_line() -> None:
    order = Order("CNY", (a_line(10), a_line(5, kind=LineKind.SHIPPING)))
    assert order.subtotal == 15


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"id": ""}, "id", "too_short"),
        ({"id": "x" * 65}, "id", "too_long"),
        ({"course": None}, "course", "missing"),
        ({"course": "\0"}, "course", "bad_character"),
        ({"packages": frozenset({""})}, "packages", "too_short"),
        ({"packages": frozenset(map(str, range(101)))}, "packages", "too_many"),
        ({"unit_price": -1}, "unit_price", "too_small"),
        ({"unit_price": 10**12 + 1, "quantity": 1}, "unit_price", "too_large"),
        ({"unit_price": 10**12, "quantity": 2}, "quantity", "too_large"),
        ({"quantity": 0}, "quantity", "too_small"),
        ({"quantity": 10**6 + 1}, "quantity", "too_large"),
        ({"list_price": -1}, "list_price", "too_small"),
        ({"floor_price": -1}, "floor_price", "too_small"),
    ],
)
def test_each_rule_of_a_line_names_its_field(
    changes: dict[str, object], field: str, code: str
) -> None:
    line = replace(LINE, **changes)  # type: ignore[arg-type]
    assert broken(line) == [(f"order.lines.0.{field}", code)]


@pytest.mark.parametrize(
    "changes",
    [
        {"packages": frozenset(map(str, range(100)))},
        {"unit_price": 0, "list_price": 0, "floor_price": 0},
        {"unit_price": 10**12, "quantity": 1},
        {"unit_price": 1, "quantity": 10**6},
    ],
)
def test_the_bounds_of_a_line_are_within_the_rules(changes: dict[str, object]) -> None:
    assert broken(replace(LINE, **changes)) == []  # type: ignore[arg-type]


def test_a_line_that_is_no_course_needs_none() -> None:
    assert broken(replace(LINE, course=None, kind=LineKind.SHIPPING)) == []


def test_each_rule_of_an_order_names_its_field() -> None:
    many = tuple(replace(LINE, id=str(number)) for number in range(101))
    assert broken(LINE, currency="XXX") == [("order.currency", "unknown")]
    assert broken() == [("order.lines", "too_few")]
    assert broken(*many) == [("order.lines", "too_many")]
    assert broken(*many[:100]) == []
    assert broken(LINE, LINE) == [("order.lines", "same_id_twice")]
