"""POST /v1/drops/{id}/claims: a claim over HTTP, for clients whose socket does not get through.

It goes through the same desk as claims by socket, with the same request id: the first to arrive decides,
and the other gets the same outcome.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import Field

from server.api.drops.task_models import ProgressResponse, TaskResponse
from server.api.http import auth
from server.api.http.caches.drop_lookup import ClaimableDrop
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoQuery
from server.api.http.fields import Body, Instant, RequestId, ResponseModel, absent
from server.core.drops import why
from server.core.drops.claims import Outcome
from server.core.drops.tasks import progress_of
from server.core.drops.why import WhyReason
from server.core.ids import BatchId, DropId, StudentId
from server.core.refusals import Code, Refused
from server.desk import DeskUnavailableError
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_desk import entering, is_confirmed
from server.desk.drops.task_desk import TaskOf
from server.frames import task_frames, wire

# To these a tap is no proof that the card was on the student's screen: no card was shown, or nothing decided.
_SEES_NO_CARD = frozenset({Outcome.NOT_ELIGIBLE, Outcome.RATE_LIMITED})


class ClaimBody(Body):
    """`request_id`: the client's id of this tap, the same in every repetition."""

    request_id: RequestId


class DropClaimBody(ClaimBody):
    """`client_random`: of a draw, 16 random bytes of the client as hexadecimal digits; without them the
    server makes them, which proves less."""

    client_random: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None


class WonCouponResponse(ResponseModel):
    """A coupon that was won. `version` counts its changes of state (absent: none). `order_id` is present
    while it is locked or redeemed, `locked_until` while it is locked, `redeemed_at` once it is used."""

    id: str
    code: str
    name: str
    valid_from: Instant
    valid_until: Instant
    use_by: Instant
    use_url: str | None = absent()
    state: str
    version: int | None = absent()
    order_id: str | None = absent()
    locked_until: Instant | None = absent()
    redeemed_at: Instant | None = absent()
    rehearsal: bool | None = absent()


class WhyResponse(ResponseModel):
    """The facts that explain a refusal. `reason` says which of the others are there.

    `taken`: `units`, `last_at` (when the last one went), `after_ms` (how long after that the tap came), `tap`
    (its number on the drop). `limit`: `limit`, `most`, `used`, `tap`. `not_yet`: `opens_at`, `in_ms`.
    `ended`: `closed_at`, `after_ms`. `task_open`: `kind` of the task, `done` of `needed`, `tap`. Others have
    nothing more."""

    reason: WhyReason
    units: int | None = absent()
    last_at: Instant | None = absent()
    after_ms: int | None = absent()
    limit: str | None = absent()
    most: int | None = absent()
    used: int | None = absent()
    opens_at: Instant | None = absent()
    in_ms: int | None = absent()
    closed_at: Instant | None = absent()
    kind: str | None = absent()
    done: int | None = absent()
    needed: int | None = absent()
    tap: int | None = absent()


class DrawReceipt(ResponseModel):
    """A student's entry in a draw. `leaf` is the SHA-256 of a byte 0 and of `drop_id|pseudonym|request_id|
    entered_at|client_random`; it stands at `index` among the leaves of the draw."""

    drop_id: str
    index: int
    pseudonym: str
    request_id: str
    entered_at: Instant
    client_random: str
    leaf: str


class ClaimResponse(ResponseModel):
    """`outcome` `rate_limited` or `retry`: nothing is decided, send the same request id again after
    `retry_after_ms`. `limit`: which one was reached, that of the batch, device, person or campaign.
    `task` and `progress` come with `task_open`: what is to be done first, and how far the student is.
    `receipt`: of an entry in a draw (`entered`)."""

    request_id: str
    drop_id: str
    outcome: Outcome
    coupon_id: str | None = absent()
    retry_after_ms: int | None = absent()
    limit: str | None = absent()
    why: WhyResponse | None = absent()
    receipt: DrawReceipt | None = absent()
    coupon: WonCouponResponse | None = absent()
    task: TaskResponse | None = absent()
    progress: ProgressResponse | None = absent()


async def create(
    deps: ApiDependencies, request: ApiRequest[DropClaimBody, NoQuery]
) -> ApiResponse | Refused:
    identity, drop_id = request.identity, request.path["id"]
    drop = await deps.drop_lookup.find(deps.ledger, drop_id, identity.rooms, request.now)
    if drop is None:
        return Refused(Code.NOT_FOUND)
    if not identity.may_claim_in(drop.room):
        return Refused(Code.WRONG_ROOM)
    answer = await answer_of(deps, request, DropId(drop_id), drop, Entrance())
    if answer.outcome not in _SEES_NO_CARD and not drop.is_waiting:
        await count_as_seen(deps, drop, drop_id, identity.subject)
    return await respond_to(deps, request, DropId(drop_id), drop, answer)


@dataclass(frozen=True, slots=True)
class Entrance:
    """The way by which a claim comes. `mark` stands before its request id on the desk and in the ledger; with
    `is_shut` the student wins nothing and enters nothing, but is told what they have."""

    mark: str = ""
    is_shut: bool = False


