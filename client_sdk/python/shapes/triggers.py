"""Triggers: coupons that students get when something happens."""

from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.audiences import Rule

TriggerState = Literal["draft", "active", "paused", "ended"]


class When(TypedDict):
    """The type of a student event, `redemption.redeemed` or `redemption.refunded`, and conditions on it."""

    event: str
    conditions: NotRequired[Rule]


class Then(TypedDict):
    """The batch or the pack of which the student gets a coupon. One of the two is set."""

    batch_id: NotRequired[str]
    pack_id: NotRequired[str]


class TriggerLimits(TypedDict):
    """The most that a trigger fires: for each student, on each of the school's days, ever."""

    per_student: int
    per_day: NotRequired[int]
    total: NotRequired[int]


TriggerWindowForm = TypedDict(
    "TriggerWindowForm", {"from": NotRequired[str], "until": NotRequired[str]}
)
TriggerWindow = TypedDict("TriggerWindow", {"from": NotRequired[str], "until": NotRequired[str]})


class TriggerForm(TypedDict):
    """A trigger to create. It is a draft until it is activated.

    Events that are older than `ignore_older_than_seconds` when they come do not fire it: 48 hours.
    """

    name: str
    when: When
    then: Then
    limits: TriggerLimits
    window: NotRequired[TriggerWindowForm]
    ignore_older_than_seconds: NotRequired[int]
    metadata: NotRequired[dict[str, str] | None]


class TriggerEdit(TypedDict):
    """The fields of a trigger to change, each as a whole."""

    name: NotRequired[str]
    when: NotRequired[When]
    then: NotRequired[Then]
    limits: NotRequired[TriggerLimits]
    window: NotRequired[TriggerWindowForm]
    ignore_older_than_seconds: NotRequired[int]
    metadata: NotRequired[dict[str, str] | None]


class Trigger(TypedDict):
    """A trigger. `fired`: how often it has."""

    id: str
    version: int
    state: TriggerState
    name: str
    when: When
    then: Then
    limits: TriggerLimits
    window: NotRequired[TriggerWindow]
    ignore_older_than_seconds: int
    metadata: dict[str, str]
    fired: int
    created_at: str


class Triggers(TypedDict):
    """A page of triggers. `next` is null on the last page."""

    triggers: list[Trigger]
    next: str | None


class TriggerDryRun(TypedDict):
    """The last days as a trigger would have seen them.

    `events` of its type, `fulfilled` of them, `issued` within its limits, to so many `students`, of whom
    `sample` names at most 20. `complete` false: there was no time for the rest.
    """

    days: int
    events: int
    fulfilled: int
    issued: int
    students: int
    sample: list[str]
    complete: bool
