"""The shapes of what goes over HTTP and the socket, as types only.

Names and units are the contract's (`PROTOCOL.md`): times are RFC 3339 text, money is an integer of
minor units. Answers may hold more fields than listed. Twin of `javascript/shapes.js`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NotRequired, TypedDict


class Status(StrEnum):
    """Of the connection. `waiting` comes back by itself, `stopped` does not."""

    CONNECTING = "connecting"
    JOINING = "joining"
    LIVE = "live"
    WAITING = "waiting"
    STOPPED = "stopped"


class ClaimState(StrEnum):
    """`refused`: see the outcome. `answered`: an outcome newer than this SDK."""

    PENDING = "pending"
    WON = "won"
    CONFIRMED = "confirmed"
    ENTERED = "entered"
    REFUSED = "refused"
    ANSWERED = "answered"
    RELEASED = "released"
    REVOKED = "revoked"


Role = Literal["student", "instructor", "operator", "finance", "service"]
DropState = Literal["prepared", "scheduled", "open", "sold_out", "drawing", "closed"]


class Discount(TypedDict):
    """`amount` for amount_off; `percent` taken off (20 = 8折) for percent_off, `of` the total (absent) or of
    each line; items_free: from `from_items` pieces the `free_items` cheapest are free; gift: a `course`
    at 0; rebate: `credit` is credited `after` the payment or the return window."""

    kind: Literal["amount_off", "percent_off", "items_free", "gift", "rebate"]
    amount: NotRequired[int]
    percent: NotRequired[int]
    max_amount: NotRequired[int | None]
    of: NotRequired[Literal["total", "lines"]]
    from_items: NotRequired[int]
    free_items: NotRequired[int]
    course: NotRequired[str]
    name: NotRequired[str]
    list_price: NotRequired[int]
    quantity: NotRequired[int]
    credit: NotRequired["Discount"]
    after: NotRequired[Literal["payment", "return_window"]]
    return_window_days: NotRequired[int]


Deducts = Literal["goods", "shipping", "tax", "fee"]


class Threshold(TypedDict):
    """Of the goods in scope, `counted` before other coupons (absent) or after those before it."""

    min_amount: int
    min_quantity: NotRequired[int]
    counted: NotRequired[Literal["before", "after"]]


class Scope(TypedDict):
    """Empty = everything. `sale_prices` False: not on lines below their list price. `more`, on a drop:
    courses and packages that are not listed here, because there are too many."""

    courses: list[str]
    packages: list[str]
    except_courses: NotRequired[list[str]]
    except_packages: NotRequired[list[str]]
    sale_prices: NotRequired[bool]
    more: NotRequired[int]


# `class` is a keyword.
Stacking = TypedDict(
    "Stacking",
    {
        "class": Literal["product", "order", "shipping"],
        "combines_with": list[Literal["product", "order", "shipping"]],
    },
)


class Returns(TypedDict, total=False):
    """What becomes of a coupon whose order is undone."""

    after_cancel: Literal["back", "kept"]
    after_refund: Literal["back", "kept"]
    after_partial_refund: Literal["back", "kept"]
    broken_threshold: Literal["keep", "charge_back"]


# `from` is a keyword.
Validity = TypedDict(
    "Validity",
    {
        "kind": Literal["fixed", "relative"],
        "from": NotRequired[str],
        "until": NotRequired[str],
        "seconds": NotRequired[int],
        "cap_at_batch_end": NotRequired[bool],
        "wait_seconds": NotRequired[int],
    },
)
Window = TypedDict("Window", {"from": str, "until": str})


class Style(TypedDict, total=False):
    colour: str
    image: str


class TemplateForm(TypedDict):
    name: str
    description: str
    currency: str
    discount: Discount
    threshold: Threshold
    scope: Scope
    validity: Validity
    deducts: NotRequired[list[Deducts]]
    stacking: NotRequired[Stacking]
    uses_per_student: NotRequired[int]
    returns: NotRequired[Returns]
    style: NotRequired[Style]
    use_url: NotRequired[str]
    metadata: NotRequired[dict[str, str]]


class Template(TemplateForm):
    id: str
    version: int


class Templates(TypedDict):
    templates: list[Template]
    next: str | None


class RoomQuota(TypedDict):
    room: str
    quantity: NotRequired[int]


class ClaimConditions(TypedDict, total=False):
    """What an account must be to claim: have one of the tags, be new."""

    tags: list[str]
    new: bool


class Stop(TypedDict):
    """What is stopped now; the rest is of the last change."""

    claims: bool
    use: bool
    reason: str
    changed_by: str
    changed_at: str


class StopForm(TypedDict, total=False):
    """Which of the two: what is not named stays as it is."""

    claims: bool
    use: bool
    reason: str


class Money(TypedDict):
    amount: int
    currency: str


class BudgetForm(TypedDict, total=False):
    money: Money
    pieces: int


Phase = TypedDict("Phase", {"name": str, "from": str, "until": str})


class CampaignForm(TypedDict):
    """`per_student`: claims of one student over all its batches."""

    name: str
    purpose: str
    starts_at: str
    ends_at: str
    budget: NotRequired[BudgetForm]
    phases: NotRequired[list[Phase]]
    per_student: NotRequired[int]
    metadata: NotRequired[dict[str, str]]


class BudgetWarning(TypedDict):
    """`level`: percent of the budget, taken for the first time at `at`."""

    level: int
    at: str


class BudgetParts(TypedDict):
    """amount = free + exposed (out, not used yet, at its greatest) + settled (really taken off)."""

    amount: int
    currency: NotRequired[str]
    free: int
    exposed: int
    settled: int
    warnings: list[BudgetWarning]


class Budget(TypedDict, total=False):
    money: BudgetParts
    pieces: BudgetParts


class Campaign(TypedDict):
    """`phase`: the name of the one that is now; `stopped` only while something is."""

    id: str
    name: str
    purpose: str
    starts_at: str
    ends_at: str
    budget: NotRequired[Budget]
    phases: list[Phase]
    phase: NotRequired[str]
    per_student: NotRequired[int]
    stopped: NotRequired[Stop]
    metadata: dict[str, str]
    created_by: str
    created_at: str


class Campaigns(TypedDict):
    campaigns: list[Campaign]
    next: str | None


class BatchForm(TypedDict):
    """`quantity` None: unlimited, not for drops. `rooms` absent: any."""

    template_id: str
    name: str
    quantity: int | None
    channel: str
    per_student: int
    code_prefix: NotRequired[str]
    hold_seconds: NotRequired[int]
    campaign_id: NotRequired[str]
    rooms: NotRequired[list[RoomQuota]]
    claim_window: NotRequired[Window]
    claim_conditions: NotRequired[ClaimConditions]
    metadata: NotRequired[dict[str, str]]


class Offer(TypedDict):
    """What a teacher must know of a batch's template to drop it."""

    name: str
    currency: str
    discount: Discount


