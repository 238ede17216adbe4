"""Batches: how many coupons of a template go out, through which channel and to whom."""

from typing import NotRequired, TypedDict

from client_sdk.python.shapes.stops import Stop
from client_sdk.python.shapes.templates import Discount

# `from` is a keyword.
Window = TypedDict("Window", {"from": str, "until": str})


class RoomQuotaForm(TypedDict):
    """A room that may use the batch, and the most it may take; without `quantity` there is no limit."""

    room: str
    quantity: NotRequired[int]


class RoomQuota(TypedDict):
    """A room's part of the batch. `quantity` and `remaining` are null where the room has no limit."""

    room: str
    quantity: int | None
    remaining: int | None


class ClaimConditionsForm(TypedDict, total=False):
    """The accounts that may claim: those with one of the tags, or new ones."""

    tags: list[str]
    new: bool


class ClaimConditions(TypedDict):
    """The accounts that may claim: those with one of the tags, or new ones."""

    tags: NotRequired[list[str]]
    new: bool


class PriceOverride(TypedDict):
    """Why a batch or a drop is made although it breaks a price rule; of an operator."""

    reason: str


class BatchForm(TypedDict):
    """The body that creates a batch. `quantity` null: unlimited, and not for drops. Without `rooms` every
    room may use it. `per_person` and `per_device` count the claims of all accounts whose tokens have the
    same `person` or `device`; absent: `per_person` is `per_student`, and a device has no limit."""

    template_id: str
    name: str
    quantity: int | None
    channel: str
    per_student: int
    per_person: NotRequired[int]
    per_device: NotRequired[int]
    code_prefix: NotRequired[str]
    hold_seconds: NotRequired[int]
    campaign_id: NotRequired[str]
    rooms: NotRequired[list[RoomQuotaForm]]
    claim_window: NotRequired[Window]
    claim_conditions: NotRequired[ClaimConditionsForm]
    max_per_minute: NotRequired[int]
    remind_before: NotRequired[list[int]]
    metadata: NotRequired[dict[str, str]]
    override: NotRequired[PriceOverride]


class TemplateSummary(TypedDict):
    """The part of a template that a teacher needs to drop its coupons."""

    name: str
    currency: str
    discount: Discount


class BatchEndForm(TypedDict):
    """The body that ends a batch for good. `use`: true stops the use of its coupons too."""

    reason: str
    use: NotRequired[bool]


class BatchEnd(TypedDict):
    """The end of a batch for good."""

    at: str
    by: str
    reason: str


class Batch(TypedDict):
    """A batch. `droppable` is the most that the caller could put into one drop now. `remaining` is null
    where `quantity` is null. `may_invite`: its channel allows tasks to invite. `ended`: no coupon of it is
    given any more."""

    id: str
    template_id: str
    template_version: int
    template: TemplateSummary
    name: str
    quantity: int | None
    remaining: int | None
    droppable: int
    channel: str
    may_invite: bool
    per_student: int
    per_person: int
    per_device: NotRequired[int]
    code_prefix: str
    hold_seconds: NotRequired[int]
    campaign_id: NotRequired[str]
    rooms: NotRequired[list[RoomQuota]]
    claim_window: NotRequired[Window]
    claim_conditions: NotRequired[ClaimConditions]
    max_per_minute: NotRequired[int]
    remind_before: NotRequired[list[int]]
    stopped: NotRequired[Stop]
    ended: NotRequired[BatchEnd]
    metadata: dict[str, str]
    created_at: str
    version: int


class Batches(TypedDict):
    """A page of batches. `next` is null on the last page."""

    batches: list[Batch]
    next: str | None


class BatchEdit(TypedDict, total=False):
    """The fields to change; null clears one. Once coupons are made of the batch, only these may change:
    `name`, `metadata`, `max_per_minute`, `remind_before`, a later end of `claim_window`, and a larger
    `quantity` together with `expected_quantity`, the quantity that the caller saw."""

    template_id: str
    name: str
    quantity: int | None
    channel: str
    per_student: int
    per_person: int | None
    per_device: int | None
    code_prefix: str | None
    hold_seconds: int | None
    campaign_id: str | None
    rooms: list[RoomQuotaForm] | None
    claim_window: Window | None
    max_per_minute: int | None
    remind_before: list[int] | None
    metadata: dict[str, str] | None
    expected_quantity: int
    override: PriceOverride
