"""/v1/rooms/{room}/drops: what a teacher does in a live class, and sees of it.

Every change answers with the drop as it is then. The order of hops behind a change, and what happens
when one of them fails, is in flows/drops/drop_service.py.
"""

from typing import Any

from server.api.drops.drop_responses import (
    AudienceResponse,
    DropBody,
    DropClaimPageResponse,
    DropClaimResponse,
    DropClaimsQuery,
    DropPageResponse,
    DropResponse,
    ExtendBody,
    TopUpBody,
)
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
from server.api.http.paging import PageQuery, first_page
from server.api.promotions.batches import claim_conditions_response
from server.core.drops.claims import Audience
from server.core.drops.drop_rules import DropForm
from server.core.refusals import Code, Refused
from server.flows.drops.drop_service import DropService
from server.flows.drops.drop_view import DropView
from server.ledger.drops.drop_results import DropClaim


async def create(
    deps: ApiDependencies, request: ApiRequest[DropBody, NoQuery]
) -> ApiResponse | Refused:
    return _respond(
        await _drops(deps, request).create(
            request.path["room"], _form(request.body), request.key, request.now
        )
    )


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    limit = request.query.limit
    found = await _drops(deps, request).list_for_room(
        request.path["room"], limit + 1, request.query.after, request.now
    )
    if isinstance(found, Refused):
        return found
    drops, following = first_page(found, limit)
    return ApiResponse(
        DropPageResponse(drops=[_to_response(drop) for drop in drops], next=following)
    )


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    drop_id, room = request.path["id"], request.path["room"]
    return _respond(await _drops(deps, request).get(drop_id, room, request.now))


async def open_prepared(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    drop_id, room = request.path["id"], request.path["room"]
    return _respond(await _drops(deps, request).open(drop_id, room, request.now))


async def close(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    drop_id, room = request.path["id"], request.path["room"]
    return _respond(await _drops(deps, request).close(drop_id, room, request.now))


async def top_up(
    deps: ApiDependencies, request: ApiRequest[TopUpBody, NoQuery]
) -> ApiResponse | Refused:
    drop_id, room, body = request.path["id"], request.path["room"], request.body
    return _respond(
        await _drops(deps, request).top_up(
            drop_id, room, body.add, body.expected_quantity, request.now
        )
    )


async def extend(
    deps: ApiDependencies, request: ApiRequest[ExtendBody, NoQuery]
) -> ApiResponse | Refused:
    drop_id, room, body = request.path["id"], request.path["room"], request.body
    return _respond(
        await _drops(deps, request).extend(
            drop_id, room, body.seconds, body.expected_closes_at, request.now
        )
    )


async def claims(
    deps: ApiDependencies, request: ApiRequest[NoBody, DropClaimsQuery]
) -> ApiResponse | Refused:
    drop_id, room, query = request.path["id"], request.path["room"], request.query
    found = await _drops(deps, request).claims(
        drop_id, room, query.student, query.limit + 1, query.after
    )
    if isinstance(found, Refused):
        return found
    page, following = first_page(found, query.limit)
    return ApiResponse(
        DropClaimPageResponse(claims=[_claim_response(claim) for claim in page], next=following)
    )


def _drops(deps: ApiDependencies, request: ApiRequest[Any, Any]) -> DropService:
    return DropService(deps.ledger, deps.drop_desk, deps.feed, request.identity.subject)


def _form(body: DropBody) -> DropForm:
    named = body.audience
    audience = Audience(frozenset(named.tags), frozenset(named.students)) if named else Audience()
    return DropForm(
        batch_id=body.batch_id,
        quantity=body.quantity,
        duration_seconds=body.duration_seconds,
        message=body.message or "",
        start=body.start,
        opens_in_seconds=body.opens_in_seconds,
        audience=audience,
        mode=body.mode,
        metadata=body.metadata or {},
    )


def _respond(found: DropView | Refused) -> ApiResponse | Refused:
    return found if isinstance(found, Refused) else ApiResponse(_to_response(found))


# Fields that a view and its answer have alike.
_ALIKE = frozenset(DropResponse.model_fields) - {"audience", "claim_conditions", "metadata"}


def _to_response(view: DropView) -> DropResponse:
    alike = {name: getattr(view, name) for name in _ALIKE}
    audience = None if view.audience.is_everybody else _audience_response(view.audience)
    conditions = claim_conditions_response(view.conditions)
    return DropResponse(
        **alike, audience=audience, claim_conditions=conditions, metadata=dict(view.metadata)
    )


def _audience_response(audience: Audience) -> AudienceResponse:
    return AudienceResponse(tags=sorted(audience.tags), students=sorted(audience.students))


def _claim_response(claim: DropClaim) -> DropClaimResponse:
    return DropClaimResponse(
        student=claim.student,
        state=claim.state,
        won_at=claim.won_at,
        confirmed_at=claim.confirmed_at,
    )


_ROOM = "/v1/rooms/{room}/drops"
_DROP = _ROOM + "/{id}"
_STOCK = (Code.STOCK_SHORT, Code.WRONG_STATE)
_CHANGE = (Code.WRONG_STATE, Code.IN_PROGRESS)

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path=_ROOM,
        rule=auth.INSTRUCTOR,
        handler=create,
        body=DropBody,
        response=DropResponse,
        status=201,
        summary="Drop part of a batch into the room, now or prepared for later",
        refuses=(*_STOCK, Code.TOO_MANY),
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path=_ROOM,
        rule=auth.INSTRUCTOR_READ,
        handler=index,
        query=PageQuery,
        response=DropPageResponse,
        summary="The room's drops, newest first, with live counts",
    ),
    Endpoint(
        method="GET",
        path=_DROP,
        rule=auth.INSTRUCTOR_READ,
        handler=show,
        response=DropResponse,
        summary="A drop with its live counts",
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/open",
        rule=auth.INSTRUCTOR,
        handler=open_prepared,
        response=DropResponse,
        summary="Open a prepared drop. Repeatable",
        refuses=(*_STOCK, Code.INVALID_FIELD),
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/close",
        rule=auth.INSTRUCTOR,
        handler=close,
        response=DropResponse,
        summary="End it; what nobody claimed goes back to the batch. Repeatable",
        refuses=(Code.IN_PROGRESS,),
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/top-up",
        rule=auth.INSTRUCTOR,
        handler=top_up,
        body=TopUpBody,
        response=DropResponse,
        summary="More units of the same batch",
        refuses=(*_CHANGE, Code.STOCK_SHORT),
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/extend",
        rule=auth.INSTRUCTOR,
        handler=extend,
        body=ExtendBody,
        response=DropResponse,
        summary="A later end",
        refuses=_CHANGE,
    ),
    Endpoint(
        method="GET",
        path=_DROP + "/claims",
        rule=auth.INSTRUCTOR_READ,
        handler=claims,
        query=DropClaimsQuery,
        response=DropClaimPageResponse,
        summary="Who has won, newest first",
    ),
)
