"""GET /v1/rooms/{room}/snapshot: the state of a room for one student, the same as the socket's `welcome`.

For clients whose socket does not get through: they poll every few seconds and claim over HTTP.
"""

from typing import Any

from server.api.drops.claims import DrawReceipt, WonCouponResponse
from server.api.drops.drop_models import DrawCardResponse, DropSealResponse
from server.api.drops.task_models import TaskProgressResponse, TaskResponse
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
from server.api.http.fields import Instant, ResponseModel, absent
from server.core.drops.claims import ClaimState
from server.core.drops.drops import DropState
from server.core.refusals import Refused


class RoomDropResponse(ResponseModel):
    """A drop as the students of its room see it; `discount` to `validity` are those of its template."""

    id: str
    state: DropState
    name: str
    description: str
    message: str
    currency: str
    discount: dict[str, Any]
    threshold: dict[str, Any]
    scope: dict[str, Any]
    validity: dict[str, Any]
    mode: str
    quantity: int
    remaining: int
    opens_at: Instant
    closes_at: Instant | None
    hold_seconds: int | None = absent()
    use_url: str | None = absent()
    rehearsal: bool | None = absent()
    show_winners: bool | None = absent()
    deducts: list[str] | None = absent()
    style: dict[str, str] | None = absent()
    task: TaskResponse | None = absent()
    draw: DrawCardResponse | None = absent()
    closed_at: Instant | None = absent()
    close_reason: str | None = absent()
    seal: DropSealResponse | None = absent()


class MyClaimResponse(ResponseModel):
    drop_id: str
    state: ClaimState
    won_at: Instant
    coupon: WonCouponResponse | None = absent()
    receipt: DrawReceipt | None = absent()


class SnapshotResponse(ResponseModel):
    type: str
    room: str
    student: str
    now: Instant
    epoch: str
    offset: int
    present: int
    drops: list[RoomDropResponse]
    claims: list[MyClaimResponse]
    tasks: list[TaskProgressResponse] | None = absent()


async def snapshot(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    return ApiResponse(await deps.snapshot(request.path["room"], request.identity))


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/rooms/{room}/snapshot",
        rule=auth.STUDENT,
        handler=snapshot,
        response=SnapshotResponse,
        summary="Get the room's state and my claims, the same as the socket's welcome",
    ),
)
