"""/v1/batches: how many coupons of a template are given out, through which channel, in which rooms.

Operators make batches. Instructors see those that one of their rooms may drop from, and only the quotas of
their own rooms.
"""

from typing import Annotated

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
    Id,
    Metadata,
    Moment,
    Readable,
    ResponseModel,
    ShortText,
    Title,
    absent,
)
from server.api.http.paging import PageQuery, first_page
from server.api.promotions.batch_parts import (
    ClaimConditionsBody,
    ClaimConditionsResponse,
    ClaimWindowBody,
    ClaimWindowResponse,
    OfferResponse,
    OverrideBody,
    RoomQuotaBodies,
    RoomQuotaResponse,
    claim_conditions_of,
    claim_conditions_response,
    claim_window_of,
    claim_window_response,
    override_reason,
    room_quota_responses,
    room_quotas_of,
    summary_response,
)
from server.api.promotions.stops import StopResponse, active_stop_response
from server.core.identity import Identity
from server.core.promotions import batch_rules
from server.core.promotions.batches import Batch, BatchForm
from server.core.promotions.stops import MAX_REASON, StopState
from server.core.refusals import Code, Refused
from server.flows.promotions import batches as flows
from server.flows.promotions.end_batch import end_batch
from server.ledger.promotions import batches as ledger
from server.ledger.promotions import stops

RemindBefore = Annotated[
    list[Annotated[int, Field(ge=1, le=batch_rules.MAX_HOURS_BEFORE)]],
    Field(max_length=batch_rules.MAX_REMINDERS),
]


def reminders_of(hours: list[int] | None) -> tuple[int, ...] | None:
    """Return the hours before an end at which students are reminded, the earliest reminder first."""
    return None if hours is None else tuple(sorted(set(hours), reverse=True))


class BatchBody(Body):
    """`quantity` null: unlimited, and not usable for drops. `per_student`: claims of the whole batch; of
    one drop a student always gets at most one. `per_person` and `per_device` count the claims of all
    accounts whose tokens have the same `person` or `device`; absent: `per_person` is `per_student`, and a
    device has no limit. `max_per_minute`: where more coupons go out within a minute, the batch pauses itself:
    its claims are stopped until an operator resumes them. `remind_before`: hours before a coupon ends at
    which its student is reminded; an empty list: never."""

    template_id: Id
    name: Title
    quantity: Count | None
    channel: ShortText
    per_student: Annotated[int, Field(ge=1, le=batch_rules.MAX_PER_STUDENT)]
    per_person: Annotated[int, Field(ge=1, le=batch_rules.MAX_PER_STUDENT)] | None = None
    per_device: Annotated[int, Field(ge=1, le=batch_rules.MAX_PER_STUDENT)] | None = None
    code_prefix: Annotated[str, Field(max_length=12)] | None = None
    hold_seconds: Annotated[int, Field(ge=1, le=batch_rules.MAX_HOLD_SECONDS)] | None = None
    campaign_id: Id | None = None
    rooms: RoomQuotaBodies | None = None
    claim_window: ClaimWindowBody | None = None
    claim_conditions: ClaimConditionsBody | None = None
    max_per_minute: Count | None = None
    remind_before: RemindBefore | None = None
    metadata: Metadata | None = None
    override: OverrideBody | None = None


class BatchEndBody(Body):
    """`use`: true stops the use of its coupons too, until it is resumed; else they stay valid."""

    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON), Readable]
    use: bool = False


class BatchEndResponse(ResponseModel):
    """The end of a batch for good."""

    at: Moment
    by: str
    reason: str


class BatchResponse(ResponseModel):
    """`remaining` falls when units go to a drop or to codes, and rises when they return; null: unlimited.
    `droppable`: the most that the caller could put into one drop now. `may_invite`: its channel allows drops
    with a task to invite. `ended`: it has ended for good, and no coupon of it is given any more."""

    id: str
    template_id: str
    template_version: int
    template: OfferResponse
    name: str
    quantity: int | None
    remaining: int | None
    droppable: int
    channel: str
    may_invite: bool
    per_student: int
    per_person: int
    per_device: int | None = absent()
    code_prefix: str
    hold_seconds: int | None = absent()
    campaign_id: str | None = absent()
    rooms: list[RoomQuotaResponse] | None = absent()
    claim_window: ClaimWindowResponse | None = absent()
    claim_conditions: ClaimConditionsResponse | None = absent()
    max_per_minute: int | None = absent()
    remind_before: list[int] | None = Field(default=None, exclude_if=lambda hours: hours is None)
    stopped: StopResponse | None = absent()
    ended: BatchEndResponse | None = absent()
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
        deps.ledger,
        request.identity.subject,
        _form(request.body),
        request.key,
        request.now,
        override_reason(request.body.override),
    )
    if isinstance(made, Refused):
        return made
    return await batch_response(deps, made, request.identity)


async def batch_response(deps: ApiDependencies, batch: Batch, identity: Identity) -> ApiResponse:
    """Return a batch that is not stopped, as the caller sees it, with its version as ETag."""
    async with deps.ledger.read() as conn:
        summaries = await ledger.summaries_of(conn, [batch.id])
    made = _to_response(deps, batch, summaries[batch.id], identity)
    return ApiResponse(made, _etag(batch))


