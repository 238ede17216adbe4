"""/v1/me/offers: what is kept for a student, to accept or decline."""

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
from server.api.http.fields import ResponseModel
from server.api.offers.offer_models import MyOffersQuery, OfferResponse
from server.api.offers.offers import offer_response, stores_of
from server.api.offers.prompts import WayResponse, seeker_of, way_response
from server.core.offers.offers import Offer
from server.core.refusals import Code, Refused
from server.flows.access.blocked import BlockedAs
from server.flows.coupons.issuing.drive_issuances import IssueParts
from server.flows.offers import accept_offer, end_offers, show_offers
from server.flows.offers.ways import find_ways


class MyOffersResponse(ResponseModel):
    """`offers`: what is kept for the student alone. `elsewhere`: where they could get another coupon now."""

    offers: list[OfferResponse]
    elsewhere: list[WayResponse]


async def index(deps: ApiDependencies, request: ApiRequest[NoBody, MyOffersQuery]) -> ApiResponse:
    identity, query = request.identity, request.query
    found = await show_offers.open_of_student(
        deps.ledger, identity.subject, query.course, request.now
    )
    ways = await find_ways(
        stores_of(deps, request),
        seeker_of(identity, identity.subject),
        query.course,
        request.now,
        [query.room] if query.room is not None else [],
    )
    return ApiResponse(
        MyOffersResponse(
            offers=[offer_response(one, is_own=True) for one in found],
            elsewhere=[way_response(one) for one in ways],
        )
    )


async def accept(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    identity = request.identity
    account = BlockedAs(identity.subject, identity.tags, identity.person, identity.device)
    parts = IssueParts(deps.ledger, deps.drop_desk, deps.clock, deps.time_zone)
    accepted = await accept_offer.accept(
        stores_of(deps, request), parts, request.path["id"], account, request.now
    )
    return await _respond(deps, accepted)


async def decline(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    declined = await end_offers.decline(
        stores_of(deps, request), request.path["id"], request.identity.subject, request.now
    )
    return await _respond(deps, declined)


async def mark_seen(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    seen = await show_offers.mark_seen(deps.ledger, request.path["id"], request.identity.subject)
    return await _respond(deps, seen)


async def _respond(deps: ApiDependencies, offer: Offer | Refused) -> ApiResponse | Refused:
    if isinstance(offer, Refused):
        return offer
    (shown,) = await show_offers.show(deps.ledger, [offer])
    return ApiResponse(offer_response(shown, is_own=True))


_OFFER = "/v1/me/offers/{id}"

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/me/offers",
        rule=auth.STUDENT,
        handler=index,
        query=MyOffersQuery,
        response=MyOffersResponse,
        summary="List the offers that are open for me",
    ),
    Endpoint(
        method="POST",
        path=_OFFER + "/accept",
        rule=auth.STUDENT,
        handler=accept,
        response=OfferResponse,
        summary="Accept an offer and get its coupon. Repeatable",
        refuses=(Code.WRONG_STATE, Code.BLOCKED, Code.LIMIT_REACHED, Code.IN_PROGRESS),
    ),
    Endpoint(
        method="POST",
        path=_OFFER + "/decline",
        rule=auth.STUDENT,
        handler=decline,
        response=OfferResponse,
        summary="Decline an offer. Repeatable",
        refuses=(Code.WRONG_STATE,),
    ),
    Endpoint(
        method="POST",
        path=_OFFER + "/seen",
        rule=auth.STUDENT,
        handler=mark_seen,
        response=OfferResponse,
        summary="Say that my screen has shown an offer. Repeatable",
    ),
)
