"""GET /v1/orders: all orders, newest first, for operators, finance and support. order_records.py has one."""

from typing import Literal

from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoBody
from server.api.http.fields import FromDay, Id, Moment, ResponseModel, Student, UntilDay, absent
from server.api.http.paging import PageQuery, span_refusal
from server.core.refusals import Refused
from server.ledger.bounded_pages import Cursor, Times
from server.ledger.checkout.order_list import ListedOrder, OrderFilter, page_of_orders

OrderState = Literal["locked", "redeemed", "cancelled", "expired"]


class OrdersQuery(PageQuery):
    """`from`, `to`: when the order was first locked; a date alone is the whole day. `batch_id`: orders with a
    coupon of this batch."""

    student: Student | None = None
    state: OrderState | None = None
    batch_id: Id | None = None
    since: FromDay | None = Field(default=None, alias="from")
    before: UntilDay | None = Field(default=None, alias="to")


class ListedOrderResponse(ResponseModel):
    """`id`: the redemption's. `refunded`: the sum of all refunds. `codes`: of the coupons on it."""

    id: str
    order_id: str
    student: str
    state: OrderState
    currency: str
    subtotal: int
    discount: int
    payable: int
    refunded: int
    codes: list[str]
    payment_ref: str | None = absent()
    created_at: Moment
    paid_at: Moment | None = absent()
    expires_at: Moment


class OrderPageResponse(ResponseModel):
    """A page has fewer orders than `limit`, even none, where the filters match few of those that were looked
    at. Go on while `next` is not null."""

    orders: list[ListedOrderResponse]
    next: str | None


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, OrdersQuery]
) -> ApiResponse | Refused:
    query = request.query
    if (refusal := span_refusal(query.since, query.before)) is not None:
        return refusal
    times = Times(query.since, query.before)
    wanted = OrderFilter(query.student, query.state, query.batch_id, times)
    async with deps.ledger.read() as conn:
        found, following = await page_of_orders(conn, wanted, Cursor(query.limit, query.after))
    return ApiResponse(
        OrderPageResponse(orders=[listed_order(each) for each in found], next=following)
    )


def listed_order(order: ListedOrder) -> ListedOrderResponse:
    return ListedOrderResponse.model_validate(order._asdict())


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/orders",
        rule=auth.DESK_READ,
        handler=index,
        query=OrdersQuery,
        response=OrderPageResponse,
        summary="List orders, newest first; of a student, in a state, with a coupon of a batch, of some days",
    ),
)
