"""/v1/batches: how many coupons of a template go out, through which channel, into which rooms.

Operators make them. Instructors see those that one of their rooms may drop of, and of the shares only
their own (mission A12).
"""

from typing import Annotated, Any

from pydantic import Field

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
from server.api.http.fields import (
    Body,
    Count,
    FromDay,
    Id,
    Metadata,
    Moment,
    NotEmpty,
    ResponseModel,
    Room,
    ShortText,
    Title,
    UntilDay,
    absent,
)
from server.api.http.paging import PageQuery, first_page
from server.api.promotions.stops import StopResponse, active_stop_response
from server.core.identity import Identity, Role
from server.core.promotions import batch_rules
from server.core.promotions.batches import Batch, BatchForm, ClaimWindow, RoomQuota
from server.core.promotions.claim_conditions import ANYBODY, ClaimConditions
from server.core.promotions.stops import StopState
from server.core.refusals import Code, Refused
from server.flows.promotions import batches as flows
from server.ledger.promotions import batches as ledger
from server.ledger.promotions import stops


class RoomQuotaBody(Body):
    """`quantity` absent: whatever the batch has left."""

    room: Room
    quantity: Count | None = None


class ClaimWindowBody(Body):
    """[from, until)."""

    from_at: FromDay = Field(alias="from")
    until_at: UntilDay = Field(alias="until")


class ClaimConditionsBody(Body):
    """What an account must be to claim: have one of the tags, be new. Without `tags` it may have any."""

    tags: (
        Annotated[list[ShortText], Field(max_length=batch_rules.MAX_CONDITION_TAGS), NotEmpty]
        | None
    ) = None
    new: bool = False


class BatchBody(Body):
    """`quantity` null: unlimited, which no drop can use. `per_student`: claims of the whole batch;
    of one drop a student gets one, always."""

    template_id: Id
    name: Title
    quantity: Count | None
    channel: ShortText
    per_student: Annotated[int, Field(ge=1, le=batch_rules.MAX_PER_STUDENT)]
    code_prefix: Annotated[str, Field(max_length=12)] | None = None
    hold_seconds: Annotated[int, Field(ge=1, le=batch_rules.MAX_HOLD_SECONDS)] | None = None
    campaign_id: Id | None = None
    rooms: Annotated[list[RoomQuotaBody], Field(max_length=batch_rules.MAX_ROOMS)] | None = None
    claim_window: ClaimWindowBody | None = None
    claim_conditions: ClaimConditionsBody | None = None
    metadata: Metadata | None = None


class RoomQuotaResponse(ResponseModel):
    room: str
    quantity: int | None
    remaining: int | None


class ClaimWindowResponse(ResponseModel):
    from_at: Moment = Field(alias="from")
    until_at: Moment = Field(alias="until")


class ClaimConditionsResponse(ResponseModel):
    """`tags` is left out where any will do."""

    tags: list[str] | None = absent()
    new: bool


class OfferResponse(ResponseModel):
    """What a teacher must know of the template to drop it."""

    name: str
    currency: str
    discount: dict[str, Any]


class BatchResponse(ResponseModel):
    """`remaining` falls when a drop is allotted and rises when units return; null = unlimited.
    `droppable`: the most that the asker could put into one drop now."""

    id: str
    template_id: str
    template_version: int
    template: OfferResponse
    name: str
    quantity: int | None
    remaining: int | None
    droppable: int
    channel: str
    per_student: int
    code_prefix: str
    hold_seconds: int | None = absent()
    campaign_id: str | None = absent()
    rooms: list[RoomQuotaResponse] | None = absent()
    claim_window: ClaimWindowResponse | None = absent()
    claim_conditions: ClaimConditionsResponse | None = absent()
    stopped: StopResponse | None = absent()
    metadata: dict[str, str]
    created_at: Moment
    version: int


class BatchPageResponse(ResponseModel):
    batches: list[BatchResponse]
    next: str | None


async def create(
    deps: ApiDependencies, request: ApiRequest[BatchBody, NoQuery]
) -> ApiResponse | Refused:
    made = await flows.create_batch(
        deps.ledger, request.identity.subject, _form(request.body), request.key, request.now
    )
    if isinstance(made, Refused):
        return made
    return await batch_response(deps, made, request.identity)


async def batch_response(deps: ApiDependencies, batch: Batch, identity: Identity) -> ApiResponse:
    """With its version as ETag."""
    async with deps.ledger.read() as conn:
        offers = await ledger.summaries_of(conn, [batch.id])
    return ApiResponse(_to_response(batch, offers[batch.id], identity), _etag(batch))


