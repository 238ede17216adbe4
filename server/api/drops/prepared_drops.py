"""Calls that change a prepared drop, delete it, or open a closed one again."""

from server.api.drops.drop_models import DropEdit, DropResponse, ReopenBody
from server.api.drops.drops import audience_of, drop_and_room, new_end_of, service_of
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
from server.core.refusals import Code, Refused
from server.flows.drops.changes.edit_drop import DropChanges
from server.flows.drops.changes.reopen_drop import ReopenForm


async def edit(
    deps: ApiDependencies, request: ApiRequest[DropEdit, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    end = new_end_of(body.duration_seconds, body.closes)
    if isinstance(end, Refused):
        return end
    sent = body.model_fields_set
    changes = DropChanges(
        quantity=body.quantity,
        end=end,
        message=(body.message or "") if "message" in sent else None,
        opens_in_seconds=body.opens_in_seconds,
        audience=audience_of(body.audience) if "audience" in sent else None,
        at=(body.at or 0) if "at" in sent else None,
        rehearsal=body.rehearsal,
        show_winners=body.show_winners,
    )
    edited = await service_of(deps, request).edit(*drop_and_room(request), changes, request.now)
    return respond(edited, DropResponse.model_validate)


async def remove(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    removed = await service_of(deps, request).remove(*drop_and_room(request), request.now)
    return respond(removed, DropResponse.model_validate)


async def reopen(
    deps: ApiDependencies, request: ApiRequest[ReopenBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    end = new_end_of(body.duration_seconds, body.closes)
    if isinstance(end, Refused):
        return end
    form = ReopenForm(body.quantity, end, body.opens_in_seconds)
    opened = await service_of(deps, request).reopen(*drop_and_room(request), form, request.now)
    return respond(opened, DropResponse.model_validate)


_DROP = "/v1/rooms/{room}/drops/{id}"

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="PATCH",
        path=_DROP,
        rule=auth.INSTRUCTOR,
        handler=edit,
        body=DropEdit,
        response=DropResponse,
        summary="Change a prepared drop",
        refuses=(Code.WRONG_STATE, Code.INSTRUCTOR_STOPPED),
    ),
    Endpoint(
        method="DELETE",
        path=_DROP,
        rule=auth.INSTRUCTOR,
        handler=remove,
        response=DropResponse,
        summary="Delete a prepared drop, and return it as it was",
        refuses=(Code.WRONG_STATE,),
    ),
    Endpoint(
        method="POST",
        path=_DROP + "/reopen",
        rule=auth.INSTRUCTOR,
        handler=reopen,
        body=ReopenBody,
        response=DropResponse,
        summary="Open a closed drop again, with more units of its batch",
        refuses=(
            Code.STOCK_SHORT,
            Code.WRONG_STATE,
            Code.IN_PROGRESS,
            Code.INSTRUCTOR_STOPPED,
        ),
    ),
)
