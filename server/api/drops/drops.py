"""/v1/rooms/{room}/drops: what a teacher does in a live class, and the counts they watch.

Every change responds with the drop after it. The steps of a change across ledger, desk and feed, and what
happens when one of them fails, are in flows/drops/drop_service.py.
"""

from typing import Any

from server.api.drops.drop_models import (
    AudienceBody,
    ClosesAt,
    DropBody,
    DropClaimPageResponse,
    DropClaimResponse,
    DropClaimsQuery,
    DropPageResponse,
    DropResponse,
    DropsQuery,
    ExtendBody,
    TopUpBody,
)
from server.api.drops.task_models import task_of
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
from server.api.http.fields import ReasonBody
from server.api.http.paging import first_page
from server.api.promotions.batch_parts import override_reason
from server.core.drops.claims import Audience
from server.core.drops.drop_ends import DropEnd
from server.core.drops.drop_rules import DropForm
from server.core.drops.drops import DropState, EndsBy
from server.core.identity import Role
from server.core.refusals import Code, Refused, invalid_field
from server.flows.drops.drop_service import DropService
from server.flows.drops.views.drop_view import DropView


async def create(
    deps: ApiDependencies, request: ApiRequest[DropBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    end = end_of(body.duration_seconds, body.closes)
    if isinstance(end, Refused):
        return end
    if body.override is not None and request.identity.role is not Role.OPERATOR:
        return Refused(Code.WRONG_ROLE, "an operator may override price rules")
    created = await service_of(deps, request).create(
        request.path["room"], _form(body, end), request.key, request.now
    )
    _trace_press(deps, created, request.now)
    return respond(created, DropResponse.model_validate)


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, DropsQuery]
) -> ApiResponse | Refused:
    limit = request.query.limit
    found = await service_of(deps, request).list_for_room(
        request.path["room"],
        limit + 1,
        request.query.after,
        request.now,
        is_closed=request.query.ended,
    )
    if isinstance(found, Refused):
        return found
    page, following = first_page(found, limit)
    drops = [DropResponse.model_validate(drop) for drop in page]
    return ApiResponse(DropPageResponse(drops=drops, next=following))


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    found = await service_of(deps, request).get(*drop_and_room(request), request.now)
    return respond(found, DropResponse.model_validate)