def _etag(batch: Batch) -> dict[str, str]:
    return {"ETag": f'"{batch.version}"'}


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    async with deps.ledger.read() as conn:
        found = await ledger.find(conn, request.path["id"])
        offers = await ledger.summaries_of(conn, [request.path["id"]])
        stopped = (await stops.of_targets(conn, [request.path["id"]])).get(request.path["id"])
    if found is None or not _is_visible(found, request.identity):
        return Refused(Code.NOT_FOUND)
    return ApiResponse(
        _to_response(found, offers[found.id], request.identity, stopped), _etag(found)
    )


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    limit, rooms = request.query.limit, _rooms_of(request.identity)
    async with deps.ledger.read() as conn:
        found = await ledger.page(conn, limit + 1, request.query.after, rooms)
        offers = await ledger.summaries_of(conn, [batch.id for batch in found])
        stopped = await stops.of_targets(conn, [batch.id for batch in found])
    page, following = first_page(found, limit)
    shown = [
        _to_response(batch, offers[batch.id], request.identity, stopped.get(batch.id))
        for batch in page
    ]
    return ApiResponse(BatchPageResponse(batches=shown, next=following))


def _rooms_of(identity: Identity) -> frozenset[str] | None:
    """None: somebody who is not tied to rooms."""
    return identity.rooms if identity.role is Role.INSTRUCTOR else None


def _is_visible(batch: Batch, identity: Identity) -> bool:
    rooms = _rooms_of(identity)
    if rooms is None:
        return True
    return batch.quantity is not None and any(batch.room_quota_of(room) for room in rooms)


def _form(body: BatchBody) -> BatchForm:
    window = body.claim_window
    return BatchForm(
        template_id=body.template_id,
        name=body.name,
        quantity=body.quantity,
        channel=body.channel,
        per_student=body.per_student,
        code_prefix=body.code_prefix or "",
        hold_seconds=body.hold_seconds,
        campaign_id=body.campaign_id,
        rooms=room_quotas_of(body.rooms),
        claim_window=ClaimWindow(window.from_at, window.until_at) if window else None,
        conditions=claim_conditions_of(body.claim_conditions),
        metadata=body.metadata or {},
    )


def claim_conditions_of(body: ClaimConditionsBody | None) -> ClaimConditions:
    return ANYBODY if body is None else ClaimConditions(frozenset(body.tags or ()), body.new)


def room_quotas_of(rooms: list[RoomQuotaBody] | None) -> tuple[RoomQuota, ...] | None:
    if rooms is None:
        return None
    return tuple(RoomQuota(share.room, share.quantity) for share in rooms)


def _to_response(
    batch: Batch, offer: ledger.BatchSummary, identity: Identity, stopped: StopState | None = None
) -> BatchResponse:
    rooms = _rooms_of(identity)
    return BatchResponse(
        id=batch.id,
        template_id=batch.template_id,
        template_version=batch.template_version,
        template=OfferResponse(
            name=offer.name, currency=offer.currency, discount=dict(offer.discount)
        ),
        name=batch.name,
        quantity=batch.quantity,
        remaining=batch.remaining,
        droppable=batch.droppable(rooms),
        channel=batch.channel,
        per_student=batch.per_student,
        code_prefix=batch.code_prefix,
        hold_seconds=batch.hold_seconds,
        campaign_id=batch.campaign_id,
        rooms=_room_quota_responses(batch, rooms),
        claim_window=_claim_window_response(batch.claim_window),
        claim_conditions=claim_conditions_response(batch.conditions),
        stopped=active_stop_response(stopped),
        metadata=dict(batch.metadata),
        created_at=batch.created_at,
        version=batch.version,
    )


def _room_quota_responses(
    batch: Batch, rooms: frozenset[str] | None
) -> list[RoomQuotaResponse] | None:
    if batch.rooms is None:
        return None
    return [
        RoomQuotaResponse(room=share.room, quantity=share.quantity, remaining=share.remaining)
        for share in batch.rooms
        if rooms is None or share.room in rooms
    ]


def _claim_window_response(window: ClaimWindow | None) -> ClaimWindowResponse | None:
    if window is None:
        return None
    return ClaimWindowResponse.model_validate({"from": window.from_at, "until": window.until_at})


def claim_conditions_response(conditions: ClaimConditions) -> ClaimConditionsResponse | None:
    """None where any account will do."""
    if conditions.is_anybody:
        return None
    return ClaimConditionsResponse(tags=sorted(conditions.tags) or None, new=conditions.new)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/batches",
        rule=auth.OPERATOR,
        handler=create,
        body=BatchBody,
        response=BatchResponse,
        status=201,
        summary="Set coupons of a template aside for a channel",
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/batches",
        rule=auth.INSTRUCTOR_READ,
        handler=index,
        query=PageQuery,
        response=BatchPageResponse,
        summary="Batches, newest first; to instructors those they may drop of",
    ),
    Endpoint(
        method="GET",
        path="/v1/batches/{id}",
        rule=auth.INSTRUCTOR_READ,
        handler=show,
        response=BatchResponse,
        summary="A batch and what is left of it",
    ),
)
