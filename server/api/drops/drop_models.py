"""The request bodies, queries and responses of the endpoints of drops.

Used by `drops.py`. Only shapes and sizes; the rules are in core/drops/drop_rules.py.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator
from pydantic_core import PydanticCustomError

from server.api.drops.task_models import TaskBody, TaskResponse
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
from server.api.promotions.batch_parts import (
    ClaimConditionsResponse,
    OverrideBody,
    claim_conditions_response,
)
from server.core.drops import drop_rules
from server.core.drops.claims import Audience
from server.core.drops.cues import CueKind, CueState
from server.core.drops.drop_ends import DropEnd
from server.core.drops.drops import (
    MAX_COUNTDOWN_SECONDS,
    MAX_DURATION_SECONDS,
    CloseReason,
    DropState,
    EndsBy,
)
from server.core.drops.tasks import Task, task_to_json
from server.core.promotions.claim_conditions import ClaimConditions
from server.ledger.drops.cues import DropCue

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


class ClosesAt(Body):
    at: Instant


def _is_word(value: object) -> str:
    return "[word]" if isinstance(value, str) else "[clock]"


Closes = Annotated[
    Annotated[Literal["open_end"], Tag("[word]")] | Annotated[ClosesAt, Tag("[clock]")],
    Discriminator(_is_word),
]


class DropBody(Body):
    """`start` `prepared`: the drop takes no stock until it is opened. `at`: it opens by itself then, and is
    prepared until then. `opens_in_seconds`: the countdown after that. `closes` in place of
    `duration_seconds`, never beside it: a time, or `open_end`: until it is closed or all is gone, 30 days at
    most. `rehearsal`: only the students of its audience see it, and nothing of it counts. `show_winners`: the
    room sees masked names of who won. `override`: of an operator alone."""

    batch_id: Id
    quantity: Units
    duration_seconds: DurationSeconds | None = None
    closes: Closes | None = None
    message: Message | None = None
    start: Literal["now", "prepared"] = "now"
    at: Instant | None = None
    rehearsal: bool = False
    show_winners: bool = False
    opens_in_seconds: Annotated[int, Field(ge=0, le=MAX_COUNTDOWN_SECONDS)] = 0
    audience: AudienceBody | None = None
    mode: Literal["first", "draw"] = "first"
    task: TaskBody | None = None
    metadata: Metadata | None = None
    override: OverrideBody | None = None


class DropEdit(Body):
    """Changes of a prepared drop; what is left out stays. `at` null: it waits for its teacher. An `audience`
    of null: everybody."""

    quantity: Units | None = None
    duration_seconds: DurationSeconds | None = None
    closes: Closes | None = None
    message: Message | None = None
    opens_in_seconds: Annotated[int, Field(ge=0, le=MAX_COUNTDOWN_SECONDS)] | None = None
    at: Instant | None = None
    audience: AudienceBody | None = None
    rehearsal: bool | None = None
    show_winners: bool | None = None


class ReopenBody(Body):
    """`quantity`: the units that it offers from now on, taken from the batch; without it, those that came
    back at its close. Without an end it lasts as long as before."""

    quantity: Units | None = None
    duration_seconds: DurationSeconds | None = None
    closes: Closes | None = None
    opens_in_seconds: Annotated[int, Field(ge=0, le=MAX_COUNTDOWN_SECONDS)] = 0


class TopUpBody(Body):
    """`expected_quantity`: the quantity on the teacher's screen, so that a double click adds once."""

    add: Units
    expected_quantity: Units


class ExtendBody(Body):
    """`expected_closes_at`: the end on the teacher's screen, so that a double click extends once."""

    seconds: DurationSeconds
    expected_closes_at: Instant


class DropsQuery(PageQuery):
    """`ended`: only drops that are closed, or only those that are not."""

    ended: bool | None = None


class DropClaimsQuery(PageQuery):
    student: Student | None = None


class AudienceResponse(ResponseModel):
    tags: list[str]
    students: list[str]


class ClosesAtResponse(ResponseModel):
    at: Moment


class DrawCardResponse(ResponseModel):
    """A draw as everybody may know it: first the SHA-256 of its seed, after the close how many entries
    there are and the root over them, at the end the seed and the number of winners."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    commitment: str
    entries: int | None = absent()
    root: str | None = absent()
    seed: str | None = absent()
    winners: int | None = absent()


class DropSealResponse(ResponseModel):
    """The seal of a closed drop (GET /v1/drops/{id}/receipt)."""

    root: str
    count: int
    stock: int
    came_back: int
    given_again: int
    seal: str
    previous: str | None = absent()


class DropResponse(ResponseModel):
    """quantity = remaining + claimed + returned, and quantity = free + held + redeemed + returned +
    difference. A count that has a `_total` beside it can fall; the total cannot. `released`: claims whose
    hold ended before the coupon was used; their units can be claimed again. `revoked`: claims that were
    `won` and taken back with an apology. `gmv` and `discount_total` are in minor units of `currency`.
    `difference`: units that the desk has given out and the ledger does not have yet; if it is not 0 a few
    seconds after the last claim, there is a fault. `settled_difference`: units by which desk and ledger
    disagreed when they were last compared with no claim in transit; not 0 means a fault, null means not
    compared yet, or closed. `closes` is there where the drop has no `duration_seconds`; with `open_end` its
    `closes_at` is null. `openings`: 1, and 1 for each time it was opened again. `at`: when it opens by
    itself. `entries`: how many have entered, of a draw. `seal`: that of its last close, some
    seconds after it."""

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
    duration_seconds: int | None
    closes: ClosesAtResponse | Literal["open_end"] | None = absent(validation_alias="end")
    opens_in_seconds: int
    at: Moment | None = absent(validation_alias="cue")
    openings: int
    rehearsal: bool | None = absent()
    show_winners: bool | None = absent()
    audience: AudienceResponse | None = absent()
    claim_conditions: ClaimConditionsResponse | None = absent(validation_alias="conditions")
    task: TaskResponse | None = absent()
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
    draw: DrawCardResponse | None = absent()
    entries: int | None = absent()
    seal: DropSealResponse | None = absent()
    metadata: dict[str, str]
    created_by: str
    created_at: Moment

    @field_validator("duration_seconds", mode="before")
    @classmethod
    def _convert_duration(cls, seconds: int) -> int | None:
        return seconds or None

    @field_validator("closes", mode="before")
    @classmethod
    def _convert_end(cls, end: DropEnd) -> ClosesAtResponse | str | None:
        if end.by is EndsBy.DURATION or end.at is None:
            return "open_end" if end.by is EndsBy.HAND else None
        return ClosesAtResponse(at=end.at)

    @field_validator("at", mode="before")
    @classmethod
    def _convert_cue(cls, cue: DropCue | None) -> int | None:
        if cue is None or cue.cue.kind is not CueKind.AT or cue.state is not CueState.WAITING:
            return None
        return cue.cue.value

    @field_validator("rehearsal", "show_winners", mode="before")
    @classmethod
    def _convert_flag(cls, flag: bool) -> bool | None:
        return flag or None

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

    @field_validator("task", mode="before")
    @classmethod
    def _convert_task(cls, task: Task | None) -> TaskResponse | None:
        return None if task is None else TaskResponse.model_validate(task_to_json(task))


class DropPageResponse(ResponseModel):
    drops: list[DropResponse]
    next: str | None


class DropClaimResponse(ResponseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)

    student: str
    state: Literal["won", "confirmed", "released", "revoked"]
    won_at: Moment
    confirmed_at: Moment | None


class DropClaimPageResponse(ResponseModel):
    claims: list[DropClaimResponse]
    next: str | None
