"""/v1/rooms/{room}/offers: a teacher, or an assistant, keeps a coupon for single students."""

from typing import Any

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
)
from server.api.http.paging import first_page
from server.api.offers.offer_models import (
    OfferBody,
    OfferCouponResponse,
    OfferPageResponse,
    OfferResponse,
    OffersMadeResponse,
    OffersQuery,
    RefusedOfferResponse,
)
from server.api.promotions.templates import template_response
from server.core.coupons.coupons import Coupon
from server.core.ids import BatchId, StudentId
from server.core.offers.offers import OfferForm
from server.core.refusals import Code, Refused
from server.core.violations import Violation, refused
from server.flows.offers import end_offers, make_offers, rosters, show_offers
from server.flows.offers.show_offers import ShownOffer
from server.flows.stores import Stores


async def create(
    deps: ApiDependencies, request: ApiRequest[OfferBody, NoQuery]
) -> ApiResponse | Refused:
    body, room = request.body, request.path["room"]
    students = await _students(deps, room, body)
    if isinstance(students, Refused):
        return students
    form = OfferForm(
        batch_id=BatchId(body.batch_id),
        students=tuple(students),
        expires_in_seconds=body.expires_in_seconds,
        course=body.course,
        message=body.message or "",
        tag=body.tag,
        metadata=body.metadata or {},
    )
    made = await make_offers.make_offers(
        stores_of(deps, request), room, form, request.key, request.now
    )
    if isinstance(made, Refused):
        return made
    shown = await show_offers.show(deps.ledger, made.offers)
    return ApiResponse(
        OffersMadeResponse(
            offers=[offer_response(one) for one in shown],
            refused=[
                RefusedOfferResponse(student=student, code=code)
                for student, code in made.refused.items()
            ],
        )
    )


async def _students(deps: ApiDependencies, room: str, body: OfferBody) -> list[StudentId] | Refused:
    """Return whom the body means: those it names, or those who are here and have its tag."""
    if body.students is None and body.tag is None:
        return refused([Violation("students", "required")])
    if body.students is not None and body.tag is not None:
        return refused([Violation("tag", "conflict")])
    if body.students is not None:
        return [StudentId(one) for one in body.students]
    assert body.tag is not None
    return await rosters.with_tag(deps.feed, room, body.tag)


async def index(deps: ApiDependencies, request: ApiRequest[NoBody, OffersQuery]) -> ApiResponse:
    query = request.query
    found = await show_offers.page_of_room(
        deps.ledger, request.path["room"], query.state, query.after, query.limit + 1
    )
    page, following = first_page(found, query.limit)
    return ApiResponse(
        OfferPageResponse(offers=[offer_response(one) for one in page], next=following)
    )


async def withdraw(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    ended = await end_offers.withdraw(
        stores_of(deps, request), request.path["id"], request.path["room"], request.now
    )
    if isinstance(ended, Refused):
        return ended
    (shown,) = await show_offers.show(deps.ledger, [ended])
    return ApiResponse(offer_response(shown))


def stores_of(deps: ApiDependencies, request: ApiRequest[Any, Any]) -> Stores:
    """Return the stores on behalf of whoever has sent the request."""
    return Stores(deps.ledger, deps.drop_desk, deps.feed, request.identity.subject)


def offer_response(shown: ShownOffer, *, is_own: bool = False) -> OfferResponse:
    """Return an offer as JSON; the code of its coupon only to its student (`is_own`), the metadata only to
    the school."""
    offer = shown.offer
    return OfferResponse(
        id=offer.id,
        room=offer.room,
        batch_id=offer.batch_id,
        student=offer.student,
        state=offer.state,
        course=offer.course,
        message=offer.message,
        expires_at=offer.expires_at,
        created_at=offer.created_at,
        ended_at=offer.ended_at,
        coupon_id=offer.coupon_id,
        template=template_response(shown.template),
        coupon=_coupon(shown.coupon) if is_own and shown.coupon is not None else None,
        metadata=None if is_own else dict(offer.metadata),
    )


def _coupon(coupon: Coupon) -> OfferCouponResponse:
    return OfferCouponResponse(
        id=coupon.id,
        code=coupon.code,
        valid_from=coupon.valid_from,
        valid_until=coupon.valid_until,
        use_by=coupon.use_by,
    )


_ROOM = "/v1/rooms/{room}/offers"

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path=_ROOM,
        rule=auth.ASSISTANT,
        handler=create,
        body=OfferBody,
        response=OffersMadeResponse,
        status=201,
        summary="Keep a coupon for each of some students, to accept or decline",
        refuses=(Code.STOCK_SHORT, Code.WRONG_STATE, Code.INSTRUCTOR_STOPPED, Code.TOO_MANY),
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path=_ROOM,
        rule=auth.ASSISTANT_READ,
        handler=index,
        query=OffersQuery,
        response=OfferPageResponse,
        summary="List the room's offers, newest first",
    ),
    Endpoint(
        method="POST",
        path=_ROOM + "/{id}/withdraw",
        rule=auth.ASSISTANT,
        handler=withdraw,
        response=OfferResponse,
        summary="Withdraw an offer that is open. Repeatable",
        refuses=(Code.WRONG_STATE,),
    ),
)
