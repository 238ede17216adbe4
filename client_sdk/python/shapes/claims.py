"""Claims: what the server says of them, and the student's own claims in a session."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.coupons import Coupon
from client_sdk.python.shapes.drops import Drop


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
    "limit_reached",
    "sold_out",
    "not_open",
    "closed",
    "not_eligible",
    "rate_limited",
    "retry",
    "released",
]


class ClaimReply(TypedDict):
    """The reply to a claim. A later server may send outcomes that are not listed here.

    `coupon` comes only over HTTP, where the claim is confirmed already. `limit` comes with
    `limit_reached`, `retry_after_ms` with `retry` and `rate_limited`.
    """

    request_id: str
    drop_id: str
    outcome: Outcome
    coupon_id: NotRequired[str]
    coupon: NotRequired[Coupon]
    retry_after_ms: NotRequired[int]
    limit: NotRequired[Literal["batch", "device", "person", "campaign"]]


class MyClaim(TypedDict):
    """One of the student's claims in the `welcome` frame and in the snapshot."""

    drop_id: str
    state: Literal["won", "confirmed", "released", "revoked"]
    won_at: str
    coupon: NotRequired[Coupon]


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


@dataclass(frozen=True, slots=True)
class Claim:
    """The student's claim of one drop, in a session.

    `outcome` is the server's outcome, or the error code of a claim over HTTP that cannot be repeated.
    `limit` comes with `limit_reached`, `coupon` with CONFIRMED, `reason` with RELEASED and REVOKED.
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