class Batch(BatchForm):
    """`droppable`: the most that the caller could put into one drop now."""

    id: str
    template: Offer
    remaining: int | None
    droppable: int
    version: int
    stopped: NotRequired[Stop]


class Batches(TypedDict):
    batches: list[Batch]
    next: str | None


class Balance(TypedDict):
    currency: str
    amount: int


class BalanceEntry(TypedDict):
    """`kind`: rebate, spent, given_back, taken_back. `amount` is signed."""

    id: str
    at: str
    currency: str
    amount: int
    kind: str
    redemption_id: NotRequired[str]


class Account(TypedDict):
    """A student's; `entries` newest first."""

    balances: list[Balance]
    entries: list[BalanceEntry]
    next: str | None


class Act(TypedDict):
    """Who did what to the thing of the id `subject`."""

    id: str
    at: str
    actor: str
    action: str
    subject: str
    detail: dict[str, object]


class Acts(TypedDict):
    acts: list[Act]
    next: str | None


class BatchEdit(TypedDict, total=False):
    """What is to change. Once something is made of the batch: `name`, `metadata`, a later end of
    `claim_window`, a larger `quantity` (with `expected_quantity`, the one that was seen)."""

    template_id: str
    name: str
    quantity: int | None
    channel: str
    per_student: int
    code_prefix: str | None
    hold_seconds: int | None
    rooms: list[RoomQuota] | None
    claim_window: Window | None
    metadata: dict[str, str] | None
    expected_quantity: int


CodeSource = Literal["list", "link"]


class CodeRun(TypedDict):
    """`made` of `quantity` codes are there."""

    id: str
    batch_id: str
    source: CodeSource
    quantity: int
    made: int
    created_at: str


class ListedCode(TypedDict):
    """`state`: `unbound` until a student has it; then as a coupon's, or `voided`."""

    id: str
    code: str
    state: str
    source: str
    created_at: str
    student: NotRequired[str]
    bound_at: NotRequired[str]
    valid_from: NotRequired[str]
    valid_until: NotRequired[str]


