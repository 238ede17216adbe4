"""Orders as a school sends them to be quoted or locked, and the rules that they must obey.

Called by the flows of quotes and redemptions; read by `scopes`, `terms` and `discounts`. Prices are taken
as the school sends them. `list_price` is kept for the record and says which lines are on sale.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.core.money import MAX_MINOR
from server.core.promotions.template_rules import (
    amount_violations,
    currency_violations,
    text_violations,
)
from server.core.violations import Violation

MAX_LINES: Final = 100  # with MAX_MINOR a line, sums stay below 2**53
MAX_QUANTITY: Final = 1_000_000
MAX_ID: Final = 64
MAX_PACKAGES: Final = 100


class LineKind(StrEnum):
    """The kind of a line. Only `course` lines are goods: thresholds count them, and a discount comes off
    them unless its template names other kinds."""

    COURSE = "course"
    SHIPPING = "shipping"
    TAX = "tax"
    FEE = "fee"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of an order. `unit_price` in minor units; `course` is None if the line is no course.
    `floor_price`: what the whole line costs at least, whatever the discounts."""

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
        """The line's price before discounts, in minor units."""
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class Order:
    """Lines in one currency; their order is the order in which remainders are apportioned."""

    currency: str
    lines: tuple[OrderLine, ...]

    @property
    def subtotal(self) -> int:
        """The sum of all lines, also of those that are no goods."""
        return sum(line.amount for line in self.lines)


def violations(order: Order) -> list[Violation]:
    """Return everything that is wrong with the order; empty if it is good.

    The amounts of a good order are integers of at least 0 whose sum stays below 2**53, so that JavaScript
    can add them.
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
    # Price and quantity are each legal, and their product is not; a bad price is reported once.
    if line.unit_price <= MAX_MINOR < line.amount:
        yield Violation(f"{at}.quantity", "too_large")
