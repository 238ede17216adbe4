"""A drop's life: its states, who sees which, and what may be done in each.

Asked by flows before they write and by everybody who shows a drop. The clock is an argument.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from server.core.drops.claims import Audience
from server.core.ids import BatchId, DropId


class DropState(StrEnum):
    """`prepared` has no stock yet; `opening` is between ledger and desk and is shown to nobody as
    a state of its own (an API answer says `scheduled` or `open`, or fails)."""

    PREPARED = "prepared"
    OPENING = "opening"
    SCHEDULED = "scheduled"
    OPEN = "open"
    SOLD_OUT = "sold_out"
    CLOSED = "closed"


class CloseReason(StrEnum):
    ENDED = "ended"
    SOLD_OUT = "sold_out"
    STOPPED = "stopped"
    CANCELLED = "cancelled"  # an opening that could not be finished; students are told `stopped`


MAX_COUNTDOWN_SECONDS = 300
MAX_DURATION_SECONDS = 24 * 3600
SHOWN_AFTER_CLOSE_MS = 5 * 60 * 1000  # a closed drop stays in `welcome` this long
OPENING_DEADLINE_MS = 10_000  # an opening not done by then is cancelled, its stock returned


def state_at(now: int, opens_at: int, closes_at: int, remaining: int) -> DropState:
    """The state of a drop that has been opened and not closed, [opens_at, closes_at)."""
    if now < opens_at:
        return DropState.SCHEDULED
    if now >= closes_at:
        return DropState.CLOSED
    return DropState.OPEN if remaining > 0 else DropState.SOLD_OUT


@dataclass(frozen=True, slots=True)
class Allotment:
    """The units one opening or top-up moved from the batch to a drop: first..last, both inclusive."""

    id: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Window:
    """[opens_at, closes_at), stamped by the desk's clock."""

    opens_at: int
    closes_at: int


@dataclass(frozen=True, slots=True)
class RoomDrop:
    """A drop as its room knows it: what `drop_opened` shows, and what the gateway must know besides
    (shard, batch_id, campaign_id, per_student, audience). Made by flows from ledger rows, kept in the feed,
    never changed in place. `discount`, `threshold`, `scope`, `validity` are the contract's JSON.
    `deducts` is empty where the discount comes off goods alone."""

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
