"""Drops: as the room sees them, and as an instructor sees them."""

from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.batches import ClaimConditions
from client_sdk.python.shapes.templates import (
    Deducts,
    Discount,
    Scope,
    Style,
    Threshold,
    Validity,
)

DropState = Literal["prepared", "opening", "scheduled", "open", "sold_out", "closed"]
CloseReason = Literal["ended", "sold_out", "stopped", "cancelled"]


class AudienceForm(TypedDict, total=False):
    """The only students who may claim: those with one of the tags, and those named."""

    tags: list[str]
    students: list[str]


class Audience(TypedDict):
    """The only students who may claim: those with one of the tags, and those named."""

    tags: list[str]
    students: list[str]


class DropForm(TypedDict):
    """The body that creates a drop. `start` `prepared` makes it without opening it."""

    batch_id: str
    quantity: int
    duration_seconds: int
    message: NotRequired[str]
    start: NotRequired[Literal["now", "prepared"]]
    opens_in_seconds: NotRequired[int]
    audience: NotRequired[AudienceForm]
    mode: NotRequired[Literal["first", "draw"]]
    metadata: NotRequired[dict[str, str]]


class DropScope(Scope):
    """The scope of a drop. `more` counts courses and packages that are left out of its long lists."""

    more: NotRequired[int]


class Drop(TypedDict):
    """A drop as its room sees it. In a session, `state` follows the server's time.

    Only an instructor's session has the counters from `claimed` to `present`.
    """

    id: str
    state: DropState
    name: str
    description: str
    message: str
    currency: str
    discount: Discount
    threshold: Threshold
    scope: DropScope
    validity: Validity
    deducts: NotRequired[list[Deducts]]
    hold_seconds: NotRequired[int]
    use_url: NotRequired[str]
    style: NotRequired[Style]
    mode: Literal["first", "draw"]
    quantity: int
    remaining: int
    opens_at: str
    closes_at: str
    closed_at: NotRequired[str]
    close_reason: NotRequired[Literal["ended", "sold_out", "stopped"]]
    claimed: NotRequired[int]
    confirmed: NotRequired[int]
    redeemed: NotRequired[int]
    released: NotRequired[int]
    returned: NotRequired[int]
    revoked: NotRequired[int]
    settled_difference: NotRequired[int]
    reached: NotRequired[int]
    present: NotRequired[int]


class DropReport(TypedDict):
    """A drop as an instructor sees it. `gmv` and `discount_total` are minor units of `currency`.

    quantity = free + held + redeemed + returned + difference. A counter that has `_total` beside it can
    fall; the total cannot. `released` counts units that were not used in time and are free again. A
    `settled_difference` other than 0 means that desk and ledger disagree: a fault.
    """

    id: str
    room: str
    batch_id: str
    name: str
    currency: str
    discount: Discount
    state: DropState
    mode: Literal["first", "draw"]
    message: str
    quantity: int
    remaining: int
    duration_seconds: int
    opens_in_seconds: int
    audience: NotRequired[Audience]
    claim_conditions: NotRequired[ClaimConditions]
    opens_at: str | None
    closes_at: str | None
    closed_at: NotRequired[str]
    close_reason: NotRequired[CloseReason]
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
    created_at: str


class DropReports(TypedDict):
    """A page of drops. `next` is null on the last page."""

    drops: list[DropReport]
    next: str | None


class DropClaim(TypedDict):
    """One student's claim of a drop. `confirmed_at` is null until the claim is confirmed."""

    student: str
    state: Literal["won", "confirmed", "released", "revoked"]
    won_at: str
    confirmed_at: str | None


class DropClaims(TypedDict):
    """A page of claims. `next` is null on the last page."""

    claims: list[DropClaim]
    next: str | None