class Codes(TypedDict):
    codes: list[ListedCode]
    next: str | None


class VoidedCode(TypedDict):
    """`state` None: the batch has no such code. Not `voided`: a student has it."""

    code: str
    state: str | None


class VoidedCodes(TypedDict):
    codes: list[VoidedCode]


class AudienceForm(TypedDict, total=False):
    tags: list[str]
    students: list[str]


class DropForm(TypedDict):
    batch_id: str
    quantity: int
    duration_seconds: int
    message: NotRequired[str]
    start: NotRequired[Literal["now", "prepared"]]
    opens_in_seconds: NotRequired[int]
    audience: NotRequired[AudienceForm]
    mode: NotRequired[Literal["first", "draw"]]
    metadata: NotRequired[dict[str, str]]


class Drop(TypedDict):
    """A drop as its room is told of it. In a session `state` follows server time. The counters are
    for instructors only."""

    id: str
    state: str
    name: str
    description: str
    message: str
    currency: str
    discount: Discount
    threshold: Threshold
    scope: Scope
    validity: Validity
    deducts: NotRequired[list[Deducts]]
    hold_seconds: NotRequired[int]
    use_url: NotRequired[str]
    style: NotRequired[Style]
    mode: str
    quantity: int
    remaining: int
    opens_at: str
    closes_at: str
    closed_at: NotRequired[str]
    close_reason: NotRequired[str]
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
    """What an instructor is shown of a drop. `discount` is what one coupon is worth; `gmv` and
    `discount_total` are minor units of `currency`. What has `_total` beside it can fall. `released`:
    not used in time, their units are among the others again.
    quantity = free + held + redeemed + returned + difference; `settled_difference` not 0: a fault."""

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
    opens_at: str | None
    closes_at: str | None
    closed_at: NotRequired[str]
    close_reason: NotRequired[str]
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
    audience: NotRequired[AudienceForm]
    claim_conditions: NotRequired[ClaimConditions]
    metadata: dict[str, str]
    created_at: str


class DropReports(TypedDict):
    drops: list[DropReport]
    next: str | None


class DropClaim(TypedDict):
    student: str
    state: str
    won_at: str
    confirmed_at: str | None


class DropClaims(TypedDict):
    claims: list[DropClaim]
    next: str | None


class Coupon(TypedDict):
    """`use_by` is the one date to show. `state`: usable (absent: usable), locked, redeemed, expired,
    voided; `version` counts its moves. `order_id` while it is locked or redeemed, `locked_until` while it
    is locked, `redeemed_at` when it was used."""

    id: str
    code: str
    name: str
    valid_from: str
    valid_until: str
    use_by: str
    use_url: NotRequired[str]
    state: NotRequired[str]
    version: NotRequired[int]
    order_id: NotRequired[str]
    locked_until: NotRequired[str]
    redeemed_at: NotRequired[str]


class CouponChange(TypedDict):
    """A coupon of mine has moved; without `drop_id` no drop gave it."""

    coupon_id: str
    drop_id: NotRequired[str]
    state: str
    version: NotRequired[int]
    use_by: NotRequired[str]
    order_id: NotRequired[str]
    locked_until: NotRequired[str]
    redeemed_at: NotRequired[str]


class WalletCoupon(TypedDict):
    """As `Coupon`; released and revoked ones as well."""

    id: str
    code: str
    name: str
    valid_from: str
    valid_until: str
    use_by: str
    use_url: NotRequired[str]
    order_id: NotRequired[str]
    locked_until: NotRequired[str]
    redeemed_at: NotRequired[str]
    version: NotRequired[int]
    state: Literal["usable", "locked", "redeemed", "expired", "released", "revoked"]
    template: dict[str, object]
    drop_id: NotRequired[str]
    batch_id: str


class PendingClaim(TypedDict):
    drop_id: str
    state: str
    won_at: str


class Wallet(TypedDict):
    coupons: list[WalletCoupon]
    pending: list[PendingClaim]
    next: str | None


class ClaimAnswer(TypedDict):
    """`coupon` only over HTTP, where it is confirmed already."""

    request_id: str
    drop_id: str
    outcome: str
    coupon_id: NotRequired[str]
    coupon: NotRequired[Coupon]
    retry_after_ms: NotRequired[int]
    limit: NotRequired[Literal["batch", "device", "person", "campaign"]]


