"""Drops: as the room sees them, and as an instructor sees them."""

from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.batches import ClaimConditions, PriceOverride
from client_sdk.python.shapes.tasks import Task, TaskForm
from client_sdk.python.shapes.templates import (
    Deducts,
    Discount,
    Scope,
    Style,
    Threshold,
    Validity,
)

DropState = Literal[
    "prepared", "opening", "scheduled", "open", "sold_out", "drawing", "closed", "aborted"
]
CloseReason = Literal["ended", "sold_out", "stopped", "cancelled", "aborted"]


class DrawCard(TypedDict):
    """A draw as everybody knows it: first `commitment`, the SHA-256 of its seed; after the close how many
    entries there are and the root over them; at the end the seed and the number of winners.
    """

    commitment: str
    entries: NotRequired[int]
    root: NotRequired[str]
    seed: NotRequired[str]
    winners: NotRequired[int]


class AudienceForm(TypedDict, total=False):
    """The only students who may claim: those with one of the tags, and those named."""

    tags: list[str]
    students: list[str]


class Audience(TypedDict):
    """The only students who may claim: those with one of the tags, and those named."""

    tags: list[str]
    students: list[str]


class ClosesAt(TypedDict):
    """A drop that ends at a time of the clock."""

    at: str


# A time, or until somebody closes the drop or all is gone.
Closes = ClosesAt | Literal["open_end"]


class DropForm(TypedDict):
    """The body that creates a drop. `start` `prepared` makes it without opening it, and so does `at`, when it
    opens by itself. `closes` stands in place of `duration_seconds`. `rehearsal`: only the students of
    `audience` see it, and nothing of it counts."""

    batch_id: str
    quantity: int
    duration_seconds: NotRequired[int]
    closes: NotRequired[Closes]
    at: NotRequired[str]
    rehearsal: NotRequired[bool]
    show_winners: NotRequired[bool]
    message: NotRequired[str]
    start: NotRequired[Literal["now", "prepared"]]
    opens_in_seconds: NotRequired[int]
    audience: NotRequired[AudienceForm]
    mode: NotRequired[Literal["first", "draw"]]
    task: NotRequired[TaskForm]
    metadata: NotRequired[dict[str, str]]
    override: NotRequired[PriceOverride]


class DropEdit(TypedDict, total=False):
    """Changes of a prepared drop; what is left out stays. `at` null: it waits for its teacher."""

    quantity: int
    duration_seconds: int
    closes: Closes
    message: str
    opens_in_seconds: int
    at: str | None
    audience: AudienceForm | None
    rehearsal: bool
    show_winners: bool


class ReopenForm(TypedDict):
    """The body that opens a closed drop again. `quantity`: what it offers from now on; without it, the units
    that came back at its close. Without an end it lasts as long as before."""

    quantity: NotRequired[int]
    duration_seconds: NotRequired[int]
    closes: NotRequired[Closes]
    opens_in_seconds: NotRequired[int]


class DropScope(Scope):
    """The scope of a drop. `more` counts courses and packages that are left out of its long lists."""

    more: NotRequired[int]


class DropSeal(TypedDict):
    """The seal of a drop as its room is told: `count` claims of `stock` units under the Merkle `root`.

    `came_back` claims gave their unit back before; `given_again` of the claims have a unit that came back.
    `seal` is the hash over all of it, `previous` that of the close before, where the drop was opened again.
    """

    root: str
    count: int
    stock: int
    came_back: int
    given_again: int
    seal: str
    previous: NotRequired[str]


class Drop(TypedDict):
    """A drop as its room sees it. In a session, `state` follows the server's time.

    `closes_at` null: it is open until somebody closes it. Only an instructor's session has the counters from
    `entered` to `present`.
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
    task: NotRequired[Task]
    mode: Literal["first", "draw"]
    quantity: int
    remaining: int
    opens_at: str
    closes_at: str | None
    rehearsal: NotRequired[bool]
    show_winners: NotRequired[bool]
    closed_at: NotRequired[str]
    close_reason: NotRequired[Literal["ended", "sold_out", "stopped", "aborted"]]
    draw: NotRequired[DrawCard]
    entered: NotRequired[int]
    seal: NotRequired[DropSeal]
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
    duration_seconds: int | None
    closes: NotRequired[Closes]
    opens_in_seconds: int
    at: NotRequired[str]
    openings: int
    rehearsal: NotRequired[bool]
    show_winners: NotRequired[bool]
    audience: NotRequired[Audience]
    claim_conditions: NotRequired[ClaimConditions]
    task: NotRequired[Task]
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
    draw: NotRequired[DrawCard]
    entries: NotRequired[int]
    seal: NotRequired[DropSeal]
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
