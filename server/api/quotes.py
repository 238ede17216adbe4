"""POST /v1/quotes: what an order costs with given coupons. Changes nothing.

A student asks for themselves, the school's back end for anybody. The rules are in core/quotes.py.
"""

from typing import Annotated, Literal

from pydantic import Discriminator, Tag

from server.api import auth
from server.api.calls import Answer, AnyCall, Asked, Call, NoQuery
from server.api.fields import Body, Moment, Shown, Student, absent
from server.api.orders import OrderBody, QuotedLineShown, TypedCodes, order_of, shown_lines
from server.api.parts import ApiParts
from server.core.identity import Identity, Role
from server.core.quotes import Quote, Tick
from server.core.refusals import Code, Refused
from server.flows.quotes import QuoteForm, quote_order


def _is_word(value: object) -> str:
    return "[word]" if isinstance(value, str) else "[codes]"


# Codes in the order they are to be applied, or whichever saves most.
Ticked = Annotated[
    Annotated[TypedCodes, Tag("[codes]")] | Annotated[Literal["best"], Tag("[word]")],
    Discriminator(_is_word),
]


class QuoteBody(Body):
    student: Student | None = None
    order: OrderBody
    coupons: Ticked | None = None


class AppliedShown(Shown):
    code: str
    discount: int


class BestShown(Shown):
    """`exact`: no other choice of this wallet saves more."""

    codes: list[str]
    discount: int
    exact: bool


class UsableShown(Shown):
    """`discount` alone, `adds` on top of what is ticked."""

    code: str
    name: str
    discount: int
    adds: int
    use_by: Moment


class UnusableShown(Shown):
    code: str
    reason: str
    short_by: int | None = absent()


class QuoteShown(Shown):
    subtotal: int
    discount: int
    payable: int
    lines: list[QuotedLineShown]
    applied: list[AppliedShown]
    best: BestShown
    usable: list[UsableShown]
    unusable: list[UnusableShown]


async def create(parts: ApiParts, asked: Asked[QuoteBody, NoQuery]) -> Answer | Refused:
    student = _student(asked.identity, asked.body.student)
    if isinstance(student, Refused):
        return student
    form = QuoteForm(order_of(asked.body.order), student, _ticked(asked.body))
    found = await quote_order(parts.ledger, form, asked.now)
    return found if isinstance(found, Refused) else Answer(_shown(found))


def _student(identity: Identity, named: str | None) -> str | Refused | None:
    if identity.role is not Role.STUDENT:
        return named
    if named not in (None, identity.subject):
        return Refused(Code.WRONG_ROLE, "a student asks for themselves")
    return identity.subject


def _ticked(body: QuoteBody) -> tuple[str, ...] | Tick:
    return Tick.BEST if body.coupons == "best" else tuple(body.coupons or ())


def _shown(quote: Quote) -> QuoteShown:
    best = quote.best
    return QuoteShown(
        subtotal=quote.subtotal,
        discount=quote.discount,
        payable=quote.payable,
        lines=shown_lines(quote.lines),
        applied=[
            AppliedShown(code=each.coupon.code, discount=each.discount) for each in quote.applied
        ],
        best=BestShown(codes=list(best.codes), discount=best.discount, exact=best.exact),
        usable=[
            UsableShown(
                code=each.code,
                name=each.name,
                discount=each.discount,
                adds=each.adds,
                use_by=each.use_by,
            )
            for each in quote.usable
        ],
        unusable=[
            UnusableShown(code=each.code, reason=each.reason, short_by=each.short_by)
            for each in quote.unusable
        ],
    )


CALLS: tuple[AnyCall, ...] = (
    Call(
        method="POST",
        path="/v1/quotes",
        rule=auth.BUYER,
        handler=create,
        body=QuoteBody,
        answer=QuoteShown,
        summary="What the order costs with these coupons, and which are worth ticking",
    ),
)
