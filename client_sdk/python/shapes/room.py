"""A room in a session: its state, and the events that tell of changes."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from client_sdk.python.shapes.claims import Claim
from client_sdk.python.shapes.coupons import CouponChange
from client_sdk.python.shapes.drops import Drop
from client_sdk.python.shapes.messages import RoomMessage
from client_sdk.python.shapes.offers import OfferState, OpenOffer
from client_sdk.python.shapes.tasks import TaskProgress


class Status(StrEnum):
    """The state of the connection. After WAITING the client reconnects by itself, after STOPPED it does
    not."""

    CONNECTING = "connecting"
    JOINING = "joining"
    LIVE = "live"
    WAITING = "waiting"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """The connection has another status. `code` is the close code that led to WAITING or STOPPED; None
    where there was none."""

    status: Status
    code: int | None = None
    type: Literal["status"] = "status"


@dataclass(frozen=True, slots=True)
class WelcomeEvent:
    """The whole state may have changed: show it afresh."""

    type: Literal["welcome"] = "welcome"


DropEventType = Literal[
    "drop_opened", "drop_changed", "drop_progress", "drop_closed", "drop_removed"
]


@dataclass(frozen=True, slots=True)
class DropEvent:
    """A drop has changed. The session makes a `drop_changed` also when the server's time opens or closes
    a drop."""

    type: DropEventType
    drop: Drop


@dataclass(frozen=True, slots=True)
class PresenceEvent:
    """The number of people in the room; instructors only."""

    present: int
    type: Literal["presence"] = "presence"


@dataclass(frozen=True, slots=True)
class WinnersEvent:
    """Masked names of some who won since the last event, and how many won besides; only of drops with
    `show_winners`."""

    drop_id: str
    names: list[str]
    more: int
    type: Literal["winners"] = "winners"


@dataclass(frozen=True, slots=True)
class ClaimEvent:
    """One of the student's claims has changed."""

    claim: Claim
    type: Literal["claim"] = "claim"


@dataclass(frozen=True, slots=True)
class CouponEvent:
    """One of the student's coupons has changed its state. Where a claim gave the coupon, a ClaimEvent
    comes besides."""

    coupon: CouponChange
    type: Literal["coupon"] = "coupon"


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """A message to the student; it comes once, however often the server sends it."""

    message: RoomMessage
    type: Literal["message"] = "message"


@dataclass(frozen=True, slots=True)
class OfferEvent:
    """A coupon is kept for the student; the same offer may come twice."""

    offer: OpenOffer
    type: Literal["offer"] = "offer"


@dataclass(frozen=True, slots=True)
class OfferWithdrawnEvent:
    """An offer is open no more, for the reason in `state`."""

    offer_id: str
    state: OfferState
    type: Literal["offer_withdrawn"] = "offer_withdrawn"


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """The student has come further with the task of a drop."""

    task: TaskProgress
    type: Literal["task"] = "task"


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """The server has refused a frame. `code` is one of PROTOCOL.md; `retry_after_ms` None: no wait named."""

    code: str
    message: str
    retry_after_ms: int | None = None
    type: Literal["error"] = "error"


RoomEvent = (
    StatusEvent
    | WelcomeEvent
    | DropEvent
    | WinnersEvent
    | PresenceEvent
    | ClaimEvent
    | CouponEvent
    | MessageEvent
    | OfferEvent
    | OfferWithdrawnEvent
    | TaskEvent
    | ErrorEvent
)


@dataclass(frozen=True, slots=True)
class RoomState:
    """Everything there is to show.

    `close_code` is why the connection is waiting or stopped. `retry_at` is the time of the next attempt
    in local ms (`time.monotonic`). `clock_offset_ms` is the server's time minus local ms. Drops are in
    the order in which they arrived; claims and tasks are by drop id.
    """

    room: str
    student: str | None
    status: Status
    close_code: int | None
    retry_at: float | None
    clock_offset_ms: int
    present: int
    drops: tuple[Drop, ...]
    claims: dict[str, Claim]
    tasks: dict[str, TaskProgress] = field(default_factory=dict)