async def open_prepared(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    opened = await service_of(deps, request).open(*drop_and_room(request), request.now)
    _trace_press(deps, opened, request.now)
    return respond(opened, DropResponse.model_validate)


async def close(
    deps: ApiDependencies, request: ApiRequest[ReasonBody, NoQuery]
) -> ApiResponse | Refused:
    closed = await service_of(deps, request).close(
        *drop_and_room(request), request.now, request.body.reason
    )
    return respond(closed, DropResponse.model_validate)


async def top_up(
    deps: ApiDependencies, request: ApiRequest[TopUpBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    changed = await service_of(deps, request).top_up(
        *drop_and_room(request), body.add, body.expected_quantity, request.now
    )
    return respond(changed, DropResponse.model_validate)


async def extend(
    deps: ApiDependencies, request: ApiRequest[ExtendBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    changed = await service_of(deps, request).extend(
        *drop_and_room(request), body.seconds, body.expected_closes_at, request.now
    )
    return respond(changed, DropResponse.model_validate)


async def claims(
    deps: ApiDependencies, request: ApiRequest[NoBody, DropClaimsQuery]
) -> ApiResponse | Refused:
    query = request.query
    found = await service_of(deps, request).claims(
        *drop_and_room(request), query.student, query.limit + 1, query.after
    )
    if isinstance(found, Refused):
        return found
    page, following = first_page(found, query.limit)
    listed = [DropClaimResponse.model_validate(claim) for claim in page]
    return ApiResponse(DropClaimPageResponse(claims=listed, next=following))


def _trace_press(deps: ApiDependencies, opened: DropView | Refused, begun: int) -> None:
    if deps.traces is None or isinstance(opened, Refused):
        return
    if opened.state is not DropState.PREPARED:
        deps.traces.press(opened.id, opened.room, begun, deps.clock())


def service_of(deps: ApiDependencies, request: ApiRequest[Any, Any]) -> DropService:
    """Return the drops on behalf of whoever asks."""
    return DropService(
        deps.ledger, deps.drop_desk, deps.feed, request.identity.subject, deps.invites
    )


def drop_and_room(request: ApiRequest[Any, Any]) -> tuple[str, str]:
    """Return both path parameters."""
    return request.path["id"], request.path["room"]


def end_of(seconds: int | None, closes: ClosesAt | str | None) -> DropEnd | Refused:
    """Return the end that was asked for. Refuses both together: nobody could tell which one is meant."""
    if seconds is not None and closes is not None:
        return invalid_field("closes", "conflict", "only one of duration_seconds, closes")
    if isinstance(closes, ClosesAt):
        return DropEnd(EndsBy.CLOCK, at=closes.at)
    if closes is not None:
        return DropEnd(EndsBy.HAND)
    if seconds is None:
        return invalid_field("duration_seconds", "missing")
    return DropEnd(EndsBy.DURATION, seconds)


def new_end_of(seconds: int | None, closes: ClosesAt | str | None) -> DropEnd | Refused | None:
    """Return the end that was asked for; None where none was: it stays as it is."""
    return None if seconds is None and closes is None else end_of(seconds, closes)


def audience_of(sent: AudienceBody | None) -> Audience:
    """Return the audience; everybody where none was sent."""
    return Audience(frozenset(sent.tags), frozenset(sent.students)) if sent else Audience()


def _form(body: DropBody, end: DropEnd) -> DropForm:
    return DropForm(
        batch_id=body.batch_id,
        quantity=body.quantity,
        duration_seconds=end.seconds,
        message=body.message or "",
        start=body.start,
        opens_in_seconds=body.opens_in_seconds,
        audience=audience_of(body.audience),
        mode=body.mode,
        task=task_of(body.task),
        metadata=body.metadata or {},
        ends=end,
        at=body.at,
        rehearsal=body.rehearsal,
        show_winners=body.show_winners,
        override=override_reason(body.override),
    )


_ROOM = "/v1/rooms/{room}/drops"
_DROP = _ROOM + "/{id}"
_STOCK_REFUSALS = (Code.STOCK_SHORT, Code.WRONG_STATE, Code.INSTRUCTOR_STOPPED)
_CHANGE_REFUSALS = (Code.WRONG_STATE, Code.IN_PROGRESS, Code.INSTRUCTOR_STOPPED)

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
        refuses=(*_STOCK_REFUSALS, Code.TOO_MANY, Code.PRICE_RULE),
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path=_ROOM,
        rule=auth.INSTRUCTOR_READ,
        handler=index,
        query=DropsQuery,
        response=DropPageResponse,
        summary="List the room's drops, newest first, with live counts",
    ),
    Endpoint(
        method="GET",
        path=_DROP,
        rule=auth.INSTRUCTOR_READ,
        handler=show,
        response=DropResponse,
        summary="Get a drop with its live counts",
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/open",
        rule=auth.INSTRUCTOR,
        handler=open_prepared,
        response=DropResponse,
        summary="Open a prepared drop. Repeatable",
        refuses=(*_STOCK_REFUSALS, Code.INVALID_FIELD),
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/close",
        rule=auth.INSTRUCTOR,
        handler=close,
        body=ReasonBody,
        response=DropResponse,
        summary="Close a drop; unclaimed units go back to the batch. Repeatable",
        refuses=(Code.IN_PROGRESS,),
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/top-up",
        rule=auth.INSTRUCTOR,
        handler=top_up,
        body=TopUpBody,
        response=DropResponse,
        summary="Add units of the same batch to a drop",
        refuses=(*_CHANGE_REFUSALS, Code.STOCK_SHORT),
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/extend",
        rule=auth.INSTRUCTOR,
        handler=extend,
        body=ExtendBody,
        response=DropResponse,
        summary="Let a drop end later",
        refuses=_CHANGE_REFUSALS,
    ),
    Endpoint(
        method="GET",
        path=_DROP + "/claims",
        rule=auth.INSTRUCTOR_READ,
        handler=claims,
        query=DropClaimsQuery,
        response=DropClaimPageResponse,
        summary="List the winning claims, newest first",
    ),
)
