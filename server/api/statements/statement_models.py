"""The shapes of statements: lines, sealed days, and a match with a payment provider's orders."""

from typing import Annotated, Literal

from pydantic import Field

from server.api.http.fields import (
    Amount,
    Body,
    Currency,
    Day,
    Moment,
    QueryFields,
    ResponseModel,
    ShortText,
)
from server.core.statements.days import COLUMNS, values
from server.core.statements.lines import LineKind, StatementLine
from server.flows.statements.read_statements import Amounts, Match
from server.ledger.statements.days import SealedDay

MAX_ORDERS = 20_000


class DaysQuery(QueryFields):
    """`from` and `to`: days in the school's time zone, both included; 400 at most. Without `to`: until today;
    without `from`: the 400 days before."""

    from_day: Annotated[Day | None, Field(alias="from")] = None
    to_day: Annotated[Day | None, Field(alias="to")] = None


class LinesQuery(QueryFields):
    """`from` and `to`: as in DaysQuery, and both are needed. `format`: all but `json` are files with all
    lines. `limit` and `after` are for `json`."""

    from_day: Annotated[Day, Field(alias="from")]
    to_day: Annotated[Day, Field(alias="to")]
    format: Literal["json", "csv", "xlsx", "ndjson"] = "json"
    limit: Annotated[int, Field(ge=1, le=1_000)] = 50
    after: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d\.\d{1,18}\.\d{1,9}$")] | None = None


class StatementLineResponse(ResponseModel):
    """`list_price` and `sale_price`: of one piece. `share`: what the coupon took off this order line; without
    a coupon, what the student's balance paid. Where several coupons have a part in an order line, the first
    of its lines has `paid` and `quantity`. `for_date`: the sealed day that an adjustment belongs to."""

    date: str
    kind: LineKind
    order: str
    line: str | None
    course: str | None
    currency: Currency
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


class StatementPageResponse(ResponseModel):
    lines: list[StatementLineResponse]
    next: str | None


class TotalsResponse(ResponseModel):
    share: int
    paid: int
    refunded: int


class SealedDayResponse(ResponseModel):
    """`sha256`: the hash of `prev_sha256`, the date and the day's lines as NDJSON, each followed by a line
    feed. A day that is closed and not hashed yet has nulls."""

    date: str
    is_sealed: bool
    sealed_at: Moment | None
    lines: int | None
    totals: dict[str, TotalsResponse] | None
    sha256: str | None
    prev_sha256: str | None


class SealedDaysResponse(ResponseModel):
    days: list[SealedDayResponse]


class ProviderOrderBody(Body):
    """`order`: the school's order id."""

    order: ShortText
    paid: Amount
    refunded: Amount = 0


class MatchBody(Body):
    """The orders of a payment provider's file for these days, each once."""

    from_day: Annotated[str, Field(alias="from", pattern=r"^\d{4}-\d\d-\d\d$")]
    to_day: Annotated[str, Field(alias="to", pattern=r"^\d{4}-\d\d-\d\d$")]
    orders: Annotated[list[ProviderOrderBody], Field(max_length=MAX_ORDERS)]


class MatchedOrderResponse(ResponseModel):
    order: str
    paid: int
    refunded: int


class DifferentOrderResponse(ResponseModel):
    """`their_paid` and `their_refunded`: as the provider has it."""

    order: str
    paid: int
    refunded: int
    their_paid: int
    their_refunded: int


class MatchResponse(ResponseModel):
    """Each list has the first 1,000 orders by their id; the totals count all."""

    equal: int
    different_total: int
    only_here_total: int
    only_there_total: int
    different: list[DifferentOrderResponse]
    only_here: list[MatchedOrderResponse]
    only_there: list[MatchedOrderResponse]


def line_response(line: StatementLine) -> StatementLineResponse:
    return StatementLineResponse.model_validate(dict(zip(COLUMNS, values(line), strict=True)))


def day_response(day: SealedDay) -> SealedDayResponse:
    totals = None
    if day.totals is not None:
        totals = {
            currency: TotalsResponse(share=of.share, paid=of.paid, refunded=of.refunded)
            for currency, of in day.totals.items()
        }
    return SealedDayResponse(
        date=day.date,
        is_sealed=day.sealed_at is not None,
        sealed_at=day.sealed_at,
        lines=day.lines,
        totals=totals,
        sha256=day.sha256,
        prev_sha256=day.prev_sha256,
    )


def match_response(found: Match) -> MatchResponse:
    return MatchResponse(
        equal=found.equal,
        different_total=found.counts["different"],
        only_here_total=found.counts["only_here"],
        only_there_total=found.counts["only_there"],
        different=[
            DifferentOrderResponse(
                order=order,
                paid=ours.paid,
                refunded=ours.refunded,
                their_paid=theirs.paid,
                their_refunded=theirs.refunded,
            )
            for order, ours, theirs in found.different
        ],
        only_here=[_matched(order, amounts) for order, amounts in found.only_here],
        only_there=[_matched(order, amounts) for order, amounts in found.only_there],
    )


def _matched(order: str, amounts: Amounts) -> MatchedOrderResponse:
    return MatchedOrderResponse(order=order, paid=amounts.paid, refunded=amounts.refunded)
