"""POST /v1/quotes: what an order costs with given coupons. Changes no data.

A student asks for themselves, the school's back end for any student. The rules are in
core/checkout/quoting/quotes.py.
"""

from typing import Annotated, Literal

from pydantic import Discriminator, Tag

from server.api.checkout.orders import (
    OrderBody,
    QuotedLineResponse,
    TypedCodes,
    line_responses,
    order_of,
)
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoQuery,
    respond,
)
from server.api.http.fields import Amount, Body, Moment, ResponseModel, ShortText, Student, absent
from server.core.checkout.quoting.eligibility import Unusable
from server.core.checkout.quoting.hints import Hint
from server.core.checkout.quoting.quote_request import BestSelection
from server.core.checkout.quoting.quotes import QuotedGift, QuotedRebate
from server.core.checkout.quoting.reasons import Reason
from server.core.checkout.quoting.stacking import Applied
from server.core.checkout.quoting.suggestions import Usable
from server.core.identity import Identity, Role
from server.core.refusals import Code, Refused
from server.flows.checkout.quotes import Quoted, QuoteForm, quote_order


def _is_word(value: object) -> str:
    return "[word]" if isinstance(value, str) else "[codes]"


# The codes to apply, or `best`: those that save most. Of two that cannot be combined the first is applied.
SelectedCoupons = Annotated[
    Annotated[TypedCodes, Tag("[codes]")] | Annotated[Literal["best"], Tag("[word]")],
    Discriminator(_is_word),
]


class QuoteBody(Body):
    student: Student | None = None
    order: OrderBody
    coupons: SelectedCoupons | None = None
    balance: Amount = 0  # how much of the student's balance to take, at most
    order_id: ShortText | None = (
        None  # of the student's own order: what it has locked counts as free
    )


class AppliedResponse(ResponseModel):
    """A coupon of the quote, in the order of application. `base`: the amount that the discount was computed
    on. `worth`: the value of a gift or a rebate, whose `discount` is 0."""

    code: str
    discount: int
    base: int
    worth: int | None = absent()


class GiftResponse(ResponseModel):
    """A line with price 0 that a coupon adds. `list_price` is the price of one piece."""

    course: str
    name: str | None = absent()
    quantity: int
    list_price: int
    coupon: str


class RebateResponse(ResponseModel):
    """A sum that is credited to the student after the payment, or `days` later."""

    code: str
    amount: int
    after: Literal["payment", "return_window"]
    days: int | None = absent()


class BestResponse(ResponseModel):
    """The best choice of coupons in the wallet. `exact`: proven that no other choice saves more. The
    discount counts first, then the worth of gifts and rebates, then fewer coupons, then earlier ends."""

    codes: list[str]
    discount: int
    exact: bool


class UsableResponse(ResponseModel):
    """`discount`: of this coupon alone. `adds`: in addition to the selected ones. `fits`: it can be combined
    with the selected ones."""

    code: str
    name: str
    discount: int
    adds: int
    worth: int | None = absent()
    fits: bool
    use_by: Moment


class UnusableResponse(ResponseModel):
    """`short_by` (minor units) and `short_pieces`: what is missing to reach the threshold."""

    code: str
    reason: Reason
    short_by: int | None = absent()
    short_pieces: int | None = absent()


class HintResponse(ResponseModel):
    """The saving that one more line of the order brings.

    The line costs `spend_more`, in `pieces_more` pieces of equal price where pieces are missing. The order is
    then cheaper by `save_more` or more. `worth`: the value of a gift or a rebate."""

    code: str
    spend_more: int
    pieces_more: int | None = absent()
    save_more: int
    worth: int | None = absent()


class SpentResponse(ResponseModel):
    """`available`: the student's balance in the order's currency. `used`: the part that this order takes,
    which is included in `discount`, and applied after all coupons."""

    available: int
    used: int


class QuoteResponse(ResponseModel):
    subtotal: int
    discount: int
    payable: int
    lines: list[QuotedLineResponse]
    applied: list[AppliedResponse]
    gifts: list[GiftResponse]
    rebates: list[RebateResponse]
    best: BestResponse
    usable: list[UsableResponse]
    unusable: list[UnusableResponse]
    hints: list[HintResponse]
    balance: SpentResponse


async def create(
    deps: ApiDependencies, request: ApiRequest[QuoteBody, NoQuery]
) -> ApiResponse | Refused:
    student = student_of(request.identity, request.body.student)
    if isinstance(student, Refused):
        return student
    body = request.body
    form = QuoteForm(order_of(body.order), student, selection_of(body), body.balance, body.order_id)
    found = await quote_order(deps.ledger, form, request.now, deps.money_rules)
    return respond(found, _to_response)


def student_of(identity: Identity, named: str | None) -> str | Refused | None:
    """Return whose coupons are quoted. A student may only name themselves; None: nobody's."""
    if identity.role is not Role.STUDENT:
        return named
    if named not in (None, identity.subject):
        return Refused(Code.WRONG_ROLE, "a student asks for themselves")
    return identity.subject


def selection_of(body: QuoteBody) -> tuple[str, ...] | BestSelection:
    """Return the codes that the body selects, or the word."""
    return BestSelection.BEST if body.coupons == "best" else tuple(body.coupons or ())


def _to_response(found: Quoted) -> QuoteResponse:
    quote, spent = found.quote, found.spent
    return QuoteResponse(
        subtotal=quote.subtotal,
        discount=quote.discount,
        payable=quote.payable,
        lines=line_responses(quote.lines),
        applied=[_applied_response(each) for each in quote.applied],
        gifts=[gift_response(each) for each in quote.gifts],
        rebates=[_rebate_response(each) for each in quote.rebates],
        best=BestResponse(
            codes=list(quote.best.codes), discount=quote.best.discount, exact=quote.best.exact
        ),
        usable=[_usable_response(each) for each in quote.usable],
        unusable=[_unusable_response(each) for each in quote.unusable],
        hints=[_hint_response(each) for each in quote.hints],
        balance=SpentResponse(available=spent.available, used=spent.used),
    )


def _applied_response(each: Applied) -> AppliedResponse:
    return AppliedResponse(
        code=each.coupon.code, discount=each.discount, base=each.base, worth=each.later or None
    )


def gift_response(each: QuotedGift) -> GiftResponse:
    return GiftResponse(
        course=each.course,
        name=each.name or None,
        quantity=each.quantity,
        list_price=each.list_price,
        coupon=each.coupon,
    )


def _rebate_response(each: QuotedRebate) -> RebateResponse:
    return RebateResponse(
        code=each.code, amount=each.amount, after=each.after.value, days=each.days
    )


def _usable_response(each: Usable) -> UsableResponse:
    return UsableResponse(
        code=each.code,
        name=each.name,
        discount=each.discount,
        adds=each.adds,
        worth=each.worth or None,
        fits=each.fits,
        use_by=each.use_by,
    )


def _unusable_response(each: Unusable) -> UnusableResponse:
    return UnusableResponse(
        code=each.code,
        reason=each.reason,
        short_by=each.short_by,
        short_pieces=each.short_pieces,
    )


def _hint_response(each: Hint) -> HintResponse:
    return HintResponse(
        code=each.code,
        spend_more=each.spend_more,
        pieces_more=each.pieces_more or None,
        save_more=each.save_more,
        worth=each.worth or None,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/quotes",
        rule=auth.BUYER,
        handler=create,
        body=QuoteBody,
        response=QuoteResponse,
        summary="Quote an order with these coupons, and list the coupons that can be used",
    ),
)
