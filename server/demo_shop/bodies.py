"""The request bodies of the shop's endpoints. A browser sends ids and quantities of courses, never prices.

Used by `routes`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from server.demo_shop.catalogue import MAX_QUANTITY

_MAX_LINES = 20
_MAX_MINOR = 10**12

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
OrderId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,60}$")]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Codes = Annotated[list[Code], Field(max_length=20)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class CartLine(_Body):
    course: Word
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]


class QuoteBody(_Body):
    lines: Annotated[list[CartLine], Field(min_length=1, max_length=_MAX_LINES)]
    coupons: Codes | Literal["best"] = Field(default_factory=list)
    use_balance: bool = False
    order_id: OrderId | None = (
        None  # the order of this cart, if placed: the coupons that it locks count as free
    )


class OrderBody(_Body):
    """`balance`: the part of the student's balance that the quote took. `expected_payable`: the total on
    the screen; an order with another total is refused."""

    lines: Annotated[list[CartLine], Field(min_length=1, max_length=_MAX_LINES)]
    coupons: Codes = Field(default_factory=list)
    balance: Annotated[int, Field(ge=0, le=_MAX_MINOR)] = 0
    expected_payable: Annotated[int, Field(ge=0, le=_MAX_MINOR)]


class PayBody(_Body):
    """`paid`: the sum that the buyer saw and paid. Absent: the total of the order."""

    paid: Annotated[int, Field(ge=0, le=_MAX_MINOR)] | None = None


class RefundLine(_Body):
    """`quantity` pieces, or `amount` of money. Neither: everything that is left of the line."""

    id: Word
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] | None = None
    amount: Annotated[int, Field(ge=1, le=_MAX_MINOR)] | None = None


class RefundBody(_Body):
    """`refund_id` is made by the browser, so that a double click refunds once. `preview`: only compute."""

    refund_id: Word
    lines: Annotated[list[RefundLine], Field(min_length=1, max_length=_MAX_LINES)]
    preview: bool = False