class ToldClaim(TypedDict):
    """A claim of mine as `welcome` and the snapshot tell it."""

    drop_id: str
    state: str
    won_at: NotRequired[str]
    coupon: NotRequired[Coupon]


class Snapshot(TypedDict):
    room: str
    student: str
    now: str
    epoch: str
    offset: int
    present: int
    drops: list[Drop]
    claims: list[ToldClaim]


class OrderLine(TypedDict):
    id: str
    course: str
    packages: NotRequired[list[str]]
    unit_price: int
    quantity: int
    list_price: NotRequired[int]
    kind: NotRequired[Literal["course", "shipping", "tax", "fee"]]
    floor_price: NotRequired[int]


class Order(TypedDict):
    currency: str
    lines: list[OrderLine]


class QuoteForm(TypedDict):
    student: NotRequired[str]
    order: Order
    coupons: NotRequired[list[str] | Literal["best"]]
    balance: NotRequired[int]  # how much of the student's to take at most
    order_id: NotRequired[str]  # of the student's own order: what it has locked is free


class PricedLine(TypedDict):
    id: str
    discount: int
    payable: int


class Applied(TypedDict):
    """`base`: what it was computed on. `worth`: of a gift or rebate, which take nothing off."""

    code: str
    discount: int
    base: int
    worth: NotRequired[int]


class QuotedGift(TypedDict):
    """A line at 0; `list_price` is that of one piece, `coupon` the code that adds it."""

    course: str
    name: NotRequired[str]
    quantity: int
    list_price: int
    coupon: str


class QuotedRebate(TypedDict):
    code: str
    amount: int
    after: Literal["payment", "return_window"]
    days: NotRequired[int]


class Best(TypedDict):
    codes: list[str]
    discount: int
    exact: bool


class Usable(TypedDict):
    """`fits`: can be combined with what is ticked."""

    code: str
    name: str
    discount: int
    adds: int
    worth: NotRequired[int]
    fits: bool
    use_by: str


class Unusable(TypedDict):
    """What is missing to the threshold: `short_by`, `short_pieces`."""

    code: str
    reason: str
    short_by: NotRequired[int]
    short_pieces: NotRequired[int]


class Hint(TypedDict):
    """Spend `spend_more` more, in `pieces_more` pieces of equal price where pieces are missing, and save at
    least `save_more` more."""

    code: str
    spend_more: int
    pieces_more: NotRequired[int]
    save_more: int
    worth: NotRequired[int]


class Spent(TypedDict):
    """`used`: the last part of the discount."""

    available: int
    used: int


class Quote(TypedDict):
    balance: Spent
    subtotal: int
    discount: int
    payable: int
    lines: list[PricedLine]
    applied: list[Applied]
    gifts: list[QuotedGift]
    rebates: list[QuotedRebate]
    best: Best
    usable: list[Usable]
    unusable: list[Unusable]
    hints: list[Hint]


class RedemptionForm(TypedDict):
    order_id: str
    student: str
    order: Order
    coupons: list[str]
    expected_payable: NotRequired[int]
    lock_seconds: NotRequired[int]
    balance: NotRequired[int]


class Payment(TypedDict, total=False):
    """`paid`: the sum, `expected_version`: of the lock that was paid for. One of the two is needed where the
    order's lock was replaced."""

    payment_ref: str
    paid_at: str
    paid: int
    expected_version: int


class RefundLine(TypedDict):
    """So many pieces or so much money; neither: all that is left of the line."""

    id: str
    quantity: NotRequired[int]
    amount: NotRequired[int]


class RefundForm(TypedDict):
    refund_id: str
    lines: NotRequired[list[RefundLine]]
    preview: NotRequired[bool]


class RefundedLine(TypedDict):
    id: str
    refunded: int
    quantity: int
    refundable: int


class CouponOfRefund(TypedDict):
    """`reason`: it stays used, for its campaign's budget has no room for a second use."""

    code: str
    state: str
    reason: NotRequired[Literal["budget_short"]]


class Refund(TypedDict):
    """`refunded` is to be paid back now: what its lines have, less `charged_back`; `total`: of the order.
    `balance` went back to the student's account besides."""

    refund_id: str
    refunded: int
    charged_back: int
    total: int
    balance: int
    lines: list[RefundedLine]
    coupons: list[CouponOfRefund]
    created_at: str


