"""The order in the bodies of quotes and redemptions, and the lines in their responses.

Only shapes and sizes. The rules of an order are in core/checkout/orders.py; the flows apply them.
"""

from typing import Annotated, Literal

from pydantic import Field

from server.api.http.fields import Amount, Body, Currency, ResponseModel, ShortText
from server.core.checkout import orders as core
from server.core.checkout.quoting.quotes import QuotedLine

# A coupon's code as a person types it, possibly with spaces and in lower case.
TypedCode = Annotated[str, Field(min_length=1, max_length=64)]
TypedCodes = Annotated[list[TypedCode], Field(max_length=20)]


class LineBody(Body):
    """Prices are in minor units. `floor_price`: the least that the whole line costs after all discounts.
    Coupons apply to `course` lines unless their template names other kinds."""

    id: ShortText
    course: ShortText | None = None
    packages: Annotated[list[ShortText], Field(max_length=core.MAX_PACKAGES)] = Field(
        default_factory=list
    )
    unit_price: Amount
    quantity: Annotated[int, Field(ge=1, le=core.MAX_QUANTITY)]
    list_price: Amount | None = None
    kind: Literal["course", "shipping", "tax", "fee"] = "course"
    floor_price: Amount | None = None


class OrderBody(Body):
    currency: Currency
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=core.MAX_LINES)]


class QuotedLineResponse(ResponseModel):
    id: str
    discount: int
    payable: int


def order_of(body: OrderBody) -> core.Order:
    return core.Order(body.currency, tuple(_line(line) for line in body.lines))


def line_responses(lines: tuple[QuotedLine, ...]) -> list[QuotedLineResponse]:
    return [
        QuotedLineResponse(id=line.id, discount=line.discount, payable=line.payable)
        for line in lines
    ]


def _line(body: LineBody) -> core.OrderLine:
    return core.OrderLine(
        id=body.id,
        course=body.course,
        unit_price=body.unit_price,
        quantity=body.quantity,
        packages=frozenset(body.packages),
        list_price=body.list_price,
        kind=core.LineKind(body.kind),
        floor_price=body.floor_price,
    )
