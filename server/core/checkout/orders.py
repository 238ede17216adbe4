"""An order as the school sends it to be quoted or locked, its JSON and its rules.

Called by the API and flows (quotes, redemptions); read by `core.scopes` and `core.discounts`. The
school's prices are
taken as they are; `list_price` is kept for the record, and says which lines are on sale.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.core import json_fields
from server.core.money import MAX_MINOR
from server.core.promotions.template_rules import (
    amount_violations,
    currency_violations,
    text_violations,
)
from server.core.refusals import Refused
from server.core.violations import MalformedError, Violation, refused

MAX_LINES: Final = 100
MAX_QUANTITY: Final = 1_000_000
MAX_ID: Final = 64
MAX_PACKAGES: Final = 100

Json = dict[str, object]


class LineKind(StrEnum):
    """Only `course` lines are goods: counted towards thresholds, and what a coupon comes off unless its
    template names other kinds."""

    COURSE = "course"
    SHIPPING = "shipping"
    TAX = "tax"
    FEE = "fee"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """`unit_price` in minor units; `course` is None where the line is no course. `floor_price`: what the
    whole line must cost in any case; no discount takes it lower."""

    id: str
    course: str | None
    unit_price: int
    quantity: int
    packages: frozenset[str] = frozenset()
    list_price: int | None = None
    kind: LineKind = LineKind.COURSE
    floor_price: int | None = None

    @property
    def amount(self) -> int:
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class Order:
    currency: str
    lines: tuple[OrderLine, ...] = field(default=())

    @property
    def subtotal(self) -> int:
        """All lines, also those that are no goods."""
        return sum(line.amount for line in self.lines)


def order_from_json(value: object) -> Order | Refused:
    """A request's `order` as an Order that obeys the rules below, or everything that is wrong with
    it. Field paths begin with `order`.
    """
    try:
        order = read_order(value)
    except MalformedError as error:
        return refused([error.violation])
    broken = violations(order)
    return refused(broken) if broken else order


def read_order(value: object) -> Order:
    """The shape alone, for what the ledger stored. MalformedError where it is not one."""
    fields = json_fields.mapping(value, "order")
    lines = fields.get("lines")
    if not isinstance(lines, list | tuple):
        raise MalformedError("order.lines", "missing" if lines is None else "wrong_type")
    if len(lines) > MAX_LINES:
        raise MalformedError("order.lines", "too_many")
    return Order(
        json_fields.text(fields, "currency", "order"),
        tuple(_read_line(line, f"order.lines.{index}") for index, line in enumerate(lines)),
    )


def order_to_json(order: Order) -> Json:
    return {"currency": order.currency, "lines": [_line_to_json(line) for line in order.lines]}


def violations(order: Order) -> list[Violation]:
    """Everything that is wrong with it; empty where it is good. A good order's amounts are integers
    from 0 whose sum stays below 2**53.
    """
    return [
        *currency_violations("order.currency", order.currency),
        *_counted(order),
        *(
            violation
            for index, line in enumerate(order.lines)
            for violation in _line(f"order.lines.{index}", line)
        ),
    ]


def _counted(order: Order) -> Iterator[Violation]:
    if not order.lines:
        yield Violation("order.lines", "too_few")
    if len(order.lines) > MAX_LINES:
        yield Violation("order.lines", "too_many")
    if len({line.id for line in order.lines}) < len(order.lines):
        yield Violation("order.lines", "same_id_twice")


def _line(at: str, line: OrderLine) -> Iterator[Violation]:
    yield from text_violations(f"{at}.id", line.id, MAX_ID)
    if line.course is not None:
        yield from text_violations(f"{at}.course", line.course, MAX_ID)
    elif line.kind is LineKind.COURSE:
        yield Violation(f"{at}.course", "missing")
    if len(line.packages) > MAX_PACKAGES:
        yield Violation(f"{at}.packages", "too_many")
    for package in sorted(line.packages):
        yield from text_violations(f"{at}.packages", package, MAX_ID)
    yield from amount_violations(f"{at}.unit_price", line.unit_price, 0)
    yield from amount_violations(f"{at}.quantity", line.quantity, 1, MAX_QUANTITY)
    if line.list_price is not None:
        yield from amount_violations(f"{at}.list_price", line.list_price, 0)
    if line.floor_price is not None:
        yield from amount_violations(f"{at}.floor_price", line.floor_price, 0)
    if line.unit_price <= MAX_MINOR < line.amount:
        yield Violation(f"{at}.quantity", "too_large")


def _read_line(value: object, at: str) -> OrderLine:
    fields = json_fields.mapping(value, at)
    return OrderLine(
        id=json_fields.text(fields, "id", at),
        course=json_fields.optional_text(fields, "course", at),
        unit_price=json_fields.integer(fields, "unit_price", at),
        quantity=json_fields.integer(fields, "quantity", at),
        packages=json_fields.texts(fields, "packages", at),
        list_price=json_fields.optional_integer(fields, "list_price", at),
        kind=_read_kind(fields, at),
        floor_price=json_fields.optional_integer(fields, "floor_price", at),
    )


def _read_kind(fields: Mapping[str, object], at: str) -> LineKind:
    try:
        return LineKind(json_fields.optional_text(fields, "kind", at) or LineKind.COURSE)
    except ValueError as error:
        raise MalformedError(f"{at}.kind", "unknown") from error


def _line_to_json(line: OrderLine) -> Json:
    written: Json = {
        "id": line.id,
        "course": line.course,
        "packages": sorted(line.packages),
        "unit_price": line.unit_price,
        "quantity": line.quantity,
        "list_price": line.list_price,
        "kind": line.kind.value,
        "floor_price": line.floor_price,
    }
    return {key: value for key, value in written.items() if value is not None}
