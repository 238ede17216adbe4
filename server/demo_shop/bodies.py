"""What browsers may send. No price among it: a course's id and how many.

Read by `routes`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from server.demo_shop.catalogue import MOST_OF_ONE

_MOST_LINES = 20
_MOST_MINOR = 10**12

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
OrderId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,60}$")]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Codes = Annotated[list[Code], Field(max_length=20)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class CartLine(_Body):
    course: Word
    quantity: Annotated[int, Field(ge=1, le=MOST_OF_ONE)]


class QuoteBody(_Body):
    lines: Annotated[list[CartLine], Field(min_length=1, max_length=_MOST_LINES)]
    coupons: Codes | Literal["best"] = Field(default_factory=list)
    use_balance: bool = False
    order_id: OrderId | None = None  # the one that this cart was placed as: what it locked is free


class OrderBody(_Body):
    """`balance`: how much of theirs the quote took. `expected_payable`: the total that was on the screen;
    another one is refused."""

    lines: Annotated[list[CartLine], Field(min_length=1, max_length=_MOST_LINES)]
    coupons: Codes = Field(default_factory=list)
    balance: Annotated[int, Field(ge=0, le=_MOST_MINOR)] = 0
    expected_payable: Annotated[int, Field(ge=0, le=_MOST_MINOR)]


class PayBody(_Body):
    """The sum that the buyer saw and paid; absent: what the order costs."""

    paid: Annotated[int, Field(ge=0, le=_MOST_MINOR)] | None = None


class RefundLine(_Body):
    """So many pieces, or so much money; neither: all that is left of the line."""

    id: Word
    quantity: Annotated[int, Field(ge=1, le=MOST_OF_ONE)] | None = None
    amount: Annotated[int, Field(ge=1, le=_MOST_MINOR)] | None = None


class RefundBody(_Body):
    """`refund_id` is the browser's: pressed twice, paid back once. `preview`: only say what it comes to."""

    refund_id: Word
    lines: Annotated[list[RefundLine], Field(min_length=1, max_length=_MOST_LINES)]
    preview: bool = False
