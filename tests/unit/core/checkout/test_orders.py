from dataclasses import replace

import pytest

from server.core.checkout import orders
from server.core.checkout.orders import LineKind, Order, OrderLine, order_from_json
from server.core.refusals import Refused
from tests.support.builders.money import a_line, an_order

LINE: dict[str, object] = {"id": "a", "course": "algebra", "unit_price": 5000, "quantity": 2}
BODY: dict[str, object] = {"currency": "CNY", "lines": [LINE]}


def read_line(**changes: object) -> Order | Refused:
    return order_from_json({**BODY, "lines": [{**LINE, **changes}]})


def errors_of(answer: Order | Refused) -> list[tuple[str, str]]:
    assert isinstance(answer, Refused)
    errors = answer.facts["errors"]
    assert isinstance(errors, list)
    return [(error["field"], error["code"]) for error in errors]


def test_an_order_is_read_from_its_json() -> None:
    assert order_from_json(BODY) == Order("CNY", (OrderLine("a", "algebra", 5000, 2),))


def test_an_order_survives_its_json() -> None:
    full = OrderLine("a", "algebra", 5, 2, frozenset({"p"}), 9, LineKind.COURSE)
    shipping = OrderLine("s", None, 10, 1, kind=LineKind.SHIPPING)
    order = Order("CNY", (full, shipping))
    assert orders.read_order(orders.order_to_json(order)) == order


def test_the_subtotal_counts_every_line() -> None:
    order = Order("CNY", (a_line(10), a_line(5, kind=LineKind.SHIPPING)))
    assert order.subtotal == 15


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"id": ""}, "id", "too_short"),
        ({"id": None}, "id", "missing"),
        ({"id": "x" * 65}, "id", "too_long"),
        ({"course": None}, "course", "missing"),
        ({"course": "\0"}, "course", "bad_character"),
        ({"packages": [""]}, "packages", "too_short"),
        ({"packages": [str(n) for n in range(101)]}, "packages", "too_many"),
        ({"unit_price": -1}, "unit_price", "too_small"),
        ({"unit_price": 50.0}, "unit_price", "wrong_type"),
        ({"unit_price": 10**12 + 1, "quantity": 1}, "unit_price", "too_large"),
        ({"unit_price": 10**12, "quantity": 2}, "quantity", "too_large"),
        ({"quantity": 0}, "quantity", "too_small"),
        ({"quantity": 10**6 + 1}, "quantity", "too_large"),
        ({"list_price": -1}, "list_price", "too_small"),
        ({"floor_price": -1}, "floor_price", "too_small"),
        ({"kind": "gift"}, "kind", "unknown"),
    ],
)
def test_each_rule_of_a_line_names_its_field(
    changes: dict[str, object], field: str, code: str
) -> None:
    assert errors_of(read_line(**changes)) == [(f"order.lines.0.{field}", code)]


def test_a_line_that_is_no_course_needs_none() -> None:
    assert isinstance(read_line(course=None, kind="shipping"), Order)


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        (None, "order", "missing"),
        ([], "order", "wrong_type"),
        ({**BODY, "currency": "XXX"}, "order.currency", "unknown"),
        ({"currency": "CNY"}, "order.lines", "missing"),
        ({**BODY, "lines": {}}, "order.lines", "wrong_type"),
        ({**BODY, "lines": []}, "order.lines", "too_few"),
        ({**BODY, "lines": [LINE] * 101}, "order.lines", "too_many"),
        ({**BODY, "lines": [LINE, LINE]}, "order.lines", "same_id_twice"),
        ({**BODY, "lines": [7]}, "order.lines.0", "wrong_type"),
    ],
)
def test_each_rule_of_an_order_names_its_field(body: object, field: str, code: str) -> None:
    assert errors_of(order_from_json(body)) == [(field, code)]


def test_too_many_lines_are_also_refused_where_no_json_was_read() -> None:
    many = tuple(replace(a_line(1), id=str(n)) for n in range(101))
    assert [v.code for v in orders.violations(replace(an_order(1), lines=many))] == ["too_many"]
