"""The parts of a batch: their request bodies, their responses, and the conversion to and from `core`.

Used by `batches.py` and `batch_edits.py`, and by drops, which show the claim conditions of their batch.
Shapes and sizes only; the rules are in core/promotions/batch_rules.py.
"""

from typing import Annotated, Any

from pydantic import Field

from server.api.http.fields import (
    Body,
    Count,
    FromDay,
    Moment,
    NotEmpty,
    Readable,
    ResponseModel,
    Room,
    ShortText,
    UntilDay,
    absent,
)
from server.core.promotions import batch_rules
from server.core.promotions.batches import Batch, ClaimWindow, RoomQuota
from server.core.promotions.claim_conditions import ANYBODY, ClaimConditions
from server.core.promotions.price_rules import MAX_REASON
from server.ledger.promotions.batches import BatchSummary


class RoomQuotaBody(Body):
    """A room that may drop from the batch. `quantity` absent: as many as the batch has left."""

    room: Room
    quantity: Count | None = None


class ClaimWindowBody(Body):
    """The interval [from, until) in which coupons may be claimed."""

    from_at: FromDay = Field(alias="from")
    until_at: UntilDay = Field(alias="until")


class ClaimConditionsBody(Body):
    """The accounts that may claim: those with one of `tags` (absent: all), and only new ones if `new`."""

    tags: (
        Annotated[list[ShortText], Field(max_length=batch_rules.MAX_CONDITION_TAGS), NotEmpty]
        | None
    ) = None
    new: bool = False


class OverrideBody(Body):
    """Why the batch or drop is made although it breaks a price rule; an act keeps it."""

    reason: Annotated[str, Field(max_length=MAX_REASON), NotEmpty, Readable]


def override_reason(body: OverrideBody | None) -> str | None:
    """Return the reason, or None where there is no override."""
    return None if body is None else body.reason


RoomQuotaBodies = Annotated[list[RoomQuotaBody], Field(max_length=batch_rules.MAX_ROOMS)]


class RoomQuotaResponse(ResponseModel):
    """A room that may drop from the batch, and how much of its quota is left. Null: no limit."""

    room: str
    quantity: int | None
    remaining: int | None


class ClaimWindowResponse(ResponseModel):
    """The interval [from, until) in which coupons may be claimed."""

    from_at: Moment = Field(alias="from")
    until_at: Moment = Field(alias="until")


class ClaimConditionsResponse(ResponseModel):
    """The accounts that may claim: those with one of `tags` (absent: all), and only new ones if `new`."""

    tags: list[str] | None = absent()
    new: bool


class OfferResponse(ResponseModel):
    """The facts of a template that a teacher needs to drop its coupons."""

    name: str
    currency: str
    discount: dict[str, Any]


def room_quotas_of(rooms: list[RoomQuotaBody] | None) -> tuple[RoomQuota, ...] | None:
    if rooms is None:
        return None
    return tuple(RoomQuota(quota.room, quota.quantity) for quota in rooms)


def claim_window_of(body: ClaimWindowBody | None) -> ClaimWindow | None:
    return None if body is None else ClaimWindow(body.from_at, body.until_at)


def claim_conditions_of(body: ClaimConditionsBody | None) -> ClaimConditions:
    return ANYBODY if body is None else ClaimConditions(frozenset(body.tags or ()), body.new)


def room_quota_responses(
    batch: Batch, rooms: frozenset[str] | None
) -> list[RoomQuotaResponse] | None:
    """Return the quotas of these rooms (None: of all), or None where any room may drop from the batch."""
    if batch.rooms is None:
        return None
    return [
        RoomQuotaResponse(room=quota.room, quantity=quota.quantity, remaining=quota.remaining)
        for quota in batch.rooms
        if rooms is None or quota.room in rooms
    ]


def claim_window_response(window: ClaimWindow | None) -> ClaimWindowResponse | None:
    if window is None:
        return None
    return ClaimWindowResponse.model_validate({"from": window.from_at, "until": window.until_at})


def claim_conditions_response(conditions: ClaimConditions) -> ClaimConditionsResponse | None:
    """Return the conditions, or None where any account may claim."""
    if not conditions.tags and not conditions.new:
        return None
    return ClaimConditionsResponse(tags=sorted(conditions.tags) or None, new=conditions.new)


def summary_response(summary: BatchSummary) -> OfferResponse:
    return OfferResponse(
        name=summary.name, currency=summary.currency, discount=dict(summary.discount)
    )
