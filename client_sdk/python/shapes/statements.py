"""Statements: what finance books for each day. Twin of `javascript/shapes/statements.js`."""

from typing import Literal, NotRequired, TypedDict

StatementLineKind = Literal["sale", "refund", "adjustment"]
StatementFormat = Literal["csv", "xlsx", "ndjson"]


class StatementLine(TypedDict):
    """A line; amounts are in minor units, prices of one piece. `share`: what the coupon took off this order
    line; without a coupon, what the balance paid. Where several coupons have a part in an order line, the
    first of its lines has `paid` and `quantity`. `for_date`: the sealed day that an adjustment belongs to."""

    date: str
    kind: StatementLineKind
    order: str
    line: str | None
    course: str | None
    currency: str
    quantity: int
    list_price: int | None
    sale_price: int | None
    code: str | None
    coupon: str | None
    template: str | None
    version: int | None
    campaign: str | None
    batch: str | None
    channel: str | None
    drop: str | None
    room: str | None
    instructor: str | None
    share: int
    paid: int
    refunded: int
    payment_ref: str | None
    refund: str | None
    for_date: str | None


class Statement(TypedDict):
    """A page of lines, oldest first. `next` is null on the last page."""

    lines: list[StatementLine]
    next: str | None


class StatementTotals(TypedDict):
    """The sums of a day in one currency."""

    share: int
    paid: int
    refunded: int


class StatementDay(TypedDict):
    """A day that takes no more lines. What is null follows as soon as it is sealed; `totals` by currency."""

    date: str
    is_sealed: bool
    sealed_at: str | None
    lines: int | None
    totals: dict[str, StatementTotals] | None
    sha256: str | None
    prev_sha256: str | None


class StatementDays(TypedDict):
    """The closed days, oldest first."""

    days: list[StatementDay]


class ProviderOrder(TypedDict):
    """An order as the payment provider has it."""

    order: str
    paid: int
    refunded: NotRequired[int]


StatementMatchForm = TypedDict(
    "StatementMatchForm", {"from": str, "to": str, "orders": list[ProviderOrder]}
)


class MatchedOrder(TypedDict):
    """The amounts of an order."""

    order: str
    paid: int
    refunded: int


class DifferentOrder(TypedDict):
    """An order of which the provider has other amounts."""

    order: str
    paid: int
    refunded: int
    their_paid: int
    their_refunded: int


class StatementMatch(TypedDict):
    """The comparison of the provider's orders with the statement. Each list has the first 1,000 orders."""

    equal: int
    different_total: int
    only_here_total: int
    only_there_total: int
    different: list[DifferentOrder]
    only_here: list[MatchedOrder]
    only_there: list[MatchedOrder]
