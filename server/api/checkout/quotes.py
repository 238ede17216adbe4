"""POST /v1/quotes: what an order costs with given coupons. Changes nothing.

A student asks for themselves, the school's back end for anybody. The rules are in core/checkout/quotes.py.
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
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoQuery
from server.api.http.fields import Amount, Body, Moment, ResponseModel, ShortText, Student, absent
from server.core.checkout.eligibility import Unusable
from server.core.checkout.hints import Hint
from server.core.checkout.quote_request import BestSelection
from server.core.checkout.quotes import QuotedGift, QuotedRebate
from server.core.checkout.reasons import Reason
from server.core.checkout.stacking import Applied
from server.core.checkout.suggestions import Usable
from server.core.identity import Identity, Role
from server.core.refusals import Code, Refused
from server.flows.checkout.quotes import Quoted, QuoteForm, quote_order


def _is_word(value: object) -> str:
    return "[word]" if isinstance(value, str) else "[codes]"


# Codes, of which the first ticked is in where two cannot be combined, or whichever save most.
Ticked = Annotated[
    Annotated[TypedCodes, Tag("[codes]")] | Annotated[Literal["best"], Tag("[word]")],
    Discriminator(_is_word),
]


class QuoteBody(Body):
    student: Student | None = None
    order: OrderBody
    coupons: Ticked | None = None
    balance: Amount = 0  # how much of the student's balance to take, at most
    order_id: ShortText | None = (
        None  # of the student's own order: what it has locked counts as free
    )


class AppliedResponse(ResponseModel):
    """In the order of application. `base`: what the discount was computed on. `worth`: of a gift or a
    rebate, which take nothing off."""

    code: str
    discount: int
    base: int
    worth: int | None = absent()


class GiftResponse(ResponseModel):
    """A line at 0 that the coupon adds; `list_price` is that of one piece."""

    course: str
    name: str | None = absent()
    quantity: int
    list_price: int
    coupon: str


class RebateResponse(ResponseModel):
    """What is credited after the payment, or `days` later."""

    code: str
    amount: int
    after: Literal["payment", "return_window"]
    days: int | None = absent()


class BestResponse(ResponseModel):
    """`exact`: no other choice of this wallet saves more. What counts is what is saved now; of equal
    ones what is credited or given, then fewer coupons, then those that end first."""

    codes: list[str]
    discount: int
    exact: bool


class UsableResponse(ResponseModel):
    """`discount` alone, `adds` on top of what is ticked. `fits`: can be combined with what is ticked."""

    code: str
    name: str
    discount: int
    adds: int
    worth: int | None = absent()
    fits: bool
    use_by: Moment


class UnusableResponse(ResponseModel):
    """`short_by` in minor units and `short_pieces`: what is missing to the threshold."""

    code: str
    reason: Reason
    short_by: int | None = absent()
    short_pieces: int | None = absent()


class HintResponse(ResponseModel):
    """Spend `spend_more` more on one more line, in `pieces_more` pieces of equal price where pieces are
    missing, and `save_more` comes off at least; `worth`: of a gift or a rebate."""

    code: str
    spend_more: int
    pieces_more: int | None = absent()
    save_more: int
    worth: int | None = absent()


class SpentResponse(ResponseModel):
    """What the student has on account in the order's currency, and how much of it the order takes: the last
    part of `discount`, and of each line's."""

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
    student = _student(request.identity, request.body.student)
    if isinstance(student, Refused):
        return student
    body = request.body
    form = QuoteForm(order_of(body.order), student, _selection(body), body.balance, body.order_id)
    found = await quote_order(deps.ledger, form, request.now, deps.money_rules)
    return found if isinstance(found, Refused) else ApiResponse(_to_response(found))


def _student(identity: Identity, named: str | None) -> str | Refused | None:
    if identity.role is not Role.STUDENT:
        return named
    if named not in (None, identity.subject):
        return Refused(Code.WRONG_ROLE, "a student asks for themselves")
    return identity.subject


def _selection(body: QuoteBody) -> tuple[str, ...] | BestSelection:
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
        summary="What the order costs with these coupons, and which are worth ticking",
    ),
)
