"""/v1/redemptions: lock coupons on an order, confirm or cancel it. For the school's back end.

Each request may be repeated: a lock is found by its order id, and confirming or cancelling twice has the
effect of doing it once.
"""

from typing import Annotated

from pydantic import Field

from server.api.checkout.orders import (
    OrderBody,
    QuotedLineResponse,
    TypedCodes,
    line_responses,
    order_of,
)
from server.api.checkout.quotes import GiftResponse, gift_response
from server.api.checkout.refunds import RefundResponse, refund_response
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
from server.api.http.fields import (
    Amount,
    Body,
    Instant,
    Metadata,
    Moment,
    QueryFields,
    Readable,
    ResponseModel,
    ShortText,
    Student,
    absent,
)
from server.core.checkout.redemptions import (
    LEAST_LOCK_SECONDS,
    MAX_PAYMENT_REF,
    MAX_VERSION,
    LockForm,
    Payment,
    Redemption,
)
from server.core.refusals import Code, Refused
from server.flows.checkout import confirm_payment, unlock
from server.flows.checkout import redemptions as flows


class RedemptionBody(Body):
    """`expected_payable`: the total that the student saw; if it differs, the lock is refused.
    `lock_seconds`: a shorter time to pay than the setting CLASSDROP_LOCK_SECONDS. `balance`: the most to
    take of the student's balance. `metadata`: replaces that of the lock before, also where it is absent."""

    order_id: ShortText
    student: Student
    order: OrderBody
    coupons: TypedCodes
    expected_payable: Amount | None = None
    lock_seconds: Annotated[int, Field(ge=LEAST_LOCK_SECONDS)] | None = None
    balance: Amount = 0
    metadata: Metadata | None = None


class PaymentBody(Body):
    """`paid_at` absent: now. `paid`: the sum that was paid, which must equal the lock's `payable`.
    `expected_version`: the version of the lock that was paid for; 1 where neither is sent."""

    payment_ref: (
        Annotated[str, Field(min_length=1, max_length=MAX_PAYMENT_REF), Readable] | None
    ) = None
    paid_at: Instant | None = None
    paid: Amount | None = None
    expected_version: Annotated[int, Field(ge=1, le=MAX_VERSION)] | None = None


class OrderQuery(QueryFields):
    order_id: ShortText


class RedeemedCouponResponse(ResponseModel):
    """`shares`: the part of each line, by line id. They add up to `discount`."""

    id: str
    code: str
    discount: int
    shares: dict[str, int]


class EarnedResponse(ResponseModel):
    """A rebate, credited at the payment or `days` later. `shares`, by line id, add up to `amount`."""

    coupon_id: str
    amount: int
    days: int | None = absent()
    shares: dict[str, int]


class RedemptionResponse(ResponseModel):
    """`refunded`: paid back so far, by the listed `refunds`, oldest first. `balance`: the part of `discount`
    that was taken from the student's balance."""

    id: str
    order_id: str
    student: str
    state: str
    version: int
    expires_at: Moment
    currency: str
    subtotal: int
    discount: int
    payable: int
    lines: list[QuotedLineResponse]
    coupons: list[RedeemedCouponResponse]
    gifts: list[GiftResponse]
    rebates: list[EarnedResponse]
    balance: int
    payment_ref: str | None = absent()
    paid_at: Moment | None = absent()
    refunded: int
    refunds: list[RefundResponse]
    metadata: dict[str, str]
    created_at: Moment
    updated_at: Moment