async def claim_of(
    deps: ApiDependencies,
    request: ApiRequest[Any, NoQuery],
    drop_id: DropId,
    drop: ClaimableDrop,
) -> ApiResponse:
    """Claim a unit of the drop for the student of the request, who may be in its room or in none."""
    answer = await answer_of(deps, request, drop_id, drop, Entrance())
    return await respond_to(deps, request, drop_id, drop, answer)


async def answer_of(
    deps: ApiDependencies,
    request: ApiRequest[Any, NoQuery],
    drop_id: DropId,
    drop: ClaimableDrop,
    entrance: Entrance,
) -> ClaimAnswer:
    """Return the answer to the claim: of the desk, or why it was not asked."""
    identity = request.identity
    wait_ms = deps.claim_limiter.admit(identity.subject, request.now)
    if wait_ms is not None:
        return ClaimAnswer(Outcome.RATE_LIMITED, retry_after_ms=wait_ms)
    if not drop.audience.admits(identity.subject, identity.tags, identity.is_new):
        reason = why.outside(drop.audience, identity.subject, identity.tags, identity.is_new)
        return ClaimAnswer(Outcome.NOT_ELIGIBLE, why=reason)
    answer = await deps.claim_desk.claim(
        shard=drop.shard,
        drop_id=drop_id,
        batch_id=BatchId(drop.batch_id),
        student=StudentId(identity.subject),
        request_id=entrance.mark + request.body.request_id,
        campaign_id=drop.campaign_id,
        is_blocked=entrance.is_shut or deps.access.is_blocked(identity, request.now),
        person=identity.person,
        device=identity.device,
        entering=_entering(request.body) if drop.is_draw else "",
    )
    if deps.traces is not None and answer.outcome is Outcome.WON and answer.held is not None:
        deps.traces.tap(answer.held.claim_id, drop_id, request.now, deps.clock())
    # Read before the desk was asked: it may have opened meanwhile, and then the desk's word counts.
    is_early = drop.is_waiting and answer.why is why.GONE
    return ClaimAnswer(Outcome.NOT_OPEN, why=why.PREPARED) if is_early else answer


async def respond_to(
    deps: ApiDependencies,
    request: ApiRequest[Any, NoQuery],
    drop_id: DropId,
    drop: ClaimableDrop,
    reply: ClaimAnswer,
) -> ApiResponse:
    """Return the answer as JSON, with how far the student is where a task is to be done first."""
    if reply.outcome is Outcome.TASK_OPEN and drop.task is not None:
        more = await _progress(deps, drop, drop_id, request.identity.subject, _number_of(reply))
        return _respond(deps, request, drop_id, reply, more)
    return _respond(deps, request, drop_id, reply)


def _entering(body: ClaimBody) -> str:
    random = body.client_random if isinstance(body, DropClaimBody) else None
    return entering(random or "")


async def _progress(
    deps: ApiDependencies, drop: ClaimableDrop, drop_id: str, student: str, tap: int
) -> Mapping[str, object]:
    assert drop.task is not None
    of = TaskOf(drop.shard, DropId(drop_id), drop.task)
    try:
        found = (await deps.drop_desk.tasks.progress_of([of], [student]))[0][student]
    except DeskUnavailableError:  # the refusal is certain, how far the student is can wait
        found = progress_of(drop.task, 0, passed=False)
    return task_frames.open_fields(drop.task, found, tap)


def _number_of(reply: ClaimAnswer) -> int:
    """Return the number of the tap on its drop, which the desk has put into `why`."""
    tap = reply.why.facts.get("tap") if reply.why is not None else None
    return tap if isinstance(tap, int) else 0


async def count_as_seen(
    deps: ApiDependencies, drop: ClaimableDrop, drop_id: str, student: str
) -> None:
    """Count a student who claims among those who have seen the card.

    The count is only informative, so a failure must not fail the claim.
    """
    with suppress(DeskUnavailableError):
        await deps.feed.add_seen(drop.room, drop_id, [student])


def _respond(
    deps: ApiDependencies,
    request: ApiRequest[Any, NoQuery],
    drop_id: str,
    reply: ClaimAnswer,
    more: Mapping[str, object] | None = None,
) -> ApiResponse:
    deps.metrics.claims.labels(reply.outcome).inc()
    fields: dict[str, Any] = wire.claim_fields(
        request.body.request_id,
        drop_id,
        reply.outcome,
        reply.retry_after_ms,
        reply.limit,
        None if reply.why is None else reply.why.told(0),
    )
    if reply.entry is not None:
        fields["receipt"] = reply.entry.receipt(drop_id)
    fields |= more or {}
    if reply.held is not None and is_confirmed(reply):
        fields["coupon"] = orjson.loads(reply.held.coupon)
        fields["coupon_id"] = fields["coupon"]["id"]
    return ApiResponse(orjson.dumps(fields))


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/drops/{id}/claims",
        rule=auth.STUDENT,
        handler=create,
        body=DropClaimBody,
        response=ClaimResponse,
        summary="Claim a coupon; responds 200 with every outcome",
        refuses=(Code.WRONG_ROOM,),
    ),
)
