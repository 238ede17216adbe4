"""GET /v1/coupons: all coupons, newest first, for operators, finance and support.

A coupon's whole history is at GET /v1/coupons/{code} (api/checkout/order_records.py).
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoBody
from server.api.http.fields import FromDay, Id, Moment, ResponseModel, Student, UntilDay, absent
from server.api.http.paging import PageQuery, span_refusal
from server.core.coupons.coupons import CouponState
from server.core.identity import Role
from server.core.refusals import Refused
from server.ledger.bounded_pages import Cursor, Times
from server.ledger.coupons.coupon_list import CouponFilter, ListedCoupon, page_of_coupons

ListedState = Literal["usable", "locked", "redeemed", "expired", "released", "revoked"]
_Source = Annotated[str, StringConstraints(max_length=12, pattern=r"^[a-z_]+$")]


class CouponsQuery(PageQuery):
    """`state`: the one that a student sees. `from`, `to`: when the coupon was made; a date alone is the whole
    day. `source`: claim, link, qr, list, or that of its issuance."""

    student: Student | None = None
    batch_id: Id | None = None
    drop_id: Id | None = None
    campaign_id: Id | None = None
    source: _Source | None = None
    state: ListedState | None = None
    since: FromDay | None = Field(default=None, alias="from")
    before: UntilDay | None = Field(default=None, alias="to")


class ListedCouponResponse(ResponseModel):
    """`name`: its template's. `state`: the one that its student sees. `student` is absent for a code that
    nobody has bound. `order_id`: the order that it is on."""

    id: str
    code: str
    state: ListedState
    student: str | None = absent()
    source: str
    name: str
    batch_id: str
    template_id: str
    drop_id: str | None = absent()
    issuance_id: str | None = absent()
    order_id: str | None = absent()
    valid_from: Moment
    valid_until: Moment
    use_by: Moment
    created_at: Moment
    redeemed_at: Moment | None = absent()


class CouponPageResponse(ResponseModel):
    """A page has fewer coupons than `limit`, even none, where the filters match few of those that were looked
    at. Go on while `next` is not null."""

    coupons: list[ListedCouponResponse]
    next: str | None


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, CouponsQuery]
) -> ApiResponse | Refused:
    """Only an operator sees codes that no student has bound: whoever knows one can bind it."""
    query = request.query
    if (refusal := span_refusal(query.since, query.before)) is not None:
        return refusal
    wanted = CouponFilter(
        now=request.now,
        student=query.student,
        batch_id=query.batch_id,
        drop_id=query.drop_id,
        campaign_id=query.campaign_id,
        source=query.source,
        state=None if query.state is None else CouponState(query.state),
        has_student=request.identity.role is not Role.OPERATOR,
        times=Times(query.since, query.before),
    )
    async with deps.ledger.read() as conn:
        found, following = await page_of_coupons(conn, wanted, Cursor(query.limit, query.after))
    return ApiResponse(
        CouponPageResponse(coupons=[listed_coupon(each) for each in found], next=following)
    )


def listed_coupon(coupon: ListedCoupon) -> ListedCouponResponse:
    return ListedCouponResponse.model_validate(coupon._asdict())


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/coupons",
        rule=auth.DESK_READ,
        handler=index,
        query=CouponsQuery,
        response=CouponPageResponse,
        summary="List coupons, newest first; of a student, a batch, a drop, a campaign, in a state, of some "
        "days",
    ),
)