def _etag(batch: Batch) -> dict[str, str]:
    return {"ETag": f'"{batch.version}"'}


async def end(
    deps: ApiDependencies, request: ApiRequest[BatchEndBody, NoQuery]
) -> ApiResponse | Refused:
    ended = await end_batch(
        deps.ledger,
        deps.drop_desk,
        request.path["id"],
        reason=request.body.reason,
        stops_use=request.body.use,
        actor=request.identity.subject,
        now=request.now,
    )
    return ended if isinstance(ended, Refused) else await _shown(deps, ended, request.identity)


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    async with deps.ledger.read() as conn:
        found = await ledger.find(conn, request.path["id"])
    if found is None or not _is_visible(found, request.identity):
        return Refused(Code.NOT_FOUND)
    return await _shown(deps, found, request.identity)


async def _shown(deps: ApiDependencies, batch: Batch, identity: Identity) -> ApiResponse:
    async with deps.ledger.read() as conn:
        summaries = await ledger.summaries_of(conn, [batch.id])
        stopped = (await stops.of_targets(conn, [batch.id])).get(batch.id)
    found = _to_response(deps, batch, summaries[batch.id], identity, stopped)
    return ApiResponse(found, _etag(batch))


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    limit, rooms = request.query.limit, request.identity.limited_to
    async with deps.ledger.read() as conn:
        found = await ledger.page(conn, limit + 1, request.query.after, rooms)
        summaries = await ledger.summaries_of(conn, [batch.id for batch in found])
        stopped = await stops.of_targets(conn, [batch.id for batch in found])
    page, following = first_page(found, limit)
    batches = [
        _to_response(deps, batch, summaries[batch.id], request.identity, stopped.get(batch.id))
        for batch in page
    ]
    return ApiResponse(BatchPageResponse(batches=batches, next=following))


def _is_visible(batch: Batch, identity: Identity) -> bool:
    rooms = identity.limited_to
    if rooms is None:
        return True
    return batch.quantity is not None and any(batch.room_quota_of(room) for room in rooms)


def _form(body: BatchBody) -> BatchForm:
    return BatchForm(
        template_id=body.template_id,
        name=body.name,
        quantity=body.quantity,
        channel=body.channel,
        per_student=body.per_student,
        per_person=body.per_person,
        per_device=body.per_device,
        code_prefix=body.code_prefix or "",
        hold_seconds=body.hold_seconds,
        campaign_id=body.campaign_id,
        rooms=room_quotas_of(body.rooms),
        claim_window=claim_window_of(body.claim_window),
        conditions=claim_conditions_of(body.claim_conditions),
        max_per_minute=body.max_per_minute,
        remind_before=reminders_of(body.remind_before),
        metadata=body.metadata or {},
    )


def _end_response(batch: Batch) -> BatchEndResponse | None:
    if batch.ended_at is None:
        return None
    return BatchEndResponse(
        at=batch.ended_at, by=batch.ended_by or "", reason=batch.end_reason or ""
    )


def _to_response(
    deps: ApiDependencies,
    batch: Batch,
    summary: ledger.BatchSummary,
    identity: Identity,
    stopped: StopState | None = None,
) -> BatchResponse:
    rooms = identity.limited_to
    return BatchResponse(
        id=batch.id,
        template_id=batch.template_id,
        template_version=batch.template_version,
        template=summary_response(summary),
        name=batch.name,
        quantity=batch.quantity,
        remaining=batch.remaining,
        droppable=batch.droppable(rooms),
        channel=batch.channel,
        may_invite=deps.invites.allows(batch.channel),
        per_student=batch.per_student,
        per_person=batch.per_person or batch.per_student,
        per_device=batch.per_device,
        code_prefix=batch.code_prefix,
        hold_seconds=batch.hold_seconds,
        campaign_id=batch.campaign_id,
        rooms=room_quota_responses(batch, rooms),
        claim_window=claim_window_response(batch.claim_window),
        claim_conditions=claim_conditions_response(batch.conditions),
        max_per_minute=batch.max_per_minute,
        remind_before=None if batch.remind_before is None else list(batch.remind_before),
        stopped=active_stop_response(stopped),
        ended=_end_response(batch),
        metadata=dict(batch.metadata),
        created_at=batch.created_at,
        version=batch.version,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/batches",
        rule=auth.OPERATOR,
        handler=create,
        body=BatchBody,
        response=BatchResponse,
        status=201,
        summary="Create a batch: coupons of a template for one channel",
        is_create=True,
        refuses=(Code.PRICE_RULE,),
    ),
    Endpoint(
        method="GET",
        path="/v1/batches",
        rule=auth.BATCH_READ,
        handler=index,
        query=PageQuery,
        response=BatchPageResponse,
        summary="List batches, newest first; instructors see those they may drop from",
    ),
    Endpoint(
        method="GET",
        path="/v1/batches/{id}",
        rule=auth.BATCH_READ,
        handler=show,
        response=BatchResponse,
        summary="Get a batch and how much of it is left",
    ),
    Endpoint(
        method="POST",
        path="/v1/batches/{id}/end",
        rule=auth.OPERATOR,
        handler=end,
        body=BatchEndBody,
        response=BatchResponse,
        summary="End a batch for good: no coupon of it is given any more. It cannot be undone; repeatable",
        refuses=(Code.WRONG_STATE,),
    ),
)
