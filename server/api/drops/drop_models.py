"""The request bodies, queries and responses of the endpoints of drops.

Used by `drops.py`. Only shapes and sizes; the rules are in core/drops/drop_rules.py.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator
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
from server.api.promotions.batch_parts import ClaimConditionsResponse, claim_conditions_response
from server.core.drops import drop_rules
from server.core.drops.claims import Audience, ClaimState
from server.core.drops.drops import (
    MAX_COUNTDOWN_SECONDS,
    MAX_DURATION_SECONDS,
    CloseReason,
    DropState,
)
from server.core.promotions.claim_conditions import ClaimConditions

Units = Annotated[int, Field(ge=1, le=drop_rules.MAX_QUANTITY)]
DurationSeconds = Annotated[int, Field(ge=1, le=MAX_DURATION_SECONDS)]


class AudienceBody(Body):
    """The students who may claim: those with one of the tags, and those who are named. Without an audience
    everybody may; an audience without tags and students is refused."""

    tags: Annotated[list[ShortText], Field(max_length=drop_rules.MAX_AUDIENCE_TAGS)] = Field(
        default_factory=list
    )
    students: Annotated[list[Student], Field(max_length=drop_rules.MAX_AUDIENCE_STUDENTS)] = Field(
        default_factory=list
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.tags and not self.students:
            raise PydanticCustomError("empty", "nobody is in it")
        return self


class DropBody(Body):
    """`start` `prepared`: the drop takes no stock until it is opened. `opens_in_seconds`: the countdown
    after that."""

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
    """`expected_quantity`: the quantity on the teacher's screen, so that a double click adds once."""

    add: Units
    expected_quantity: Units


class ExtendBody(Body):
    """`expected_closes_at`: the end on the teacher's screen, so that a double click extends once."""

    seconds: DurationSeconds
    expected_closes_at: Instant


class DropClaimsQuery(PageQuery):
    student: Student | None = None


class AudienceResponse(ResponseModel):
    tags: list[str]
    students: list[str]


class DropResponse(ResponseModel):
    """quantity = remaining + claimed + returned, and quantity = free + held + redeemed + returned +
    difference. A count that has a `_total` beside it can fall; the total cannot. `released`: claims whose
    hold ended before the coupon was used; their units can be claimed again. `revoked`: claims that were
    `won` and taken back with an apology. `gmv` and `discount_total` are in minor units of `currency`.
    `difference`: units that the desk has given out and the ledger does not have yet; if it is not 0 a few
    seconds after the last claim, there is a fault. `settled_difference`: units by which desk and ledger
    disagreed when they were last compared with no claim in transit; not 0 means a fault, null means not
    compared yet, or closed."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, from_attributes=True)

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
    claim_conditions: ClaimConditionsResponse | None = absent(validation_alias="conditions")
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

    @field_validator("audience", mode="before")
    @classmethod
    def _convert_audience(cls, audience: Audience) -> AudienceResponse | None:
        if audience.is_everybody:
            return None
        return AudienceResponse(tags=sorted(audience.tags), students=sorted(audience.students))

    @field_validator("claim_conditions", mode="before")
    @classmethod
    def _convert_conditions(cls, conditions: ClaimConditions) -> ClaimConditionsResponse | None:
        return claim_conditions_response(conditions)


class DropPageResponse(ResponseModel):
    drops: list[DropResponse]
    next: str | None


class DropClaimResponse(ResponseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)

    student: str
    state: ClaimState
    won_at: Moment
    confirmed_at: Moment | None


class DropClaimPageResponse(ResponseModel):
    claims: list[DropClaimResponse]
    next: str | None