async def lock(
    deps: ApiDependencies, request: ApiRequest[RedemptionBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    form = LockForm(
        order_id=body.order_id,
        student=body.student,
        order=order_of(body.order),
        coupons=tuple(body.coupons),
        expected_payable=body.expected_payable,
        lock_seconds=body.lock_seconds,
        balance=body.balance,
        metadata=body.metadata or {},
    )
    locked = await flows.lock(
        deps.ledger, form, request.now, deps.lock_limit_ms, rules=deps.money_rules
    )
    return respond(locked, redemption_response)


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    return respond(await flows.find(deps.ledger, request.path["id"]), redemption_response)


async def show_by_order(
    deps: ApiDependencies, request: ApiRequest[NoBody, OrderQuery]
) -> ApiResponse | Refused:
    return respond(
        await flows.find_by_order(deps.ledger, request.query.order_id), redemption_response
    )


async def confirm(
    deps: ApiDependencies, request: ApiRequest[PaymentBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    payment = Payment(body.payment_ref, body.paid_at, body.paid, body.expected_version)
    return respond(
        await confirm_payment.confirm(deps.ledger, request.path["id"], payment, request.now),
        redemption_response,
    )


async def cancel(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    return respond(
        await unlock.cancel(deps.ledger, request.path["id"], request.now), redemption_response
    )


def redemption_response(redemption: Redemption) -> RedemptionResponse:
    return RedemptionResponse(
        id=redemption.id,
        order_id=redemption.order_id,
        student=redemption.student,
        state=redemption.state,
        version=redemption.version,
        expires_at=redemption.expires_at,
        currency=redemption.order.currency,
        subtotal=redemption.order.subtotal,
        discount=redemption.discount,
        payable=redemption.payable,
        lines=line_responses(redemption.lines),
        coupons=[
            RedeemedCouponResponse(
                id=coupon.coupon_id,
                code=coupon.code,
                discount=coupon.discount,
                shares=dict(coupon.line_shares),
            )
            for coupon in redemption.coupons
        ],
        gifts=[gift_response(gift) for gift in redemption.gifts],
        rebates=[
            EarnedResponse(
                coupon_id=rebate.coupon_id,
                amount=rebate.amount,
                days=rebate.days,
                shares=dict(rebate.line_shares),
            )
            for rebate in redemption.rebates
        ],
        balance=redemption.balance,
        payment_ref=redemption.payment_ref,
        paid_at=redemption.paid_at,
        refunded=redemption.refunded,
        refunds=[refund_response(each) for each in redemption.refunds],
        metadata=dict(redemption.metadata),
        created_at=redemption.created_at,
        updated_at=redemption.updated_at,
    )


_COUPON_REFUSALS = (Code.COUPON_LOCKED, Code.COUPON_UNUSABLE, Code.WRONG_STATE)

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/redemptions",
        rule=auth.SERVICE,
        handler=lock,
        body=RedemptionBody,
        response=RedemptionResponse,
        status=201,
        summary="Lock coupons on an order while its student pays; a new lock replaces the last one",
        refuses=(*_COUPON_REFUSALS, Code.TOTAL_CHANGED, Code.IN_PROGRESS),
    ),
    Endpoint(
        method="GET",
        path="/v1/redemptions",
        rule=auth.SERVICE_READ,
        handler=show_by_order,
        query=OrderQuery,
        response=RedemptionResponse,
        summary="Get the redemption of an order",
        refuses=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="GET",
        path="/v1/redemptions/{id}",
        rule=auth.SERVICE_READ,
        handler=show,
        response=RedemptionResponse,
        summary="Get a redemption",
    ),
    Endpoint(
        method="POST",
        path="/v1/redemptions/{id}/confirm",
        rule=auth.SERVICE,
        handler=confirm,
        body=PaymentBody,
        response=RedemptionResponse,
        summary="Confirm the payment of an order: its coupons are redeemed. Repeatable",
        refuses=(*_COUPON_REFUSALS, Code.TOTAL_CHANGED),
    ),
    Endpoint(
        method="POST",
        path="/v1/redemptions/{id}/cancel",
        rule=auth.SERVICE,
        handler=cancel,
        response=RedemptionResponse,
        summary="Cancel an order: its coupons can be used again. Repeatable",
        refuses=(Code.WRONG_STATE,),
    ),
)
