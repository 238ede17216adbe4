"""/v1/orders/{order_id}/refunds: a paid order is paid back, for the school's back end, which moves the money.

May be sent again: the same `refund_id` has the same answer. Shown besides with the redemption.
"""

from typing import Annotated, Literal

from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoQuery
from server.api.http.fields import Body, Moment, ResponseModel, ShortText, absent
from server.core.checkout.orders import MAX_LINES, MAX_QUANTITY
from server.core.checkout.refunds import Refund, RefundForm, RequestedLine
from server.core.money import MAX_MINOR
from server.core.refusals import Code, Refused
from server.flows.checkout import refunds as flows


class RefundLineBody(Body):
    """So many pieces or so much money; neither: all that is left of the line."""

    id: ShortText
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] | None = None
    amount: Annotated[int, Field(ge=1, le=MAX_MINOR)] | None = None


class RefundBody(Body):
    """`lines` absent: all that is left of the order. `preview`: only say what the refund would come to."""

    refund_id: ShortText
    lines: Annotated[list[RefundLineBody], Field(max_length=MAX_LINES)] | None = None
    preview: bool = False


class RefundedLineResponse(ResponseModel):
    """`refunded`: by this refund; `quantity`: pieces that came back with it; `refundable`: left."""

    id: str
    refunded: int
    quantity: int
    refundable: int


class CouponOfRefundResponse(ResponseModel):
    """Its state after the refund: `expired` where it went back and its window was over. `reason`
    `budget_short`: it would have gone back, but its campaign's budget has no room for a second use."""

    code: str
    state: str
    reason: Literal["budget_short"] | None = absent()


class RefundResponse(ResponseModel):
    """`refunded`: to be paid back now: the lines' `refunded` together, less `charged_back`, which is below
    zero where an earlier charge is given up. `total`: of the order, with all refunds before. `balance`: given
    back to the student's account besides."""

    refund_id: str
    refunded: int
    charged_back: int
    total: int
    balance: int
    lines: list[RefundedLineResponse]
    coupons: list[CouponOfRefundResponse]
    created_at: Moment


async def create(
    deps: ApiDependencies, request: ApiRequest[RefundBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    lines = None
    if body.lines is not None:
        lines = tuple(RequestedLine(line.id, line.quantity, line.amount) for line in body.lines)
    form = RefundForm(body.refund_id, lines)
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
        created_at=refund.created_at,
    )


def _coupon_response(refund: Refund, code: str, state: str) -> CouponOfRefundResponse:
    reason: Literal["budget_short"] | None = "budget_short" if code in refund.no_room else None
    return CouponOfRefundResponse(code=code, state=state, reason=reason)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/orders/{order_id}/refunds",
        rule=auth.SERVICE,
        handler=create,
        body=RefundBody,
        response=RefundResponse,
        status=201,
        summary="Pay back a paid order, whole or in parts, once for each refund_id; or preview it (200)",
        refuses=(
            Code.NOT_FOUND,
            Code.WRONG_STATE,
            Code.REFUND_TOO_LARGE,
            Code.IDEMPOTENCY_MISMATCH,
        ),
    ),
)
