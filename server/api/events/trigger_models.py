"""Bodies and responses of /v1/triggers. Used by triggers.py alone."""

from typing import Annotated

from pydantic import Field, StringConstraints

from server.api.audiences.rule_bodies import Rule
from server.api.http.fields import (
    Body,
    FromDay,
    Id,
    Message,
    Metadata,
    Moment,
    ResponseModel,
    Title,
    UntilDay,
    absent,
)
from server.core.events import triggers as core

EventName = Annotated[
    str, StringConstraints(min_length=1, max_length=62, pattern=r"^[A-Za-z0-9_.]+$")
]
Total = Annotated[int, Field(ge=1, le=core.MAX_TOTAL)]


class When(Body):
    """`event`: the type of a student event, `redemption.redeemed` or `redemption.refunded`."""

    event: EventName
    conditions: Rule | None = absent()


class Then(Body):
    """The batch or the pack of which the student gets a coupon."""

    batch_id: Id | None = absent()
    pack_id: Id | None = absent()


class TriggerLimits(Body):
    """The most that a trigger fires: for each student, on each of the school's days, ever."""

    per_student: Annotated[int, Field(ge=1, le=core.MAX_PER_STUDENT)]
    per_day: Total | None = absent()
    total: Total | None = absent()


class TriggerWindowBody(Body):
    """The time of the events that count, [from, until)."""

    from_at: Annotated[FromDay | None, Field(alias="from")] = None
    until: UntilDay | None = None


class TriggerWindow(ResponseModel):
    """The time of the events that count, [from, until)."""

    from_at: Annotated[Moment | None, Field(alias="from", exclude_if=lambda it: it is None)] = None
    until: Moment | None = absent()


Ignored = Annotated[int, Field(ge=60, le=core.MAX_IGNORE_S)]


class TriggerBody(Body):
    """`ignore_older_than_seconds`: events that are older when they come do not fire it; 48 hours."""

    name: Title
    when: When
    then: Then
    limits: TriggerLimits
    window: TriggerWindowBody | None = None
    ignore_older_than_seconds: Ignored = core.IGNORE_OLDER_THAN_S
    metadata: Metadata | None = None


class TriggerEdit(Body):
    """Fields that are sent are changed, each as a whole."""

    name: Title | None = None
    when: When | None = None
    then: Then | None = None
    limits: TriggerLimits | None = None
    window: TriggerWindowBody | None = None
    ignore_older_than_seconds: Ignored | None = None
    metadata: Metadata | None = None


class ActivateBody(Body):
    """`catch_up`: fire also for what happened while it was paused."""

    catch_up: bool = False


class PauseBody(Body):
    """`reason`: why, for the log of acts."""

    reason: Message = ""


class DryRunBody(Body):
    days: Annotated[int, Field(ge=1, le=core.MAX_DRY_RUN_DAYS)]


class TriggerResponse(ResponseModel):
    """`fired`: how often it has."""

    id: str
    version: int
    state: core.TriggerState
    name: str
    when: When
    then: Then
    limits: TriggerLimits
    window: TriggerWindow | None = absent()
    ignore_older_than_seconds: int
    metadata: dict[str, str]
    fired: int
    created_at: Moment


class TriggerPageResponse(ResponseModel):
    triggers: list[TriggerResponse]
    next: str | None


class DryRunResponse(ResponseModel):
    """`events` of its type, `fulfilled` of them, `issued` within its limits, to so many `students`; `sample`
    names up to 20. `complete` false: there was no time for the rest.
    """

    days: int
    events: int
    fulfilled: int
    issued: int
    students: int
    sample: list[str]
    complete: bool
