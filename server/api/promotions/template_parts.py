"""The parts of a template as JSON bodies, and as `core` has them.

Used by `templates.py`. Shapes and sizes; what makes sense is asked of core/promotions/template_rules.py.
Fields that came later are left out of answers where they say nothing new (`absent`).
"""

from typing import Annotated, Literal, assert_never

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
from server.core.promotions import templates as core
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
    """From `from_items` pieces in scope, the `free_items` cheapest cost nothing."""

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
    """Of the goods in scope; 0 is no threshold, and reaching it exactly is enough. `counted` before other
    coupons (absent), or after those that are applied before this one."""

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
    """What becomes of a coupon whose order is undone, and of a threshold that is no longer reached."""

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
ValidityShown = Annotated[FixedValidityResponse | RelativeValidity, Field(discriminator="kind")]


def discount_of(body: AmountOff | PercentOff | ItemsFree | Gift | Rebate) -> core.Discount:
    match body:
        case AmountOff() | PercentOff():
            return _reduction(body)
        case ItemsFree():
            return core.ItemsFree(body.from_items, body.free_items)
        case Gift():
            pieces = 1 if body.quantity is None else body.quantity
            return core.Gift(body.course, body.list_price, pieces, body.name or "")
        case Rebate():
            after = core.RebateAfter(body.after)
            return core.Rebate(_reduction(body.credit), after, body.return_window_days)
        case _:
            assert_never(body)


def threshold_of(body: Threshold) -> core.Threshold:
    counted = core.Counted(body.counted or core.Counted.BEFORE)
    return core.Threshold(body.min_amount, body.min_quantity or 0, counted)


def scope_of(body: Scope) -> core.Scope:
    return core.Scope(
        frozenset(body.courses),
        frozenset(body.packages),
        frozenset(body.except_courses or ()),
        frozenset(body.except_packages or ()),
        body.sale_prices is not False,
    )


def validity_of(body: FixedValidity | RelativeValidity) -> core.Validity:
    if isinstance(body, FixedValidity):
        return core.FixedValidity(body.from_at, body.until_at)
    return core.RelativeValidity(body.seconds, body.cap_at_batch_end, body.wait_seconds or 0)


def deducts_of(words: list[DeductsWord] | None) -> frozenset[core.Deducts]:
    return core.GOODS_ONLY if words is None else frozenset(core.Deducts(word) for word in words)


def stacking_of(body: Stacking) -> core.Stacking:
    others = frozenset(core.StackingClass(word) for word in body.combines_with)
    return core.Stacking(core.StackingClass(body.in_class), others)


def returns_of(body: Returns) -> core.Returns:
    return core.Returns(
        core.Returned(body.after_cancel),
        core.Returned(body.after_refund),
        core.Returned(body.after_partial_refund),
        core.BrokenThreshold(body.broken_threshold),
    )


def _reduction(body: AmountOff | PercentOff) -> core.AmountOff | core.PercentOff:
    if isinstance(body, AmountOff):
        return core.AmountOff(body.amount)
    of = core.PercentOf(body.of or core.PercentOf.TOTAL)
    return core.PercentOff(body.percent, body.max_amount, of)
