"""/v1/orders/{order_id}/refunds: compute and record a refund. For the school's back end, which pays it; and
for operators, whose refund the back end pays when it hears of it (`redemption.refunded`). Support previews.

A request may be repeated: the same `refund_id` gets the same response. The refunds of an order are also in
its redemption.
"""

from typing import Annotated, Literal

from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoQuery
from server.api.http.fields import Body, Metadata, Moment, ResponseModel, ShortText, absent
from server.core.checkout.orders import MAX_LINES, MAX_QUANTITY
from server.core.checkout.refunds import Refund, RefundForm, RequestedLine
from server.core.identity import Role
from server.core.money import MAX_MINOR
from server.core.refusals import Code, Refused
from server.flows.checkout import refunds as flows


class RefundLineBody(Body):
    """`quantity` pieces, or `amount` of money. Neither: everything that is left of the line."""

    id: ShortText
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] | None = None
    amount: Annotated[int, Field(ge=1, le=MAX_MINOR)] | None = None


class RefundBody(Body):
    """`lines` absent: everything that is left of the order. `preview`: compute the refund, record nothing."""

    refund_id: ShortText
    lines: Annotated[list[RefundLineBody], Field(max_length=MAX_LINES)] | None = None
    preview: bool = False
    metadata: Metadata | None = None


class RefundedLineResponse(ResponseModel):
    """`refunded`, `quantity`: the sum and the pieces of this refund. `refundable`: the sum that is left."""

    id: str
    refunded: int
    quantity: int
    refundable: int


class CouponOfRefundResponse(ResponseModel):
    """`state`: that of the coupon after the refund; `expired` where it was returned after its window.
    `reason` `budget_short`: it was not returned, because its campaign's budget does not cover another use."""

    code: str
    state: str
    reason: Literal["budget_short"] | None = absent()


class RefundResponse(ResponseModel):
    """`refunded`: the sum to pay now, which is the sum of the lines' `refunded` minus `charged_back`.
    `charged_back` is below zero where an earlier charge is cancelled. `total`: all refunds of the order so
    far. `balance`: the sum that is returned to the student's balance in addition."""

    refund_id: str
    refunded: int
    charged_back: int
    total: int
    balance: int
    lines: list[RefundedLineResponse]
    coupons: list[CouponOfRefundResponse]
    metadata: dict[str, str]
    created_at: Moment


async def create(
    deps: ApiDependencies, request: ApiRequest[RefundBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    if request.identity.role is Role.SUPPORT and not body.preview:
        return Refused(Code.WRONG_ROLE, "support previews refunds only")
    lines = None
    if body.lines is not None:
        lines = tuple(RequestedLine(line.id, line.quantity, line.amount) for line in body.lines)
    form = RefundForm(body.refund_id, lines, body.metadata or {})
    flow = flows.preview if body.preview else flows.refund
    made = await flow(
        deps.ledger, request.identity.subject, request.path["order_id"], form, request.now
    )
    if isinstance(made, Refused):
        return made
    return ApiResponse(refund_response(made), status=200 if body.preview else None)


def refund_response(refund: Refund) -> RefundResponse:
    return RefundResponse(
        refund_id=refund.refund_id,
        refunded=refund.refunded,
        charged_back=refund.charged_back,
        total=refund.total,
        balance=refund.balance,
        lines=[
            RefundedLineResponse(
                id=line.id,
                refunded=line.refunded,
                quantity=line.quantity,
                refundable=line.refundable,
            )
            for line in refund.lines
        ],
        coupons=[_coupon_response(refund, code, state) for code, state in refund.coupons],
        metadata=dict(refund.metadata),
        created_at=refund.created_at,
    )


def _coupon_response(refund: Refund, code: str, state: str) -> CouponOfRefundResponse:
    reason: Literal["budget_short"] | None = "budget_short" if code in refund.no_room else None
    return CouponOfRefundResponse(code=code, state=state, reason=reason)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/orders/{order_id}/refunds",
        rule=auth.REFUNDER,
        handler=create,
        body=RefundBody,
        response=RefundResponse,
        status=201,
        summary="Refund a paid order, whole or in part, once for each refund_id; or preview it (200)",
        refuses=(
            Code.NOT_FOUND,
            Code.WRONG_STATE,
            Code.REFUND_TOO_LARGE,
            Code.IDEMPOTENCY_MISMATCH,
        ),
    ),
)
