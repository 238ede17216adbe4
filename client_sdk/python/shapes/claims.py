"""Claims: what the server says of them, and the student's own claims in a session."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.coupons import Coupon
from client_sdk.python.shapes.drops import Drop
from client_sdk.python.shapes.tasks import Task, TaskProgress, TaskState


class ClaimState(StrEnum):
    """The state of a claim in a session.

    PENDING is sent and not answered. REFUSED has its reason in `outcome`. ANSWERED has an outcome that
    is newer than this SDK.
    """

    PENDING = "pending"
    WON = "won"
    CONFIRMED = "confirmed"
    ENTERED = "entered"
    REFUSED = "refused"
    ANSWERED = "answered"
    RELEASED = "released"
    REVOKED = "revoked"


Outcome = Literal[
    "won",
    "already_won",
    "entered",
    "limit_reached",
    "sold_out",
    "not_open",
    "closed",
    "not_eligible",
    "blocked",
    "rate_limited",
    "retry",
    "released",
    "task_open",
]


WhyReason = Literal[
    "taken",
    "limit",
    "not_yet",
    "prepared",
    "stopped",
    "ended",
    "gone",
    "blocked",
    "hold_ended",
    "not_a_student",
    "not_new",
    "not_in_batch",
    "not_in_audience",
    "held",
    "task_open",
]


class Why(TypedDict):
    """The facts of a refusal, by the server's own order and clock; `texts.why_text` makes the sentence.

    `taken` comes with `units`, `tap` and, where it is known, `last_at` and `after_ms`; `limit` with `limit`,
    `most`, `used` and `tap`; `not_yet` with `opens_at` and `in_ms`; `ended` with `closed_at` and `after_ms`;
    `task_open` with the `kind` of the task, `done`, `needed` and `tap`. In a receipt `taken` and `ended` have
    neither `after_ms` nor `tap`.
    """

    reason: WhyReason
    units: NotRequired[int]
    last_at: NotRequired[str]
    after_ms: NotRequired[int]
    limit: NotRequired[str]
    most: NotRequired[int]
    used: NotRequired[int]
    opens_at: NotRequired[str]
    in_ms: NotRequired[int]
    closed_at: NotRequired[str]
    kind: NotRequired[str]
    done: NotRequired[int]
    needed: NotRequired[int]
    tap: NotRequired[int]


class DrawReceipt(TypedDict):
    """An entry in a draw. `leaf` is made of the other parts (`draws.receipt_leaf`) and stands at `index`
    among the leaves of the draw.
    """

    drop_id: str
    index: int
    pseudonym: str
    request_id: str
    entered_at: str
    client_random: str
    leaf: str


class ClaimReply(TypedDict):
    """The reply to a claim. A later server may send outcomes that are not listed here.

    `coupon` comes only over HTTP, where the claim is confirmed already. `limit` comes with
    `limit_reached`, `retry_after_ms` with `retry` and `rate_limited`, `why` with a refusal,
    `task` and `progress` with `task_open`, `receipt` with `entered`.
    """

    request_id: str
    drop_id: str
    outcome: Outcome
    coupon_id: NotRequired[str]
    coupon: NotRequired[Coupon]
    retry_after_ms: NotRequired[int]
    limit: NotRequired[Literal["batch", "device", "person", "campaign"]]
    why: NotRequired[Why]
    task: NotRequired[Task]
    progress: NotRequired[TaskState]
    receipt: NotRequired[DrawReceipt]


class MyClaim(TypedDict):
    """One of the student's claims in the `welcome` frame and in the snapshot."""

    drop_id: str
    state: Literal["entered", "won", "confirmed", "released", "revoked"]
    won_at: str
    coupon: NotRequired[Coupon]
    receipt: NotRequired[DrawReceipt]


class Snapshot(TypedDict):
    """The room as the `welcome` frame has it."""

    type: Literal["welcome"]
    room: str
    student: str
    now: str
    epoch: str
    offset: int
    present: int
    drops: list[Drop]
    claims: list[MyClaim]
    tasks: NotRequired[list[TaskProgress]]


@dataclass(frozen=True, slots=True)
class Claim:
    """The student's claim of one drop, in a session.

    `outcome` is the server's outcome, or the error code of a claim over HTTP that cannot be repeated.
    `limit` comes with `limit_reached`, `why` with a refusal, `coupon` with CONFIRMED,
    `reason` with RELEASED and REVOKED, `receipt` with ENTERED.
    """

    drop_id: str
    state: ClaimState
    request_id: str | None = None
    outcome: str | None = None
    limit: str | None = None
    why: Why | None = None
    won_at: str | None = None
    coupon_id: str | None = None
    coupon: Coupon | None = None
    reason: str | None = None
    receipt: DrawReceipt | None = None
