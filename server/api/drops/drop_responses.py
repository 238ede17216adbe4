"""What is said of drops at the API: the bodies of requests, and what answers show.

Used by `drops.py`. The JSON of the contract, and nothing that happens.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from server.api.http.fields import (
    Body,
    Id,
    Instant,
    Message,
    Metadata,
    Moment,
    ResponseModel,
    ShortText,
    Student,
    absent,
)
from server.api.http.paging import PageQuery
from server.api.promotions.batches import ClaimConditionsResponse
from server.core.drops import drop_rules
from server.core.drops.claims import ClaimState
from server.core.drops.drops import (
    MAX_COUNTDOWN_SECONDS,
    MAX_DURATION_SECONDS,
    CloseReason,
    DropState,
)

Units = Annotated[int, Field(ge=1, le=drop_rules.MAX_QUANTITY)]
DurationSeconds = Annotated[int, Field(ge=1, le=MAX_DURATION_SECONDS)]


class AudienceBody(Body):
    """Whoever has one of the tags or is named. Without an audience it is everybody; one that nobody is in is
    refused."""

    tags: Annotated[list[ShortText], Field(max_length=drop_rules.MAX_AUDIENCE_TAGS)] = Field(
        default_factory=list
    )
    students: Annotated[list[Student], Field(max_length=drop_rules.MAX_AUDIENCE_STUDENTS)] = Field(
        default_factory=list
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.tags and not self.students:
            raise PydanticCustomError("empty", "nobody is in it")
        return self


class DropBody(Body):
    """`prepared` takes no stock until it is opened. `opens_in_seconds` is the countdown from its
    opening on."""

    batch_id: Id
    quantity: Units
    duration_seconds: DurationSeconds
    message: Message | None = None
    start: Literal["now", "prepared"] = "now"
    opens_in_seconds: Annotated[int, Field(ge=0, le=MAX_COUNTDOWN_SECONDS)] = 0
    audience: AudienceBody | None = None
    mode: Literal["first", "draw"] = "first"
    metadata: Metadata | None = None


class TopUpBody(Body):
    """`expected_quantity`: what the teacher saw, so that a button pressed twice counts once."""

    add: Units
    expected_quantity: Units


class ExtendBody(Body):
    """`expected_closes_at`: what the teacher saw, so that a button pressed twice counts once."""

    seconds: DurationSeconds
    expected_closes_at: Instant


class DropClaimsQuery(PageQuery):
    student: Student | None = None


class AudienceResponse(ResponseModel):
    tags: list[str]
    students: list[str]


class DropResponse(ResponseModel):
    """quantity = remaining + claimed + returned, and quantity = free + held + redeemed + returned +
    difference. What has `_total` beside it can fall, the total cannot. `released`: claims whose hold ended
    unused, their units are among the others again. `revoked`: told `won`, and taken back with an apology.
    `gmv` and `discount_total` in minor units of `currency`. `difference`: claims the desk has and the
    ledger not yet; a moment after the last claim anything but 0 is a fault. `settled_difference`: units by
    which desk and ledger disagreed when they were last compared with nothing on its way; anything but 0 is
    a fault, null: not compared yet, or closed."""

    id: str
    room: str
    batch_id: str
    name: str
    currency: str
    discount: dict[str, Any]
    state: DropState
    mode: str
    message: str
    quantity: int
    remaining: int
    duration_seconds: int
    opens_in_seconds: int
    audience: AudienceResponse | None = absent()
    claim_conditions: ClaimConditionsResponse | None = absent()
    opens_at: Moment | None
    closes_at: Moment | None
    closed_at: Moment | None = absent()
    close_reason: CloseReason | None = absent()
    reached: int
    claimed: int
    claimed_total: int
    confirmed: int
    confirmed_total: int
    redeemed: int
    redeemed_total: int
    free: int
    held: int
    released: int
    returned: int
    revoked: int
    present: int
    present_at_open: int | None
    gmv: int
    discount_total: int
    difference: int
    settled_difference: int | None
    metadata: dict[str, str]
    created_by: str
    created_at: Moment


class DropPageResponse(ResponseModel):
    drops: list[DropResponse]
    next: str | None


class DropClaimResponse(ResponseModel):
    student: str
    state: ClaimState
    won_at: Moment
    confirmed_at: Moment | None


class DropClaimPageResponse(ResponseModel):
    claims: list[DropClaimResponse]
    next: str | None
