"""Drops: their states, limits and dates, and the form in which a room sees one.

Used by flows before they write, and by everything that shows a drop. The clock is an argument.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from server.core.drops.claims import Audience
from server.core.ids import BatchId, DropId


class DropState(StrEnum):
    """The state of a drop. `prepared` has no stock yet. `opening` is between ledger and desk; it is not
    shown as a state of its own: an API response says `scheduled` or `open`, or fails."""

    PREPARED = "prepared"
    OPENING = "opening"
    SCHEDULED = "scheduled"
    OPEN = "open"
    SOLD_OUT = "sold_out"
    CLOSED = "closed"


class CloseReason(StrEnum):
    """The reason why a drop was closed."""

    ENDED = "ended"
    SOLD_OUT = "sold_out"
    STOPPED = "stopped"
    CANCELLED = "cancelled"  # an opening that could not be finished; students see `stopped`


MAX_COUNTDOWN_SECONDS = 300
MAX_DURATION_SECONDS = 24 * 3600
SHOWN_AFTER_CLOSE_MS = 5 * 60 * 1000  # how long a closed drop stays in `welcome`
OPENING_DEADLINE_MS = 10_000  # an opening not done by then is cancelled, its stock returned


def state_at(now: int, opens_at: int, closes_at: int, remaining: int) -> DropState:
    """Return the state of a drop that has been opened and not closed; its window is [opens_at, closes_at)."""
    if now < opens_at:
        return DropState.SCHEDULED
    if now >= closes_at:
        return DropState.CLOSED
    return DropState.OPEN if remaining > 0 else DropState.SOLD_OUT


@dataclass(frozen=True, slots=True)
class Allotment:
    """The units that one opening or top-up moved from the batch to a drop: first..last, both inclusive."""

    id: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which a drop is open: [opens_at, closes_at), in ms UTC, stamped by the desk's clock."""

    opens_at: int
    closes_at: int


@dataclass(frozen=True, slots=True)
class RoomDrop:
    """A drop as its room sees it: the fields of `drop_opened`, and what the gateway needs besides (shard,
    batch_id, campaign_id, per_student, audience).

    Made by flows from ledger rows, kept in the feed, and not changed in place. `discount`, `threshold`,
    `scope` and `validity` are the contract's JSON. `deducts` is empty if the discount comes off goods
    alone.
    """

    id: DropId
    room: str
    shard: int
    batch_id: BatchId
    per_student: int
    audience: Audience
    name: str
    description: str
    message: str
    currency: str
    discount: Mapping[str, object]
    threshold: Mapping[str, object]
    scope: Mapping[str, object]
    validity: Mapping[str, object]
    mode: str
    quantity: int
    window: Window
    style: Mapping[str, str] = field(default_factory=dict)
    hold_seconds: int | None = None
    use_url: str | None = None
    closed_at: int | None = None
    close_reason: CloseReason | None = None
    deducts: Sequence[str] = ()
    campaign_id: str | None = None
