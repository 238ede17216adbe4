"""POST /v1/drops/{id}/claims: a claim over HTTP, for clients whose socket does not get through.

It goes through the same desk as claims by socket, with the same request id: the first to arrive decides,
and the other gets the same outcome.
"""

from contextlib import suppress
from typing import Any

import orjson

from server import wire
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.drop_lookup import ClaimableDrop
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoQuery
from server.api.http.fields import Body, Instant, RequestId, ResponseModel, absent
from server.core.drops.claims import Outcome
from server.core.ids import BatchId, DropId, StudentId
from server.core.refusals import Code, Refused
from server.desk import DeskUnavailableError
from server.desk.claim_desk import ClaimAnswer, is_confirmed


class ClaimBody(Body):
    """`request_id`: the client's id of this tap, the same in every repetition."""

    request_id: RequestId


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


class ClaimResponse(ResponseModel):
    """`outcome` `rate_limited` or `retry`: nothing is decided, send the same request id again after
    `retry_after_ms`. `limit`: which one was reached, that of the batch, device, person or campaign."""

    request_id: str
    drop_id: str
    outcome: Outcome
    coupon_id: str | None = absent()
    retry_after_ms: int | None = absent()
    limit: str | None = absent()
    coupon: WonCouponResponse | None = absent()


async def create(
    deps: ApiDependencies, request: ApiRequest[ClaimBody, NoQuery]
) -> ApiResponse | Refused:
    identity, drop_id = request.identity, request.path["id"]
    wait_ms = deps.claim_limiter.admit(identity.subject, request.now)
    if wait_ms is not None:
        return _respond(deps, request, ClaimAnswer(Outcome.RATE_LIMITED, retry_after_ms=wait_ms))
    drop = await deps.drop_lookup.find(deps.ledger, drop_id, identity.rooms, request.now)
    if drop is None:
        return Refused(Code.NOT_FOUND)
    if not identity.may_claim_in(drop.room):
        return Refused(Code.WRONG_ROOM)
    if not drop.audience.admits(identity.subject, identity.tags, identity.is_new):
        return _respond(deps, request, ClaimAnswer(Outcome.NOT_ELIGIBLE))
    reply = await deps.claim_desk.claim(
        shard=drop.shard,
        drop_id=DropId(drop_id),
        batch_id=BatchId(drop.batch_id),
        student=StudentId(identity.subject),
        request_id=request.body.request_id,
        campaign_id=drop.campaign_id,
    )
    await _count_as_seen(deps, drop, drop_id, identity.subject)
    return _respond(deps, request, reply)


async def _count_as_seen(
    deps: ApiDependencies, drop: ClaimableDrop, drop_id: str, student: str
) -> None:
    """Count a student who claims among those who have seen the card.

    The count is only informative, so a failure must not fail the claim.
    """
    with suppress(DeskUnavailableError):
        await deps.feed.add_seen(drop.room, drop_id, [student])


def _respond(
    deps: ApiDependencies, request: ApiRequest[ClaimBody, NoQuery], reply: ClaimAnswer
) -> ApiResponse:
    deps.metrics.claims.labels(reply.outcome).inc()
    fields: dict[str, Any] = wire.claim_fields(
        request.body.request_id,
        request.path["id"],
        reply.outcome,
        reply.retry_after_ms,
        reply.limit,
    )
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
        body=ClaimBody,
        response=ClaimResponse,
        summary="Claim a coupon; responds 200 with every outcome",
        refuses=(Code.WRONG_ROOM,),
    ),
)