class Redemption(TypedDict):
    id: str
    state: Literal["locked", "redeemed", "cancelled", "expired"]
    version: NotRequired[int]  # one more for each other lock that takes its place
    expires_at: NotRequired[str]
    discount: NotRequired[int]
    payable: NotRequired[int]
    lines: NotRequired[list[PricedLine]]
    balance: NotRequired[int]
    refunded: NotRequired[int]
    refunds: NotRequired[list[Refund]]


class CouponMove(TypedDict):
    """`state`: what it led to."""

    at: str
    event: str
    state: str
    order_id: NotRequired[str]


class CouponRecord(TypedDict):
    """`history`: the oldest move first."""

    id: str
    code: str
    state: str
    student: NotRequired[str]
    source: str
    batch_id: str
    drop_id: NotRequired[str]
    created_at: str
    won_at: NotRequired[str]
    bound_at: NotRequired[str]
    redeemed_at: NotRequired[str]
    history: list[CouponMove]


class OrderCoupon(TypedDict):
    discount: int
    shares: dict[str, int]
    coupon: CouponRecord


class CancelledLock(TypedDict):
    """A lock that was cancelled before its order was locked again."""

    version: int
    cancelled_at: str
    payable: int


class OrderRecord(TypedDict):
    """`list_total`: before the school's own sale prices. `cancelled_locks`: of before `redemption`."""

    order_id: str
    list_total: int
    lines: list[dict[str, object]]
    coupons: list[OrderCoupon]
    redemption: Redemption
    cancelled_locks: list[CancelledLock]


@dataclass(frozen=True, slots=True)
class Claim:
    """My claim of one drop.

    `outcome` is the contract's, or the error code of a claim over HTTP that cannot be repeated;
    `limit` comes with limit_reached, `coupon` with confirmed, `reason` with released and revoked.
    """

    drop_id: str
    state: ClaimState
    request_id: str | None = None
    outcome: str | None = None
    limit: str | None = None
    won_at: str | None = None
    coupon_id: str | None = None
    coupon: Coupon | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """`code`: the close code that led to `waiting` or `stopped`, where there was one."""

    status: Status
    code: int | None = None
    type: Literal["status"] = "status"


@dataclass(frozen=True, slots=True)
class WelcomeEvent:
    """Everything may be new: show the state afresh."""

    type: Literal["welcome"] = "welcome"


DropEventType = Literal[
    "drop_opened", "drop_changed", "drop_progress", "drop_closed", "drop_removed"
]


@dataclass(frozen=True, slots=True)
class DropEvent:
    """`drop_changed` also where server time opens or closes a drop."""

    type: DropEventType
    drop: Drop


@dataclass(frozen=True, slots=True)
class PresenceEvent:
    """How many are here; instructors only."""

    present: int
    type: Literal["presence"] = "presence"


@dataclass(frozen=True, slots=True)
class ClaimEvent:
    claim: Claim
    type: Literal["claim"] = "claim"


@dataclass(frozen=True, slots=True)
class CouponEvent:
    """Beside the ClaimEvent of the claim that gave it, where a claim did."""

    coupon: CouponChange
    type: Literal["coupon"] = "coupon"


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    code: str
    message: str
    retry_after_ms: int | None = None
    type: Literal["error"] = "error"


RoomEvent = (
    StatusEvent | WelcomeEvent | DropEvent | PresenceEvent | ClaimEvent | CouponEvent | ErrorEvent
)


@dataclass(frozen=True, slots=True)
class RoomState:
    """Everything there is to show. `retry_at` is local ms (`time.monotonic`), `clock_offset_ms` server
    time minus local ms, `close_code` why the connection is waiting or stopped; drops in the order they
    were told, claims by drop id."""

    room: str
    student: str | None
    status: Status
    close_code: int | None
    retry_at: float | None
    clock_offset_ms: int
    present: int
    drops: tuple[Drop, ...]
    claims: dict[str, Claim]


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a socket; report `opened`, `frame`, `closed` of this one only."""


@dataclass(frozen=True, slots=True)
class Send:
    text: str


@dataclass(frozen=True, slots=True)
class Emit:
    event: RoomEvent


@dataclass(frozen=True, slots=True)
class RequestToken:
    """Report `token` or `token_failed`."""


@dataclass(frozen=True, slots=True)
class ClaimOverHttp:
    """Report `http_answered` or `http_failed`."""

    drop_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Drop the socket, if there is one, and report nothing of it any more."""

    code: int


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `tick` then (local ms); replaces an earlier one."""

    at: int


Effect = Connect | Send | Emit | RequestToken | ClaimOverHttp | Disconnect | WakeAt
