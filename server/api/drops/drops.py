"""/v1/rooms/{room}/drops: what a teacher does in a live class, and sees of it.

Every change answers with the drop as it is then. The order of hops behind a change, and what happens
when one of them fails, is in flows/drops/drop_service.py.
"""

from typing import Any

from server.api.drops.drop_responses import (
    AudienceResponse,
    DropBody,
    DropClaimPage,
    DropClaimResponse,
    DropClaimsQuery,
    DropPage,
    DropResponse,
    ExtendBody,
    TopUpBody,
)
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyCall, ApiRequest, ApiResponse, Endpoint, NoBody, NoQuery
from server.api.http.paging import PageQuery, first_page
from server.api.promotions.batches import shown_conditions
from server.core.drops.claims import Audience
from server.core.drops.drop_rules import DropForm
from server.core.refusals import Code, Refused
from server.flows.drops.drop_service import DropService
from server.flows.drops.drop_view import DropView
from server.ledger.drops.drop_results import DropClaim


async def create(
    parts: ApiDependencies, asked: ApiRequest[DropBody, NoQuery]
) -> ApiResponse | Refused:
    return _answer(
        await _drops(parts, asked).create(
            asked.path["room"], _form(asked.body), asked.key, asked.now
        )
    )


async def index(
    parts: ApiDependencies, asked: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    limit = asked.query.limit
    found = await _drops(parts, asked).list_for_room(
        asked.path["room"], limit + 1, asked.query.after, asked.now
    )
    if isinstance(found, Refused):
        return found
    drops, following = first_page(found, limit)
    return ApiResponse(DropPage(drops=[_shown(drop) for drop in drops], next=following))


async def show(parts: ApiDependencies, asked: ApiRequest[NoBody, NoQuery]) -> ApiResponse | Refused:
    drop_id, room = asked.path["id"], asked.path["room"]
    return _answer(await _drops(parts, asked).get(drop_id, room, asked.now))


async def open_prepared(
    parts: ApiDependencies, asked: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    drop_id, room = asked.path["id"], asked.path["room"]
    return _answer(await _drops(parts, asked).open(drop_id, room, asked.now))


async def close(
    parts: ApiDependencies, asked: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    drop_id, room = asked.path["id"], asked.path["room"]
    return _answer(await _drops(parts, asked).close(drop_id, room, asked.now))


async def top_up(
    parts: ApiDependencies, asked: ApiRequest[TopUpBody, NoQuery]
) -> ApiResponse | Refused:
    drop_id, room, body = asked.path["id"], asked.path["room"], asked.body
    return _answer(
        await _drops(parts, asked).top_up(
            drop_id, room, body.add, body.expected_quantity, asked.now
        )
    )


async def extend(
    parts: ApiDependencies, asked: ApiRequest[ExtendBody, NoQuery]
) -> ApiResponse | Refused:
    drop_id, room, body = asked.path["id"], asked.path["room"], asked.body
    return _answer(
        await _drops(parts, asked).extend(
            drop_id, room, body.seconds, body.expected_closes_at, asked.now
        )
    )


async def claims(
    parts: ApiDependencies, asked: ApiRequest[NoBody, DropClaimsQuery]
) -> ApiResponse | Refused:
    drop_id, room, query = asked.path["id"], asked.path["room"], asked.query
    found = await _drops(parts, asked).claims(
        drop_id, room, query.student, query.limit + 1, query.after
    )
    if isinstance(found, Refused):
        return found
    page, following = first_page(found, query.limit)
    return ApiResponse(
        DropClaimPage(claims=[_shown_claim(claim) for claim in page], next=following)
    )


def _drops(parts: ApiDependencies, asked: ApiRequest[Any, Any]) -> DropService:
    return DropService(parts.ledger, parts.drop_desk, parts.feed, asked.identity.subject)


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


def _answer(found: DropView | Refused) -> ApiResponse | Refused:
    return found if isinstance(found, Refused) else ApiResponse(_shown(found))


# Fields that a view and its answer have alike.
_ALIKE = frozenset(DropResponse.model_fields) - {"audience", "claim_conditions", "metadata"}


def _shown(view: DropView) -> DropResponse:
    alike = {name: getattr(view, name) for name in _ALIKE}
    audience = None if view.audience.is_everybody else _shown_audience(view.audience)
    conditions = shown_conditions(view.conditions)
    return DropResponse(
        **alike, audience=audience, claim_conditions=conditions, metadata=dict(view.metadata)
    )


def _shown_audience(audience: Audience) -> AudienceResponse:
    return AudienceResponse(tags=sorted(audience.tags), students=sorted(audience.students))


def _shown_claim(claim: DropClaim) -> DropClaimResponse:
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

CALLS: tuple[AnyCall, ...] = (
    Endpoint(
        method="POST",
        path=_ROOM,
        rule=auth.INSTRUCTOR,
        handler=create,
        body=DropBody,
        answer=DropResponse,
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
        answer=DropPage,
        summary="The room's drops, newest first, with live counts",
    ),
    Endpoint(
        method="GET",
        path=_DROP,
        rule=auth.INSTRUCTOR_READ,
        handler=show,
        answer=DropResponse,
        summary="A drop with its live counts",
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/open",
        rule=auth.INSTRUCTOR,
        handler=open_prepared,
        answer=DropResponse,
        summary="Open a prepared drop. Repeatable",
        refuses=(*_STOCK, Code.INVALID_FIELD),
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/close",
        rule=auth.INSTRUCTOR,
        handler=close,
        answer=DropResponse,
        summary="End it; what nobody claimed goes back to the batch. Repeatable",
        refuses=(Code.IN_PROGRESS,),
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/top-up",
        rule=auth.INSTRUCTOR,
        handler=top_up,
        body=TopUpBody,
        answer=DropResponse,
        summary="More units of the same batch",
        refuses=(*_CHANGE, Code.STOCK_SHORT),
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/extend",
        rule=auth.INSTRUCTOR,
        handler=extend,
        body=ExtendBody,
        answer=DropResponse,
        summary="A later end",
        refuses=_CHANGE,
    ),
    Endpoint(
        method="GET",
        path=_DROP + "/claims",
        rule=auth.INSTRUCTOR_READ,
        handler=claims,
        query=DropClaimsQuery,
        answer=DropClaimPage,
        summary="Who has won, newest first",
    ),
)
