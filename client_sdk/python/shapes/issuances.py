"""Coupons that students get without a tap."""

from typing import Literal, NotRequired, TypedDict

IssuanceState = Literal[
    "draft", "scheduled", "counting_down", "running", "done", "stopped", "undone"
]
IssuanceSource = Literal["api", "audience", "import", "trigger", "lottery", "offer"]
ItemOutcome = Literal[
    "issued",
    "held_out",
    "blocked",
    "stopped",
    "not_eligible",
    "limit_reached",
    "stock_short",
    "budget_short",
    "duplicate",
]


class NotifyForm(TypedDict):
    """A message to each student who gets a coupon. Without `text` clients show their own words."""

    text: NotRequired[str]
    channels: NotRequired[list[Literal["in_app", "webhook", "email"]]]


class IssuanceForm(TypedDict):
    """An issuance as it is asked for: one of `students`, `audience_id` and `import_id`, and one of `batch_id`
    and `pack_id`. `repeat`: a rule such as `FREQ=WEEKLY;BYDAY=MO`, counted from `send_at`.
    """

    batch_id: NotRequired[str]
    pack_id: NotRequired[str]
    students: NotRequired[list[str]]
    audience_id: NotRequired[str]
    import_id: NotRequired[str]
    reason: str
    send_at: NotRequired[str]
    repeat: NotRequired[str]
    notify: NotRequired[NotifyForm]
    hold_out_percent: NotRequired[int]
    metadata: NotRequired[dict[str, str]]


class IssuanceItem(TypedDict):
    """A student of an issuance. `outcome` is null until it is decided; a pack gives several `coupon_ids`."""

    student: str
    outcome: ItemOutcome | None
    coupon_id: NotRequired[str]
    coupon_ids: NotRequired[list[str]]
    decided_at: NotRequired[str]


class IssuanceItems(TypedDict):
    """A page of students, in the order of their ids. `next` is null on the last page."""

    items: list[IssuanceItem]
    next: str | None


class Issuance(TypedDict):
    """An issuance as it stands. `items`: where at most 20 students were named and it is done. `waiting`: it
    is a draft until another operator approves. `approval_id`, of one issuance: the approval for which it
    waits, or waited."""

    id: str
    state: IssuanceState | Literal["waiting"]
    approval_id: NotRequired[str]
    batch_id: NotRequired[str]
    pack_id: NotRequired[str]
    source: IssuanceSource
    source_id: NotRequired[str]
    reason: str
    asked: int
    issued: int
    refused: int
    held_out: int
    taken_back: int
    hold_out_percent: int
    repeat: NotRequired[str]
    parent_id: NotRequired[str]
    created_by: str
    created_at: str
    due_at: NotRequired[str]
    started_at: NotRequired[str]
    finished_at: NotRequired[str]
    metadata: dict[str, str]
    items: NotRequired[list[IssuanceItem]]


class Issuances(TypedDict):
    """A page of issuances. `next` is null on the last page."""

    issuances: list[Issuance]
    next: str | None
