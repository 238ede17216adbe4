"""GET /v1/orders/{order_id} and /v1/coupons/{code}: the whole history of an order, and of a coupon.

For operators, finance, support and the school's back end. An operator voids a coupon here.
"""

from typing import Annotated

from pydantic import Field

from server.api.checkout.redemptions import RedemptionResponse, redemption_response
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
    respond,
)
from server.api.http.fields import Body, Moment, Readable, ResponseModel, absent
from server.api.promotions.templates import TemplateResponse, template_response
from server.core.checkout.orders import LineKind, OrderLine
from server.core.checkout.paid_orders import PaidLine
from server.core.checkout.redemptions import RedeemedCoupon
from server.core.coupons.coupon_states import CouponEvent
from server.core.coupons.coupons import CouponState
from server.core.identity import Role
from server.core.refusals import Code, Refused
from server.flows.checkout import order_history as flows
from server.flows.checkout.order_history import OrderRecord
from server.flows.coupons.void_coupon import void_coupon
from server.ledger.coupons.coupon_history import CouponRecord


class LineRecordResponse(ResponseModel):
    """`amount`: the price before discounts. `discount`: the line's part of all discounts. `refunded` and
    `returned`: the money and the pieces of all refunds."""

    id: str
    kind: LineKind
    course: str | None = absent()
    quantity: int
    unit_price: int
    list_price: int | None = absent()
    amount: int
    discount: int
    payable: int
    refunded: int
    returned: int


class VoidBody(Body):
    """`reason`: kept in the log of acts."""

    reason: Annotated[str, Field(min_length=1, max_length=200), Readable]


class MoveResponse(ResponseModel):
    """A change of a coupon's state. `state`: the one after it. `order_id`: the order that the coupon was
    on."""

    at: Moment
    event: CouponEvent
    state: CouponState
    order_id: str | None = absent()


class CouponRecordResponse(ResponseModel):
    """`won_at` is present for a claim, `bound_at` for a code. `state`: the one that the student sees.
    `history`: each change of state, oldest first."""

    id: str
    code: str
    state: CouponState
    student: str | None = absent()
    source: str
    batch_id: str
    drop_id: str | None = absent()
    template: TemplateResponse
    valid_from: Moment
    valid_until: Moment
    use_by: Moment
    created_at: Moment
    won_at: Moment | None = absent()
    bound_at: Moment | None = absent()
    redeemed_at: Moment | None = absent()
    history: list[MoveResponse]


class OrderCouponResponse(ResponseModel):
    """`discount`: what the coupon took off this order. `shares`: its parts by line id."""

    discount: int
    shares: dict[str, int]
    coupon: CouponRecordResponse


class CancelledLockResponse(ResponseModel):
    """A lock that was cancelled before the order was locked again."""

    version: int
    cancelled_at: Moment
    payable: int


class OrderRecordResponse(ResponseModel):
    """`list_total`: the sum of the lines before the school's own sale prices. `cancelled_locks`: the locks
    before `redemption`, oldest first."""

    order_id: str
    list_total: int
    lines: list[LineRecordResponse]
    coupons: list[OrderCouponResponse]
    redemption: RedemptionResponse
    cancelled_locks: list[CancelledLockResponse]


async def show_order(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    found = await flows.show_order(deps.ledger, request.path["order_id"])
    return respond(found, lambda record: _order_response(record, request.now))


async def show_coupon(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    """Only an operator sees a coupon that no student has bound: whoever knows its code can bind it."""
    found = await flows.show_coupon(deps.ledger, request.path["code"])
    if isinstance(found, Refused):
        return found
    if found.coupon.student is None and request.identity.role is not Role.OPERATOR:
        return Refused(Code.NOT_FOUND)
    return ApiResponse(_coupon_response(found, request.now))


async def void(
    deps: ApiDependencies, request: ApiRequest[VoidBody, NoQuery]
) -> ApiResponse | Refused:
    actor, code = request.identity.subject, request.path["code"]
    voided = await void_coupon(deps.ledger, actor, code, request.body.reason, request.now)
    if isinstance(voided, Refused):
        return voided
    found = await flows.show_coupon(deps.ledger, voided.code)
    return respond(found, lambda record: _coupon_response(record, request.now))


def _order_response(record: OrderRecord, now: int) -> OrderRecordResponse:
    redemption = record.redemption
    ordered = {line.id: line for line in redemption.order.lines}
    return OrderRecordResponse(
        order_id=redemption.order_id,
        list_total=record.list_total,
        lines=[_line_response(ordered[line.id], line) for line in record.lines],
        coupons=[
            _order_coupon_response(frozen, coupon, now)
            for frozen, coupon in zip(redemption.coupons, record.coupons, strict=True)
        ],
        redemption=redemption_response(redemption),
        cancelled_locks=[
            CancelledLockResponse(
                version=each.version, cancelled_at=each.cancelled_at, payable=each.payable
            )
            for each in record.cancelled
        ],
    )


def _line_response(ordered: OrderLine, paid: PaidLine) -> LineRecordResponse:
    return LineRecordResponse(
        id=paid.id,
        kind=ordered.kind,
        course=ordered.course,
        quantity=ordered.quantity,
        unit_price=ordered.unit_price,
        list_price=ordered.list_price,
        amount=paid.amount,
        discount=paid.amount - paid.payable,
        payable=paid.payable,
        refunded=paid.refunded,
        returned=paid.returned,
    )


def _order_coupon_response(
    frozen: RedeemedCoupon, record: CouponRecord, now: int
) -> OrderCouponResponse:
    return OrderCouponResponse(
        discount=frozen.discount,
        shares=dict(frozen.line_shares),
        coupon=_coupon_response(record, now),
    )


def _coupon_response(record: CouponRecord, now: int) -> CouponRecordResponse:
    coupon = record.coupon
    return CouponRecordResponse(
        id=coupon.id,
        code=coupon.code,
        state=coupon.seen_at(now),
        student=coupon.student,
        source=record.source,
        batch_id=coupon.batch_id,
        drop_id=coupon.drop_id,
        template=template_response(coupon.template),
        valid_from=coupon.valid_from,
        valid_until=coupon.valid_until,
        use_by=coupon.use_by,
        created_at=coupon.created_at,
        won_at=record.won_at,
        bound_at=record.bound_at,
        redeemed_at=coupon.redeemed_at,
        history=[
            MoveResponse(
                at=move.at,
                event=move.event,
                state=move.target,
                order_id=record.orders.get(move.redemption_id or ""),
            )
            for move in record.moves
        ],
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/orders/{order_id}",
        rule=auth.ORDER_READ,
        handler=show_order,
        response=OrderRecordResponse,
        summary="Get an order with its list price, coupons, shares, payment, refunds and all times",
        refuses=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="GET",
        path="/v1/coupons/{code}",
        rule=auth.DESK_READ,
        handler=show_coupon,
        response=CouponRecordResponse,
        summary="Get any coupon with its whole history",
        refuses=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="POST",
        path="/v1/coupons/{code}/void",
        rule=auth.OPERATOR,
        handler=void,
        body=VoidBody,
        response=CouponRecordResponse,
        summary="Take a coupon out of use, whoever has it; its unit is used up. Repeatable",
        refuses=(Code.NOT_FOUND, Code.COUPON_LOCKED, Code.WRONG_STATE),
    ),
)
