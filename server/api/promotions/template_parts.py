"""The parts of a template as JSON bodies: their shapes and sizes.

Used by `templates.py`. server/contract_json.py makes the dataclasses of `core` from a body that was checked
here; whether they make sense is decided by core/promotions/template_rules.py. Fields that were added later
are left out of responses where they have their default (`absent`).
"""

from typing import Annotated, Literal

from pydantic import Field

from server.api.http.fields import (
    Amount,
    Body,
    FromDay,
    Instant,
    Readable,
    ResponseModel,
    Seconds,
    ShortText,
    UntilDay,
    Url,
    absent,
)
from server.core.promotions.template_rules import (
    MAX_GIFTS,
    MAX_PIECES,
    MAX_RETURN_DAYS,
    MAX_USES,
    MAX_WAIT_SECONDS,
)

MinorAmount = Annotated[Amount, Field(ge=1)]
Ids = Annotated[list[ShortText], Field(max_length=500)]
Pieces = Annotated[int, Field(ge=1, le=MAX_PIECES)]
DeductsWord = Literal["goods", "shipping", "tax", "fee"]
ClassWord = Literal["product", "order", "shipping"]
ReturnWord = Literal["back", "kept"]
Uses = Annotated[int, Field(ge=1, le=MAX_USES)]


class AmountOff(Body):
    kind: Literal["amount_off"]
    amount: MinorAmount


class PercentOff(Body):
    """`percent` is what is taken off: 20 is 8折. `of` the total in scope, rounded once (absent), or of each
    of its lines, rounded each."""

    kind: Literal["percent_off"]
    percent: Annotated[int, Field(ge=1, le=100)]
    max_amount: MinorAmount | None = absent()
    of: Literal["total", "lines"] | None = absent()


class ItemsFree(Body):
    """Makes the `free_items` cheapest pieces free if `from_items` pieces are in scope."""

    kind: Literal["items_free"]
    from_items: Pieces
    free_items: Pieces


class Gift(Body):
    """Adds this course at 0; the list price of one piece is kept for the record. `quantity` absent: 1."""

    kind: Literal["gift"]
    course: ShortText
    list_price: Amount
    quantity: Annotated[int, Field(ge=1, le=MAX_GIFTS)] | None = absent()
    name: Annotated[str, Field(max_length=60), Readable] | None = absent()


class Rebate(Body):
    """Takes nothing off now: `credit` of what is paid is credited to the student after the payment, or
    `return_window_days` later."""

    kind: Literal["rebate"]
    credit: Annotated[AmountOff | PercentOff, Field(discriminator="kind")]
    after: Literal["payment", "return_window"]
    return_window_days: Annotated[int, Field(ge=1, le=MAX_RETURN_DAYS)] | None = absent()


class Threshold(Body):
    """A minimum of the goods in scope; 0 is no threshold, and reaching it exactly is enough. `counted`
    before other coupons (absent), or after those that are applied before this one."""

    min_amount: Amount = 0
    min_quantity: Annotated[int, Field(ge=0, le=MAX_PIECES)] | None = absent()
    counted: Literal["before", "after"] | None = absent()


class Scope(Body):
    """Empty is every course; what is excepted is out whatever else it belongs to. `sale_prices` false:
    lines below their list price are out."""

    courses: Ids = Field(default_factory=list)
    packages: Ids = Field(default_factory=list)
    except_courses: Ids | None = absent()
    except_packages: Ids | None = absent()
    sale_prices: bool | None = absent()


class FixedValidity(Body):
    """[from, until)."""

    kind: Literal["fixed"]
    from_at: FromDay = Field(alias="from")
    until_at: UntilDay = Field(alias="until")


class FixedValidityResponse(ResponseModel):
    kind: Literal["fixed"]
    from_at: Instant = Field(alias="from")
    until_at: Instant = Field(alias="until")


class RelativeValidity(Body):
    """`seconds` long, from `wait_seconds` (absent: 0) after the claim on."""

    kind: Literal["relative"]
    seconds: Seconds
    cap_at_batch_end: bool = False
    wait_seconds: Annotated[int, Field(ge=0, le=MAX_WAIT_SECONDS)] | None = absent()


class Stacking(Body):
    """Two coupons share an order where each names the other's class; who names none is exclusive."""

    in_class: ClassWord = Field(default="order", alias="class")
    combines_with: Annotated[list[ClassWord], Field(max_length=3)] = Field(default_factory=list)


class Returns(Body):
    """The rules for a coupon whose order is undone, and of a threshold that is no longer reached."""

    after_cancel: ReturnWord = "back"
    after_refund: ReturnWord = "kept"
    after_partial_refund: ReturnWord = "kept"
    broken_threshold: Literal["keep", "charge_back"] = "keep"


class Style(Body):
    colour: Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")] | None = absent()
    image: Url | None = absent()


Discount = Annotated[
    AmountOff | PercentOff | ItemsFree | Gift | Rebate, Field(discriminator="kind")
]
Deducts = Annotated[list[DeductsWord], Field(min_length=1, max_length=4)]
Validity = Annotated[FixedValidity | RelativeValidity, Field(discriminator="kind")]
ValidityResponse = Annotated[FixedValidityResponse | RelativeValidity, Field(discriminator="kind")]
