"""GET /v1/drops/{id}/draw and /entry, and the abort: what a draw proves, and a student's own part in it.

The document alone is enough to check a draw (`verify_draw` of both SDKs). It names nobody.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from server.api.drops.claims import DrawReceipt
from server.api.drops.drop_models import DropResponse
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
from server.api.http.fields import Body, Readable, ResponseModel, absent
from server.core.drops.drops import DropState
from server.core.identity import Identity, Role
from server.core.refusals import Code, Refused
from server.flows.draws import abort_draw, show_draw
from server.flows.stores import Stores
from server.ledger.drops.drop_row import DropRow

Digits = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_WITH_ROOMS = (Role.STUDENT, Role.INSTRUCTOR)


class AbortBody(Body):
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200), Readable]


class DrawResponse(ResponseModel):
    """The proof of a draw. `root` and `count` are null until the entries are sealed, `seed` until they are
    drawn or the draw is aborted. `leaves`: of all entries, in their order. `winners`: indexes of leaves, in
    the order in which they were drawn; the first `units` of the order."""

    drop_id: str
    state: DropState
    commitment: Digits
    seed: Digits | None
    root: Digits | None
    count: int | None
    units: int | None
    leaves: list[Digits]
    winners: list[int]
    beacon: Digits | None = absent()
    abort_reason: str | None = absent()


class OwnEntryResponse(ResponseModel):
    """`result`: `entered` while nobody knows, then `won` or `not_drawn`."""

    receipt: DrawReceipt
    result: Literal["entered", "won", "not_drawn"]


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    found = await _find(deps, request.path["id"], request.identity)
    if isinstance(found, Refused):
        return found
    return ApiResponse(await deps.draw_documents.document(deps.ledger, found, request.now))


async def entry(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    identity = request.identity
    found = await _find(deps, request.path["id"], identity)
    if isinstance(found, Refused):
        return found
    stores = Stores(deps.ledger, deps.drop_desk, deps.feed)
    own = await show_draw.own_entry(stores, found, identity.subject, request.now)
    return respond(own, _own_entry_response)


def _own_entry_response(own: show_draw.OwnEntry) -> OwnEntryResponse:
    return OwnEntryResponse.model_validate({"receipt": own.receipt, "result": own.result})


async def abort(
    deps: ApiDependencies, request: ApiRequest[AbortBody, NoQuery]
) -> ApiResponse | Refused:
    stores = Stores(deps.ledger, deps.drop_desk, deps.feed, request.identity.subject)
    aborted = await abort_draw.abort_draw(
        stores, request.path["id"], request.path["room"], request.body.reason, request.now
    )
    return respond(aborted, DropResponse.model_validate)


async def _find(deps: ApiDependencies, drop_id: str, identity: Identity) -> DropRow | Refused:
    found = await show_draw.find_draw(deps.ledger, drop_id)
    if found is None:
        return Refused(Code.NOT_FOUND)
    if identity.role in _WITH_ROOMS and found.room not in identity.rooms:
        return Refused(Code.WRONG_ROOM)
    return found


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/drops/{id}/draw",
        rule=auth.ANYONE_OF_ROOM,
        handler=show,
        response=DrawResponse,
        summary="Get the proof of a draw: all that is needed to check it",
        refuses=(Code.WRONG_ROOM,),
    ),
    Endpoint(
        method="GET",
        path="/v1/drops/{id}/entry",
        rule=auth.STUDENT,
        handler=entry,
        response=OwnEntryResponse,
        summary="Get my receipt of a draw, and whether I won",
        refuses=(Code.WRONG_ROOM,),
    ),
    Endpoint(
        method="POST",
        path="/v1/rooms/{room}/drops/{id}/abort",
        rule=auth.INSTRUCTOR,
        handler=abort,
        body=AbortBody,
        response=DropResponse,
        summary="Give a draw up; seed and leaves are shown all the same. Repeatable",
        refuses=(Code.WRONG_STATE, Code.IN_PROGRESS),
    ),
)
